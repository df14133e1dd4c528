#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The service's life under systemd: it leaves, and is there again with the next board or call; the bus restarted in mid-job; a
# state directory that cannot be written; a reboot of the machine.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
# idle_after MS [MORE]: how long it stays; MORE goes into the unit, too
idle_after() {
        guest "mkdir -p /etc/systemd/system/fwd.service.d
                printf '%s\n' '${2:-}' '[Service]' 'Environment=FWD_IDLE_EXIT_MS=$1' >/etc/systemd/system/fwd.service.d/test.conf
                systemctl daemon-reload; systemctl restart fwd"
}
# qemu ends where the guest would start again; the machine goes on from its disk.
reboot_machine() {
        guest 'sync; systemctl --no-block reboot' || :
        wait "$vm_pid"
        vm_pid=
        vm_start || { echo "Bail out! the virtual machine does not start again"; exit 1; }
}
inactive='[ "$(systemctl show fwd -p ActiveState --value)" = inactive ]'

# --- nobody needs it
idle_after 2500
guest_ok "with nothing to do it leaves" "left() { $inactive; }; await 200 left"
out=$(guest 'systemctl show fwd -p Result -p NRestarts -p ExecMainStatus; systemctl is-enabled fwd; systemctl --failed --no-legend')
is "that is no failure, and no reason to start it again" "$out" $'Result=success\nNRestarts=0\nExecMainStatus=0\nenabled'

# --- a board starts it: nobody calls here, so that it is not the bus that does
guest 'mkdir -p /etc/fwd; printf "[Aliases]\nbay1 = 1-1\n" >/etc/fwd/aliases; simctl plug betaflight-f405 1-1'
guest_ok "a board starts it" 'await 200 systemctl is-active -q fwd'
guest_ok "and is known" 'await 200 identified bay1'
# Another one, with a longer time, that has a bus for itself and sees no board: when that has left, this one would have, too.
out=$(guest 'cat >/run/control.conf <<END
<busconfig>
  <listen>unix:path=/run/control.bus</listen>
  <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
END
        cat >/run/control.sh <<END
mount -t tmpfs tmpfs /run/udev
export FWD_IDLE_EXIT_MS=4000 FWD_STATE_DIR=/run/control DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/control.bus
exec dbus-run-session --config-file=/run/control.conf -- /usr/libexec/fwd/fwd
END
        before=$(systemctl show fwd -p MainPID)
        unshare -m sh /run/control.sh 2>&1; echo "exit $?"
        [ "$(systemctl show fwd -p MainPID)" = "$before" ] && systemctl is-active fwd')
like "with a board it stays" "$out" $'No board, no job and no client: leaving.*\nexit 0\nactive$'
guest_ok "a backup is made" 'fwctl backup 1-1'
guest 'simctl unplug 1-1'
guest_ok "a job that has ended can still be read" 'fwctl jobs --no-legend | grep -q success'
guest 'systemctl stop fwd'

# --- a call starts it
out=$(guest 'fwctl list --no-legend; fwctl backups --no-legend')
like "a call starts it, and the backup is there" "$out" 'SPEEDYBEEF405V4'
guest_ok "then it leaves again" "left() { $inactive; }; await 200 left"
guest 'simctl replug 1-1 boot-pin=1; simctl wait 1-1 bootloader'
guest_ok "the board, now in its bootloader, starts it" 'await 200 systemctl is-active -q fwd'
out=$(guest 'await 100 known bay1; property bay1 Remembered; property bay1 BoardName; property 1-1 Alias')
is "and is known again, by its alias too" "$out" $'yes\nSPEEDYBEEF405V4\nbay1'
guest 'simctl remove 1-1'

# --- boards that come in the very moment in which it leaves
idle_after 1 $'[Unit]\nStartLimitIntervalSec=0'
guest_ok "boards that come while it leaves are all seen" '
        seen() { busctl --auto-start=no --timeout=5 call org.fwctl1 /org/fwctl1 org.fwctl1.Manager GetDevice s "$1"; }
        simctl plug stm32-f405 3-1 && simctl wait 3-1 bootloader
        for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
                await 100 seen 3-1 || { echo "round $round"; exit 1; }
                simctl replug 3-1 boot-pin=1
        done
        await 100 seen 3-1 && simctl remove 3-1'
# Each when the journal says that it leaves. (Not with 1 ms: systemd takes a service for broken that has gone before it has seen its
# name.)
idle_after 1000 $'[Unit]\nStartLimitIntervalSec=0'
out=$(guest 'cursor=$(journalctl -n 0 --show-cursor | sed -n "s/^-- cursor: //p"); fwctl list >/dev/null 2>&1; calls=0
        journalctl -f --after-cursor="$cursor" -o cat -u fwd | while [ $calls -lt 16 ] && read -r line; do
                case $line in *"leaving until there is one"*) ;; *) continue ;; esac
                calls=$((calls + 1))
                fwctl list >/tmp/list 2>&1 || { echo "call $calls"; cat /tmp/list; }
                echo "$calls"
        done')
