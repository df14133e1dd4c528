#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The real ModemManager beside the service. Our rules keep it off boards. Where a rule of the administrator's lets it at them all the
# same, the job waits until it has probed; a board of which it has made a modem is taken out of its hands for the time of a job.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
# In each script from here on. What ModemManager does it says in its journal.
tools=$(cat <<'END'
mm() { journalctl -u ModemManager -b --no-pager -o cat; }
mm_says() { mm | grep -q -e "$1"; }
exported() { mmcli -L | grep /Modem/; }
# How often it was told to let go of the board on PORT, and that it may have it again; released PORT N: N times by now
inhibitions() { echo "$(mm | grep -c "device inhibition setup for uid '.*/$1'") $(mm | grep -c "device inhibition teardown for uid '.*/$1'")"; }
released() { inhibitions "$1" | grep " $2\$"; }
# The serial ports of the board on PORT, the first one first, and which of them it has open
ttys() { for tty in /sys/bus/usb/devices/"$1":*/tty/*; do basename "$tty"; done; }
has_open() { ls -l "/proc/$(pidof ModemManager)/fd" | grep -oE "/dev/($(ttys "$1" | paste -sd '|'))\$"; }
# The first of them was opened since the board came there.
opens() {
        tty=$(ttys "$1" | head -n 1)
        mm | sed -n "/adding port $tty at .*\/$1\//,\$p" | grep "\[$tty/at\] opening serial port"
}
# hold TTY: nobody else may open it (TIOCEXCL) until hold_end
hold() {
        rm -f /tmp/held /tmp/hold
        mkfifo /tmp/held /tmp/hold
        python3 -c '
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
fcntl.ioctl(fd, 0x540c)
open("/tmp/held", "w").write("held\n")
open("/tmp/hold").read()' "$1" 3>&- &
        holder=$!
        read -r _ </tmp/held
}
hold_end() {
        : >/tmp/hold
        wait $holder
}
phase() { fwctl jobs --no-legend | grep -q "^[0-9]* *$1 .* $2 .* -  *-\$"; }
# flash PORT: in the background; its output is in /tmp/PORT.out
flash() { { fwctl flash "$1" $data/hello-2.hex; echo "exit $?"; } >"/tmp/$1.out" 2>&1 3>&- & }
flashed() { head -c 16384 $data/hello-2.bin >/tmp/want.bin; simctl dump "$1" "/tmp/$1.bin" && cmp -n 16384 "/tmp/$1.bin" /tmp/want.bin; }
END
)
with_tools() { guest "$tools"$'\n'"$1" 2>&1; }
mended() { guest_ok "$1" "$tools"$'\n'"$2"; }

# --- our rules
out=$(with_tools 'mmcli -G DEBUG >/dev/null
        plug betaflight-f405 1-1 && plug betaflight-f405 1-2 second-port=modem && MODE=bootloader plug stm32-f405 1-3
        for tty in $(ttys 1-1) $(ttys 1-2); do
                await 100 mm_says "(tty/$tty): port filtered: device is blocklisted" && echo filtered
        done
        echo "$(mm | grep -c "opening serial port") opened, $(mm | grep -c usb1/1-3) words of the bootloader"
        has_open 1-1; has_open 1-2')
is "ModemManager looks at none of the boards" "$out" $'filtered\nfiltered\nfiltered\n0 opened, 0 words of the bootloader'

# --- a rule of the administrator's lets it at boards: one with one port, which the rule even forces upon it; one with two; and one
# that has a modem behind its second port, and a chip that takes its time, so that there is a middle of a job.
out=$(with_tools 'mkdir -p /run/udev/rules.d
        cat >/run/udev/rules.d/79-other.rules <<E
SUBSYSTEM=="usb|tty", KERNELS=="1-4|1-5|3-1", ENV{ID_MM_DEVICE_IGNORE}=""
SUBSYSTEM=="tty", KERNELS=="1-4", ENV{ID_MM_DEVICE_PROCESS}="1"
E
        udevadm control --reload; slow_boards
        plug betaflight-f405 1-4 && plug betaflight-f405 1-5 second-port=silent
        FWD_SIM_CONTROL=/run/slow.sock plug betaflight-f405 3-1 second-port=modem
        for port in 1-4 1-5; do await 300 opens $port && echo opened; done; property 1-4 Hint
        flash 1-4; flash 1-5; await 100 phase 1-4 waiting-for-port && await 100 phase 1-5 waiting-for-port && echo waiting')
like "without our rules ModemManager opens boards" "$out" $'^opened\nopened\n'
like "a rule that forces a board upon it is told" "$out" 'ID_MM_DEVICE_PROCESS.*ModemManager'
like "a flash of such boards waits" "$out" 'waiting$'

# --- meanwhile, with our rules: another program has a port
out=$(with_tools 'await 100 identified 1-1; hold "$(property 1-1 Node)"; flash 1-1; await 100 phase 1-1 waiting-for-port
        fwctl doctor --json=short | grep -o "The program python3 (process $holder) has the port [^ ]*"
        hold_end; await 600 grep ^exit /tmp/1-1.out; cat /tmp/1-1.out; flashed 1-1 && echo "it has the new firmware"')
like "a port that another program has is waited for, and ModemManager not blamed" "$out" \
        'Another program has /dev/ttyACM0 open\. The job goes on when it is free; it waits for 40 s at most\.'
like "the doctor, who may see it, names the program" "$out" 'The program python3 \(process [0-9]+\) has the port /dev/ttyACM0'
like "the job goes on when it ends" "$out" $'flashed and verified, .*exit 0\nit has the new firmware'

# --- a modem
mended "ModemManager makes a modem of a board that it may look at" 'await 600 exported && mmcli -m any -e && has_open 3-1'
out=$(with_tools 'slow set 3-1 cli-fault no-prompt; fwctl backup 3-1; echo "exit $?"; await 100 released 3-1 1; inhibitions 3-1
        slow set 3-1 cli-fault none')
like "a job has it let go of the board, and of nothing any more when it has failed" "$out" $'exit [1-9][0-9]*\n1 1'
mended "then the modem is there again" 'await 100 exported && mmcli -m any -e && has_open 3-1'
out=$(with_tools 'hold "$(property 3-1 Node)"; flash 3-1; await 100 phase 3-1 waiting-for-port; await 100 grep "has /dev" /tmp/3-1.out
        inhibitions 3-1; exported || echo "no modem"; has_open 3-1 || echo "nothing open"
        fwctl cancel "$(fwctl jobs --no-legend | sed -n "s/^\([0-9]*\) *3-1 .* waiting-for-port .*/\1/p")"; await 100 grep ^exit /tmp/3-1.out
        cat /tmp/3-1.out; await 100 released 3-1 2; inhibitions 3-1; hold_end')
like "a job that waits for another program has ModemManager off the board" "$out" $'^2 1\nno modem\nnothing open'
like "and does not suspect it" "$out" $'3-1: Another program has /dev/ttyACM[0-9]+ open\\.'
unlike "nor later" "$out" 'probably'
like "cancelled, it lets ModemManager have it again" "$out" $'exit [1-9][0-9]*\n2 2$'
mended "and the modem is there again" 'await 100 exported'
out=$(with_tools 'flash 3-1; await 200 changing 3-1; exported || echo "no modem"; await 600 grep ^exit /tmp/3-1.out; cat /tmp/3-1.out
        FWD_SIM_CONTROL=/run/slow.sock flashed 3-1 && echo "it has the new firmware"
        await 100 released 3-1 3; inhibitions 3-1; mm | grep -c "added port .* while inhibited"')
like "there is no modem while the board is flashed" "$out" '^no modem'
like "the board is flashed" "$out" $'flashed and verified, .*exit 0\nit has the new firmware'
like "when it comes back ModemManager waits for the end of the job" "$out" $'3 3\n2$'

# --- the boards that waited
out=$(vm_timeout=600 with_tools 'for port in 1-4 1-5; do await 1000 grep ^exit /tmp/$port.out; cat /tmp/$port.out; flashed $port && echo "$port is new"; done')
like "a job says for whom it waits, for what and for how long" "$out" \
        'ModemManager has /dev/ttyACM[0-9]+ open\. The job goes on when it is free; it waits for 40 s at most\.'
like "if that is not certain, too" "$out" 'Another program, probably ModemManager, has /dev/ttyACM[0-9]+ open\. The job'
like "it goes on by itself: the board with one port" "$out" $'1-4 [^\n]*: flashed and verified, .*exit 0\n1-4 is new'
like "the board with two" "$out" $'1-5 [^\n]*: flashed and verified, .*exit 0\n1-5 is new'
mended "they are back" 'await 600 identified 1-4 && await 600 identified 1-5'
mended "and so is the modem" 'await 600 exported'

# --- With Cinterion's plugin it is certain that ModemManager's first words start the bootloader of the board that they are meant for. It opens
# a port although another program has it for itself, which the job waits for.
out=$(vm_timeout=600 with_tools '
        mkdir -p /run/udev/rules.d
        echo "SUBSYSTEM==\"usb|tty\", KERNELS==\"1-6|1-7|1-8\", ENV{ID_MM_DEVICE_IGNORE}=\"\", ENV{ID_MM_DEVICE_PROCESS}=\"1\"" >/run/udev/rules.d/79-other.rules
        udevadm control --reload
        mkdir -p /run/systemd/system/ModemManager.service.d
        printf "[Service]\nExecStart=\nExecStart=/usr/sbin/ModemManager --debug --test-plugin-dir=/opt/modem-manager-cinterion\n" \
                >/run/systemd/system/ModemManager.service.d/cinterion.conf
        systemctl daemon-reload; systemctl stop ModemManager
        # try PORT VERB…
        try() {
                port=$1; shift
                plug betaflight-f405 $port && await 100 identified $port && hold "/dev/$(ttys $port | head -n 1)"
                { fwctl "$@"; echo "$1: $?"; } >/tmp/$port.out 2>&1 3>&- &
                await 100 phase $port waiting-for-port && systemctl start ModemManager
                await 600 grep "^$1: " /tmp/$port.out; grep -v ": [a-z]*ing" /tmp/$port.out
                systemctl stop ModemManager; hold_end
        }
        try 1-6 flash 1-6 $data/hello-2.hex; flashed 1-6 && echo "it has the new firmware"; simctl remove 1-6
        try 1-7 backup 1-7; simctl remove 1-7
        try 1-8 reboot 1-8
        echo "$(journalctl -u fwd -b --no-pager -o cat | grep -c "had its serial port, the board went into its bootloader") or more"')
like "a flash goes on when ModemManager starts the bootloader of the board that it waits for" "$out" \
        $'flashed and verified, [^\n]*\n[^\n]*kept its configuration; a backup is [^\n]*\nflash: 0\nit has the new firmware'
like "so does a backup" "$out" $'backup: 0\n'
like "a restart into the bootloader is done by that" "$out" $'reboot: 0\n'
like "it did start it, each time" "$out" $'\n([3-9]|[1-9][0-9]) or more$'
[ "$tap_failed" -eq 0 ] || tap_diag "$out"
done_scenario
