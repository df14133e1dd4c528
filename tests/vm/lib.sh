# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Starts, stops and speaks to the guest that tests/vm/build made. Sourced. One machine for each disk.

vm_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_cache=${FWD_VM_CACHE:-$(cd "$vm_here/../.." && pwd)/build-vm/machine}
vm_dir=${vm_dir:-$vm_cache/run}
vm_disk=${vm_disk:-$vm_cache/disk.qcow2}
vm_memory_mb=768
vm_share=${vm_share:-$vm_dir/share}

# The guest's disk, over the base image; snapshots live in it.
vm_create() {
        (cd "$vm_cache" && qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 disk.qcow2)
}

# vm_accelerator: what is to run the guest, kvm or tcg. $FWD_VM_ACCEL is one of them, or auto: kvm if there is one and it was not seen to
# fail. There are machines where it is there and fails: the guest hangs, or qemu aborts. So tests/vm/build tries it first.
vm_accelerator() {
        case ${FWD_VM_ACCEL:-auto} in
        kvm | tcg) echo "$FWD_VM_ACCEL" ;;
        auto)
                if [ -r /dev/kvm ] && [ -w /dev/kvm ] && [ "$(cat "$vm_cache/kvm-failed" 2>/dev/null)" != "$(uname -srv)" ]; then
                        echo kvm
                else
                        echo tcg
                fi
                ;;
        *)
                echo "FWD_VM_ACCEL=$FWD_VM_ACCEL: it is kvm, tcg or auto." >&2
                return 1
                ;;
        esac
}

# Drops what was installed since the machine was built: back to the snapshot "booted".
vm_create_again() {
        rm -f "$vm_cache/installed"
        qemu-img snapshot -d installed "$vm_cache/disk.qcow2" 2>/dev/null || :
}

vm_exec_program() {
        [ -x "$vm_cache/vm-exec" ] || cc -D_GNU_SOURCE -O1 -I"$vm_here/../../daemon" -o "$vm_cache/vm-exec" "$vm_here/vm-exec.c"
        echo "$vm_cache/vm-exec"
}

# vm_start [SNAPSHOT]: from the snapshot (1 s) or by booting; returns when the guest takes commands.
vm_start() {
        local load=()
        [ $# = 0 ] || load=(-loadvm "$1")
        # What the snapshots were made with: none fits the other.
        local runs_on=(-accel 'tcg,thread=multi' -cpu qemu64)
        [ "${vm_accel:-$(cat "$vm_cache/accelerator")}" = tcg ] || runs_on=(-accel kvm -cpu host)
        mkdir -p "$vm_dir" "${vm_share:=$vm_dir/share}"
        rm -f "$vm_dir"/*.sock "$vm_dir/given-up"
        qemu-system-x86_64 -name fwd-vm -nodefaults -no-user-config -display none -M q35,hpet=off "${runs_on[@]}" \
                -smp 2 -m "$vm_memory_mb" -rtc base=utc \
                -kernel "$vm_cache/vmlinux" -initrd "$vm_cache/initrd" \
                -append "console=ttyS0 root=/dev/vda rw quiet loglevel=4 panic=-1 tsc=unstable" -no-reboot \
                -drive "file=$vm_disk,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk \
                -device virtio-serial-pci -chardev "socket,id=control,path=$vm_dir/control.sock,server=on,wait=off" \
                -device virtserialport,chardev=control,name=fwd.control \
                -virtfs "local,path=$vm_share,mount_tag=share,security_model=none,id=share" \
                -chardev "socket,id=monitor,path=$vm_dir/monitor.sock,server=on,wait=off" -mon chardev=monitor,mode=readline \
                -serial "file:$vm_dir/console.log" -pidfile "$vm_dir/pid" "${load[@]}" >"$vm_dir/qemu.log" 2>&1 &
        vm_pid=$!
        local n=0
        until [ -S "$vm_dir/control.sock" ] && [ -S "$vm_dir/monitor.sock" ]; do
                kill -0 "$vm_pid" 2>/dev/null || { cat "$vm_dir/qemu.log" >&2; return 1; }
                n=$((n + 1)); [ $n -lt 600 ] || return 1
                read -rt 0.05 <> <(:) || :
        done
        timeout "${vm_start_timeout:-120}" "$(vm_exec_program)" "$vm_dir/control.sock" 60 <<<"date -s @$(date +%s) >/dev/null"
}

# vm_run 'SCRIPT': as root in the guest; its output, its exit status. A script that takes more than $vm_timeout seconds (300) is ended
# there, when the guest has said what it was doing. A guest that does not even do that is not asked anything more: what comes of an
# earlier command would be taken for a later one's.
vm_run() {
        local status limit=${vm_timeout:-300}
        [ ! -e "$vm_dir/given-up" ] || { echo "the guest did not answer an earlier command"; return 124; }
        timeout $((limit + 60)) "$(vm_exec_program)" "$vm_dir/control.sock" "$limit" <<<"$1"
        status=$?
        [ $status -ne 124 ] || : >"$vm_dir/given-up"
        return $status
}

vm_monitor() {
        printf '%s\n' "$1" | timeout 60 socat -t 30 - "UNIX-CONNECT:$vm_dir/monitor.sock" >"$vm_dir/monitor.log" 2>&1
}

vm_save() {
        vm_monitor "savevm $1"
}

vm_stop() {
        [ -n "${vm_pid:-}" ] || return 0
        vm_monitor quit || :
        kill "$vm_pid" 2>/dev/null || :
        wait "$vm_pid" 2>/dev/null || :
        vm_pid=
}
