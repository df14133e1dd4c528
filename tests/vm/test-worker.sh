#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The worker's confinement and the service's own on a real system: a release build, a real kernel, the shipped unit.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
guest_ok "the unit's exposure is at most 1.5" 'systemd-analyze security --no-pager --threshold=15 fwd.service'

# A worker as it writes, stopped and looked at from outside: the chip takes its time, so that there is a middle. The debug lines say
# what is in force.
guest 'slow_boards; mkdir -p /run/systemd/system/fwd.service.d
        printf "[Service]\nEnvironment=FWD_LOG_LEVEL=debug\n" >/run/systemd/system/fwd.service.d/debug.conf
        systemctl daemon-reload && systemctl restart fwd
        FWD_SIM_CONTROL=/run/slow.sock MODE=bootloader plug stm32-f405 9-1'
out=$(guest '
        filters() { sed -n "s/^Seccomp_filters:[^0-9]*//p" /proc/$1/status; }
        of_service=$(filters $(systemctl show fwd --value -p MainPID))
        fwctl flash 9-1 $data/hello-2.hex >/tmp/flash.out 2>&1 3>&- & job=$!
        await 300 changing 9-1
        pid=$(pidof fwd-worker) && kill -STOP $pid && await 60 grep -q "^State:.*T" /proc/$pid/status
        [ "$(filters $pid)" -gt $of_service ] && echo has more filters than the service
        grep -E "^(Seccomp|NoNewPrivs|CapEff|CapBnd|Uid)" /proc/$pid/status
        stat -L -c "%F, %t" /proc/$pid/fd/*
        kill -CONT $pid
        wait $job && echo flashed || cat /tmp/flash.out')
like "a worker at work has a filter for system calls" "$out" $'Seccomp:\t2'
like "its own, besides the unit's" "$out" 'has more filters than the service'
like "gets no new privileges" "$out" $'NoNewPrivs:\t1'
like "has no capability" "$out" $'CapEff:\t0000000000000000'
# By major numbers, in hexadecimal: 1 is /dev/null, 189 a USB node.
is "has one device open, and it is a USB node" \
        "$(grep '^character special file' <<<"$out" | grep -v ', 1$')" 'character special file, bd'
[ "$tap_failed" -eq 0 ] || tap_diag "$out"
like "and does its work" "$out" 'flashed$'
out=$(guest 'journalctl --sync; journalctl -u fwd -b -o cat --no-pager')
like "landlock is in force" "$out" 'Landlock is in force, ABI [1-9]'
unlike "nothing was missing" "$out" 'This kernel has no'

# All that a worker does, through the service: USB node, serial port, HID node
guest_ok "a board in its firmware is identified" 'plug betaflight-f405 1-1 && await 100 identified 1-1 && fwctl identify 1-1'
guest_ok "its configuration is read" 'fwctl backup 1-1 /tmp/quad.txt && grep -q Betaflight /tmp/quad.txt'
guest_ok "and given back" 'fwctl restore 1-1 /tmp/quad.txt'
guest_ok "it goes into its bootloader" 'fwctl reboot 1-1'
guest_ok "its flash is read" 'fwctl read --no-leave 1-1 /tmp/flash.bin && test -s /tmp/flash.bin'
guest_ok "and erased" 'fwctl erase --range=0x08004000+16K --yes 1-1 </dev/null'
guest_ok "it is started again" 'fwctl leave 1-1'
guest 'MODE=bootloader plug stm32-f405 3-1 rdp=1'
guest_ok "a read protection is taken off" 'fwctl unprotect --yes 3-1 </dev/null'
guest 'plug ffbeast-wheel 5-1; ls -l /dev/hidraw*' >/dev/null
guest_ok "a wheel is asked over HID for its bootloader" 'fwctl reboot 5-1'
unlike "no call was refused that anything needed" "$(guest 'journalctl --sync; journalctl -u fwd -b -o cat --no-pager')" \
        'not permitted|Permission denied|cannot be confined'

guest 'simctl remove 1-1; rmmod cdc-acm && systemctl restart fwd'
guest_ok "a driver that comes with the board does" 'plug betaflight-f405 1-1 && await 100 identified 1-1'

# By hand, without the service's limits around it
guest 'plug betaflight-f405 7-1 && await 100 identified 7-1; systemctl stop fwd'
out=$(guest 'worker=/usr/libexec/fwd/fwd-worker
        cd /tmp && $worker backup --tty="$(ls /dev/ttyACM* | tail -n 1)" --output=by-hand.txt && grep -c . by-hand.txt
        : >there; $worker backup --tty=/dev/ttyACM99 --output=gone.txt; ls gone.txt
        $worker inspect --image=$data/hello-2.hex')
like "by hand a configuration is written to a new file" "$out" $'\n[1-9][0-9]*\n'
like "which is gone again if nothing came of it" "$out" "DeviceLost(.|"$'\n'")*cannot access 'gone.txt'"
like "and a file is looked at" "$out" 'Sha256'
guest 'systemctl start fwd'

# What it keeps is nobody else's
out=$(guest 'find /var/lib/fwd -mindepth 1 | wc -l; find /var/lib/fwd \( ! -user fwd -o ! -group fwd -o -perm /077 \) -printf "%p %M %u\n"
        runuser -u nobody -- ls /var/lib/fwd 2>&1; runuser -u pilot -- cat /var/lib/fwd/backups/*/* 2>&1')
like "it keeps files" "$out" $'^[1-9]'
is "none of them can be read by others" "$(sed 1d <<<"$out" | grep -v 'Permission denied')" ''

# A service that hangs is ended by the watchdog, and started again; one that lives tells so.
out=$(guest '
        printf "[Service]\nWatchdogSec=10s\n" >/run/systemd/system/fwd.service.d/watchdog.conf
        systemctl daemon-reload && systemctl restart fwd
        value() { systemctl show fwd --value -p "$1"; }
        stamp=$(value WatchdogTimestampMonotonic)
        told() { [ "$(value WatchdogTimestampMonotonic)" != "$stamp" ]; }
        await 200 told && stamp=$(value WatchdogTimestampMonotonic) && await 200 told && echo told twice, restarts $(value NRestarts)
        pid=$(value MainPID)
        kill -STOP $pid
        again() { [ "$(value NRestarts)" -ge 1 ] && [ "$(value ActiveState)" = active ] && [ "$(value MainPID)" != $pid ]; }
        await 300 again && echo again
        await 100 known 1-1 && echo known
        journalctl --sync; journalctl -u fwd -b -o cat --no-pager | grep -i watchdog')
like "a service that lives tells its watchdog" "$out" 'told twice, restarts 0'
like "one that hangs is started again" "$out" $'\nagain\n'
like "and has its boards" "$out" $'\nknown\n'
like "because of the watchdog" "$out" 'Watchdog timeout'
done_scenario