is "and calls that come while it leaves are all answered" "$out" "$(seq 16)"
out=$(guest "left() { $inactive; }; await 200 left; systemctl show fwd -p Result --value")
is "after all that it has left, well" "$out" success

guest 'rm /etc/systemd/system/fwd.service.d/test.conf; systemctl daemon-reload'

guest 'plug betaflight-f405 1-1 && await 100 identified 1-1'

# --- a disk that became read-only, and writable again
guest 'systemctl stop fwd; mount -t tmpfs -o size=64k,uid=fwd,gid=fwd,mode=0700 tmpfs /var/lib/fwd; systemctl start fwd; await 100 identified 1-1
        mount -o remount,ro /var/lib/fwd'
out=$(guest 'fwctl flash --keep-config 1-1 $data/hello-2.hex; echo "exit $?"; fwctl list; fwctl flash --no-keep-config 1-1 $data/hello-2.hex' 2>&1)
like "a disk that became read-only: the board is not touched" "$out" 'Read-only file system.*untouched.*exit 1'
like "and all else goes on" "$out" 'SPEEDYBEEF405V4.*flashed and verified'
guest_ok "on a read-only disk the service starts, too" 'systemctl restart fwd && await 100 identified 1-1'
out=$(guest 'fwctl flash --keep-config 1-1 $data/hello-1.hex' 2>&1)
like "which cannot keep anything" "$out" 'Read-only file system.*untouched'
# systemd copied the mount for it, read-only. Nobody calls until it is there again.
out=$(guest 'journalctl --sync; cursor=$(journalctl -n 0 --show-cursor | sed -n "s/^-- cursor: //p")
        journalctl -f --after-cursor="$cursor" -o cat _PID=1 -u fwd >/run/starts & follow=$!
        mount -o remount,rw /var/lib/fwd
        await 100 grep -q "Started .*Firmware flashing service" /run/starts; kill $follow
        systemctl show fwd -p NRestarts -p Result; await 100 identified 1-1; fwctl --json=short flash --keep-config 1-1 $data/hello-1.hex' 2>&1)
like "when the disk is writable again it starts again, by itself" "$out" 'NRestarts=1.*Result=success|Result=success.*NRestarts=1'
like "and keeps the configuration" "$out" '"Config":"kept"'
guest_ok "what it said is in its journal" 'journalctl --sync; journalctl -b -u fwd -o cat | grep -q "/var/lib/fwd is not read-only any more: starting again"'
guest 'systemctl stop fwd; umount /var/lib/fwd; systemctl start fwd; await 100 identified 1-1; fwctl --json=short backups >/root/kept
        mount --bind /var /var; mount -o remount,bind,ro /var'
out=$(guest 'systemctl restart fwd; await 100 identified 1-1; fwctl --json=short backups | cmp - /root/kept && echo "has them"
        fwctl flash --keep-config 1-1 $data/hello-2.hex; echo "exit $?"; fwctl flash --no-keep-config 1-1 $data/hello-2.hex' 2>&1)
like "with all of /var read-only it starts, and has what was kept" "$out" 'has them'
like "keeps nothing more" "$out" 'Read-only file system.*untouched.*exit 1'
like "and flashes" "$out" 'flashed and verified'
guest 'mount -o remount,bind,rw /var; umount -l /var; systemctl restart fwd; await 100 identified 1-1'
guest_ok "writable again, it keeps" 'fwctl backup 1-1'

# --- without the service
guest 'systemctl mask --now --runtime fwd 2>&1'
out=$(guest 'fwctl --direct list; fwctl --direct flash 1-1 $data/hello-1.hex' 2>&1)
like "--direct: root has the boards without the service" "$out" 'SPEEDYBEEF405V4.*flashed and verified'
is "what is kept belongs to the service" "$(guest 'find /var/lib/fwd -not -user fwd')" ''
out=$(guest 'MODE=bootloader insert 3-1 plug stm32-f405 3-1
        cp $data/hello-1.bin /tmp; as_remote fwctl --direct flash 3-1 /tmp/hello-1.bin --address=0x08000000; echo "exit $?"' 2>&1)
like "a stranger over ssh may not open the board, and is told what to do" "$out" 'No permission|may not be opened|with sudo'
like "by its exit status too" "$out" 'exit 4'
# Nothing of the machine: no bus, no udevd, no rules, no hwdb.
out=$(guest 'unshare -m sh -c "mount -t tmpfs tmpfs /run; mount --bind /dev/null /lib/udev/hwdb.bin; [ ! -f /etc/udev/hwdb.bin ] || mount --bind /dev/null /etc/udev/hwdb.bin
        fwctl --direct list; fwctl --direct flash 1-1 $data/hello-2.hex"' 2>&1)
like "without bus, udevd, rules and hwdb the boards are known" "$out" '1-1 +firmware +SPEEDYBEEF405V4.*3-1 +bootloader'
like "and followed from firmware to bootloader and back" "$out" 'flashed and verified'
guest 'systemctl unmask --runtime fwd 2>&1; await 100 known 1-1'
out=$(guest 'fwctl --direct list; echo "exit $?"' 2>&1)
like "while the service runs it is refused" "$out" 'The service fwd runs on this machine.*exit 5'
# Where neither the bus nor the state directory is the machine's, it cannot know of the service. The kernel keeps them apart.
out=$(guest 'slow_boards
        slow plug stm32-f405 7-1 && slow wait 7-1 bootloader && await 100 known 7-1
        fwctl flash --no-leave --address=0x08000000 7-1 $data/hello-2.bin >/tmp/flash.out 2>&1 3>&- & flash=$!
        await 300 changing 7-1
        kill -STOP $(pidof fwd-worker)
        unshare -m sh -c "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib/fwd
                FWD_PORT_WAIT_MS=1000 fwctl --direct flash --no-leave --address=0x08000000 7-1 $data/hello-1.bin"; echo "direct: $?"
        kill -CONT $(pidof fwd-worker)
        wait $flash; echo "flash: $?"
        slow dump 7-1 /tmp/flash.bin; cmp -n "$(stat -c %s $data/hello-2.bin)" /tmp/flash.bin $data/hello-2.bin; echo "same: $?"' 2>&1)
like "where it cannot see that, it does not get the board" "$out" 'Another program has /dev/bus/usb/.*untouched.*direct: [1-9]'
like "and does the job no harm" "$out" $'\nflash: 0\nsame: 0'

# --- a reboot, with a board plugged in from the start
guest 'cat >/etc/systemd/system/boards.service <<END
[Unit]
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service
Before=systemd-udev-trigger.service
[Service]
Environment=FWD_SIM_CONTROL=/run/sim.sock
ExecStart=/usr/local/bin/fwd-usbip /run/sim.sock 0
ExecStartPost=/bin/sh -c "until [ -S /run/sim.sock ]; do sleep 0.1; done; simctl plug betaflight-f405 1-1 && simctl wait 1-1 firmware"
[Install]
WantedBy=sysinit.target
END
systemctl enable boards.service 2>&1; systemctl disable fwd 2>&1; fwctl backups --no-legend | wc -l >/root/backups; sync'
reboot_machine
out=$(guest 'await 600 systemctl is-active -q fwd; systemctl is-enabled fwd; await 200 identified bay1; fwctl list --no-legend; systemctl show fwd -p NRestarts')
like "after a reboot the board starts the service, which nobody enabled" "$out" 'disabled'
like "the board is known" "$out" '1-1 +firmware +SPEEDYBEEF405V4'
like "at the first try" "$out" 'NRestarts=0'
guest_ok "backups are kept" '[ "$(fwctl backups --no-legend | wc -l)" = "$(cat /root/backups)" ] && [ "$(cat /root/backups)" -gt 0 ]'
guest_ok "and it flashes" 'fwctl flash 1-1 $data/hello-1.hex'

done_scenario
