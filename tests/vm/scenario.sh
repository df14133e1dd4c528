# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For tests/vm/test-*.sh: a machine with the package installed, boards to plug, and TAP. Sourced.
#
#   machine                          starts a new one from the snapshot (what was there before is gone)
#   guest 'SCRIPT'                   in it, as root, with guest/boards.sh; output and status are the script's
#   fetch GUEST-FILE FILE            a file out of it
#   done_scenario                    end of the test; the journal is kept if something failed

tests_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$tests_dir/lib/tap.sh"
# shellcheck source=tests/vm/lib.sh
. "$tests_dir/vm/lib.sh"
scenario_name=${scenario_name:-$(basename "$0" .sh)}
scenario_files=$(mktemp -d)
scenario_failed=0
scenario_ended=no
# A disk and sockets of its own, as scenarios run side by side. The disk is over the one base image, which it finds beside it.
vm_dir=$vm_cache/run-$scenario_name
vm_share=$vm_dir/share
vm_disk=$vm_cache/disk-$scenario_name.qcow2
trap 'broke_off; vm_stop; rm -rf "$scenario_files" "$vm_dir" "$vm_disk"' EXIT

keep_journal() {
        [ "$tap_failed" -gt "$scenario_failed" ] && [ -n "${vm_pid:-}" ] || return 0
        scenario_failed=$tap_failed
        mkdir -p "$vm_cache/journals"
        vm_run 'journalctl --no-pager -b -o short-precise | tail -n 2000; cat /run/sim.log' >"$vm_cache/journals/$scenario_name.log" 2>&1
        tap_diag "journal: $vm_cache/journals/$scenario_name.log"
        tap_diag "$(grep -E ' fwd(\[|-worker)' "$vm_cache/journals/$scenario_name.log" | tail -n 15)"
}

# Of a scenario that ends before its end, too.
broke_off() {
        [ $scenario_ended = no ] || return 0
        tap_failed=$((tap_failed + 1))
        vm_timeout=30 keep_journal
}

machine() {
        keep_journal
        vm_stop
        [ -e "$vm_disk" ] || cp --reflink=auto "$vm_cache/disk.qcow2" "$vm_disk"
        vm_start installed || {
                tap_diag "$(tail -n 20 "$vm_dir/console.log" "$vm_dir/qemu.log")"
                echo "Bail out! the virtual machine does not start"
                exit 1
        }
}

guest() {
        vm_run "$(cat "$tests_dir/vm/guest/boards.sh")"$'\n'"$1"
}

fetch() {
        guest "base64 -w0 '$1'" | base64 -d >"$2"
}

# guest_ok NAME 'SCRIPT': a check
guest_ok() {
        local out status
        out=$(guest "$2" 2>&1)
        status=$?
        if [ $status -eq 0 ]; then ok "$1"; else not_ok "$1" "exit status $status"$'\n'"$out"; fi
}

done_scenario() {
        scenario_ended=yes
        keep_journal
        vm_stop
        done_testing
}
