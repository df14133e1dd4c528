#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who sits at the machine: has the boards' nodes, and can neither suspend the machine nor reach a board while it is being changed.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
guest '
        plug betaflight-f405 1-1 && plug ffbeast-wheel 5-1 && MODE=bootloader plug stm32-f405 3-1 && await 100 identified 1-1
        may_ssh remote
        # Which of the boards it may open, as whoever runs it.
        cat >/tmp/opens <<END
for node in "firmware $(node 1-1)" "bootloader $(node 3-1)" "hidraw /dev/hidraw0" "tty $(property 1-1 Node)"; do
        [ ! -w \${node#* } ] || printf "%s " \${node% *}
done
END' >/dev/null

# --- who has the nodes
is "who sits at the machine has the boards, and no serial port" "$(guest 'as_pilot sh /tmp/opens')" 'firmware bootloader hidraw '
is "who comes over ssh has none" "$(guest 'as_remote sh /tmp/opens')" ''
is "nor has nobody" "$(guest 'runuser -u nobody -- sh /tmp/opens')" ''
is "nor who has left the seat" "$(guest 'await 100 sh -c "! runuser -u pilot -- sh /tmp/opens | grep ."; runuser -u pilot -- sh /tmp/opens')" ''
is "the service has all that it needs" "$(guest 'runuser -u fwd -- sh /tmp/opens')" 'firmware bootloader hidraw tty '
out=$(guest 'simctl dump 3-1 /tmp/flash.bin; as_pilot dfu-util -d 0483:df11 -a 0 -s 0x08000000:4096 -U /tmp/up.bin && cmp -n 4096 /tmp/up.bin /tmp/flash.bin')
is "dfu-util works at the seat, as it does with a rule of its own" $? 0

# --- in mid-write
out=$(guest '
        slow_boards
        FWD_SIM_CONTROL=/run/slow.sock MODE=bootloader plug stm32-f405 7-1
        simctl unplug 3-1 && await 100 sh -c "! fwctl --json=short show 3-1"
        fwctl flash 7-1 $data/hello-2.bin --address=0x08000000 --no-leave >/tmp/flash.out 2>&1 3>&- &
        flash=$!
        await 300 changing 7-1
        kill -STOP $(pidof fwd-worker)
        systemd-inhibit --list --no-pager --no-legend
        as_pilot systemctl --check-inhibitors=yes suspend; echo "suspend: $?"
        as_pilot systemctl --check-inhibitors=no suspend; echo "suspend, unasked: $?"
        as_pilot systemctl --check-inhibitors=no poweroff; echo "poweroff: $?"
        as_pilot dfu-util -l | grep -c "Found DFU.*path=\"7-1\""
        as_pilot dfu-util -d 0483:df11 -p 7-1 -a 0 -s 0x08000000:leave -D $data/hello-1.bin; echo "dfu-util: $?"
        systemctl restart systemd-logind
        systemd-inhibit --list --no-pager --no-legend | sed "s/^fwd/still fwd/"
        kill -CONT $(pidof fwd-worker)
        wait $flash; echo "flash: $?"
        slow dump 7-1 /tmp/flash.bin; cmp -n "$(stat -c %s $data/hello-2.bin)" /tmp/flash.bin $data/hello-2.bin; echo "same: $?"
        systemd-inhibit --list --no-pager --no-legend | sed "s/^/after: /"
        as_pilot busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager CanSuspend
        cat /tmp/flash.out' 2>&1)
tap_diag "$out"
like "while a board is being changed, the machine is kept awake" "$out" $'(^|\n)fwd +[0-9]+ +fwd .*shutdown:sleep:handle-lid-switch +Board 7-1 .*flash\) +block'
like "a suspend is refused, with the reason" "$out" 'Operation inhibited by "fwd".*Board 7-1 \(.*\) is being changed \(job [0-9]+, flash\)'
like "the command fails" "$out" $'\nsuspend: 1\n'
like "also where it does not look first" "$out" $'\nsuspend, unasked: 1\n'
like "so does shutting down" "$out" $'\npoweroff: 1\n'
like "dfu-util lists the board meanwhile" "$out" $'\n4\n'
like "but does not get it" "$out" $'Cannot claim interface.*\ndfu-util: 74\n'
like "a restart of logind does not let the machine go" "$out" $'\nstill fwd .*Board 7-1'
like "the flash succeeds" "$out" $'\nflash: 0\n'
like "and the board has what was to be flashed" "$out" $'\nsame: 0\n'
unlike "then nothing keeps the machine awake" "$out" 'after: fwd'
like "and who sits at it may suspend it" "$out" $'\ns "yes"\n'

# --- a station
out=$(guest '
        MODE=bootloader replug 3-1
        cp $data/71-fwd-no-uaccess.rules /etc/udev/rules.d/
        udevadm control --reload && udevadm trigger --settle --action=add --subsystem-match=usb --subsystem-match=hidraw
        echo "opens: $(as_pilot sh /tmp/opens)"
        MODE=bootloader replug 3-1
        echo "$(node 3-1)"
        as_pilot sh -c "test -w $(node 3-1) && echo opens it"
        as_pilot fwctl flash 3-1 $data/hello-1.bin --address=0x08000000 --no-leave; echo "flash: $?"' 2>&1)
like "with the example rule nobody at the seat has a board" "$out" $'opens: \n'
unlike "also of those that come later" "$out" 'opens it'
like "and the service flashes them" "$out" 'flash: 0'
done_scenario
