#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The system around the service taken away piece by piece: each time a clear word, nothing lost, and all well again when the
# cause goes. (The bus and the disk are in test-life.sh.)
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
# Chips that take their time, so that there is a middle of a job.
guest 'FWD_SIM_CONTROL=/run/slow.sock setsid fwd-usbip /run/slow.sock 0.5 </dev/null >/run/slow.log 2>&1 3>&- &
        await 100 test -S /run/slow.sock'
# In each script from here on.
tools='
export FWD_SIM_CONTROL=/run/slow.sock
restarts() { systemctl show fwd -p NRestarts --value; }
# The job of the board on PORT changes it: it has erased, and writes.
changing() {
        simctl wait "$1" bootloader 60 && simctl reset-stats "$1" && simctl wait "$1" transfers=30 60
}
# The first sector: what is between the pieces of a file stays as it was.
has_bytes() { head -c 16384 $data/$2 >/tmp/want.bin; simctl dump "$1" /tmp/flash.bin && cmp -n "$(stat -c %s /tmp/want.bin)" /tmp/flash.bin /tmp/want.bin; }
is_new() { simctl wait "$1" firmware 60 && has_bytes "$1" "$2"; }
hint_gone() { [ -z "$(property "$1" Hint)" ]; }
hint_has() { property "$1" Hint | grep -q "$2"; }
untouched() { simctl dump "$1" /tmp/now.bin && cmp /tmp/now.bin "/tmp/before-$1.bin"; }
'
broken() { guest "$tools"$'\n'"$1" 2>&1; }
setup() { broken "$1" >&2; }
mended() { guest_ok "$1" "$tools"$'\n'"$2"; }

setup 'plug betaflight-f405 1-1; await 100 identified 1-1; cp $data/hello-1.hex $data/hello-2.hex /tmp'

# --- in the middle of a job: udev, then ModemManager
out=$(broken 'fwctl flash 1-1 $data/hello-2.hex >/tmp/out 2>&1 3>&- & flash=$!
        changing 1-1; systemctl restart systemd-udevd; wait $flash; echo "exit $?"; cat /tmp/out')
like "udev restarted in mid-job does not matter" "$out" 'exit 0'
mended "the board has the firmware, and is known" 'is_new 1-1 hello-2.bin && await 100 identified 1-1'
out=$(broken 'fwctl flash 1-1 $data/hello-2.hex >/tmp/out 2>&1 3>&- & flash=$!
        changing 1-1; systemctl stop ModemManager; systemctl start ModemManager; wait $flash; echo "exit $?"; cat /tmp/out')
like "nor does ModemManager that goes and comes" "$out" 'exit 0'
mended "nor does the board" 'is_new 1-1 hello-2.bin && await 100 identified 1-1'
out=$(broken 'systemctl mask --runtime --now ModemManager; fwctl flash 1-1 $data/hello-1.hex; echo "exit $?"
        systemctl unmask --runtime ModemManager; systemctl start ModemManager')
like "without ModemManager there is one less to mind" "$out" 'exit 0'

# --- a rule of the administrator's in the place of ours
setup 'mkdir -p /etc/udev/rules.d; : >/etc/udev/rules.d/70-fwd.rules; udevadm control --reload
        MODE=bootloader plug stm32-f405 3-1; simctl dump 3-1 /tmp/before-3-1.bin'
out=$(broken 'fwctl flash --no-leave 3-1 $data/hello-1.hex; echo "exit $?"; untouched 3-1 && echo untouched')
like "our rules overwritten: the board may not be opened, which is said" "$out" 'may not be opened'
like "with what to do" "$out" 'fwctl doctor'
like "the board is as it was" "$out" $'exit 4\nuntouched'
out=$(broken 'fwctl --json=short doctor')
like "the doctor sees the file" "$out" '/etc/udev/rules.d/70-fwd.rules'
setup 'rm /etc/udev/rules.d/70-fwd.rules; udevadm control --reload; udevadm trigger --settle --action=add --subsystem-match=usb'
mended "without it all is well, the service went on" 'fwctl flash --no-leave 3-1 $data/hello-1.hex && has_bytes 3-1 hello-1.bin && [ "$(restarts)" = 0 ]'

# --- the node's permission taken away, by a rule of somebody else
setup 'simctl remove 3-1; mkdir -p /run/udev/rules.d
        printf "%s\n" "SUBSYSTEM==\"usb\", ATTR{idVendor}==\"0483\", MODE=\"0600\", GROUP=\"root\", TAG-=\"uaccess\"" >/run/udev/rules.d/90-other.rules
        udevadm control --reload; MODE=bootloader plug stm32-f405 3-1
        simctl dump 3-1 /tmp/before-3-1.bin'
out=$(broken 'fwctl flash --no-leave 3-1 $data/hello-2.hex; echo "exit $?"; untouched 3-1 && echo untouched')
like "no access by a rule of somebody else: said, and untouched" "$out" 'may not be opened.*fwctl doctor.*exit 4.*untouched'
setup 'rm /run/udev/rules.d/90-other.rules; udevadm control --reload; udevadm trigger --settle --action=add --subsystem-match=usb'
mended "without that rule it is flashed" 'fwctl flash --no-leave 3-1 $data/hello-2.hex && has_bytes 3-1 hello-2.bin'

# --- polkit
setup 'systemctl mask --runtime --now polkit; simctl dump 3-1 /tmp/before-3-1.bin'
out=$(broken 'as_pilot fwctl list')
like "without polkit everybody lists" "$out" '3-1 +bootloader'
out=$(broken 'as_pilot fwctl --no-ask-password flash --no-leave 3-1 /tmp/hello-1.hex; echo "exit $?"; untouched 3-1 && echo untouched')
like "people may not flash, and hear that polkit is not there" "$out" 'polkit.*exit 4.*untouched'
mended "root may" 'fwctl flash --no-leave 3-1 $data/hello-1.hex'
setup 'systemctl unmask --runtime polkit; systemctl start polkit'
mended "with polkit people may again" 'as_pilot fwctl flash --no-leave 3-1 /tmp/hello-2.hex && [ "$(restarts)" = 0 ]'

# --- no cdc_acm
setup 'mkdir -p /etc/systemd/system/fwd.service.d /etc/modprobe.d
        printf "[Service]\nEnvironment=FWD_AWAIT_MS=1000,1000\n" >/etc/systemd/system/fwd.service.d/test.conf
        systemctl daemon-reload; systemctl restart fwd; await 100 known 1-1
        echo "install cdc_acm /bin/false" >/etc/modprobe.d/no-acm.conf
        simctl unplug 1-1; await 100 modprobe -r cdc_acm; replug 1-1
        simctl dump 1-1 /tmp/before-1-1.bin'
out=$(broken 'fwctl flash 1-1 $data/hello-2.hex; echo "exit $?"; untouched 1-1 && echo untouched')
like "without cdc_acm there is no serial port, which is said with the command" "$out" 'cdc_acm, is not loaded.*sudo modprobe cdc_acm'
like "and the board is untouched" "$out" 'exit 10.*untouched'
like "the board says so by itself" "$(broken 'property 1-1 Hint')" 'cdc_acm, is not loaded.*sudo modprobe cdc_acm.*fwctl doctor'
out=$(broken 'fwctl --json=short doctor')
like "the doctor says why" "$out" 'no-acm.conf'
setup 'rm /etc/modprobe.d/no-acm.conf; modprobe cdc_acm'
mended "with the driver the board is known by itself" 'await 100 identified 1-1'
setup 'rm /etc/systemd/system/fwd.service.d/test.conf; systemctl daemon-reload; systemctl restart fwd; await 100 identified 1-1'
mended "and flashed" 'fwctl flash 1-1 $data/hello-2.hex && is_new 1-1 hello-2.bin'
setup 'await 100 identified 1-1; echo "install cdc_acm /bin/false" >/etc/modprobe.d/no-acm.conf
        simctl unplug 1-1; await 100 modprobe -r cdc_acm; replug 1-1
        await 100 hint_has 1-1 modprobe; rm /etc/modprobe.d/no-acm.conf'
out=$(broken 'fwctl flash 1-1 $data/hello-1.hex >/tmp/out 2>&1 3>&- & flash=$!
        await 100 grep -q modprobe /tmp/out; modprobe cdc_acm; wait $flash; echo "exit $?"; cat /tmp/out')
like "a job that waits for the driver goes on by itself" "$out" 'exit 0.*sudo modprobe cdc_acm'
mended "the board has the firmware, and no hint" 'is_new 1-1 hello-1.bin && await 100 identified 1-1 && ! hint_has 1-1 .'

# --- another program has claimed the board's interface
setup 'claim 1-1; await 100 hint_has 1-1 fuser'
like "a claim is told as one" "$(broken 'property 1-1 Hint')" 'Another program has claimed the board.s USB interface'
out=$(broken 'fwctl flash 1-1 $data/hello-2.hex >/tmp/out 2>&1 3>&- & flash=$!
        await 100 grep -q fuser /tmp/out; systemctl stop claim; echo 1-1:1.0 >/sys/bus/usb/drivers_probe
        wait $flash; echo "exit $?"; cat /tmp/out')
like "a job waits for its end, and goes on" "$out" 'exit 0.*Another program has claimed.*drivers_probe'
mended "the board has the firmware, and no hint" 'is_new 1-1 hello-2.bin && await 100 identified 1-1 && ! hint_has 1-1 .'

# --- brltty, and a board behind a CH340, as an administrator may have made it known
setup 'mkdir -p /etc/udev/hwdb.d
        printf "usb:v1A86p7523*\n FWD_MODE=firmware\n" >/etc/udev/hwdb.d/71-local.hwdb
        printf "[Board]\nTitle=Bridge\nIdentify=asked\n" >/etc/fwd/bridge.board
        systemd-hwdb --usr update; udevadm control --reload; systemctl unmask brltty.service; systemctl start brltty.service
        simctl plug ch340 3-2; await 300 hint_has 3-2 brltty'
like "brltty is named, with what ends it" "$(broken 'property 3-2 Hint')" \
        'brltty takes the board.*"sudo systemctl disable --now brltty.service && echo 3-2:1.0 \| sudo tee /sys/bus/usb/drivers_probe"'
mended "that command gives the port back, and the hint goes" 'eval "$(property 3-2 Hint | cut -d\" -f2)" && await 100 hint_gone 3-2 && test -e /dev/ttyUSB0'
setup 'echo "SUBSYSTEM==\"usb\", ENV{PRODUCT}==\"1a86/7523/*\", ENV{BRLTTY_BRAILLE_DRIVER}=\"bm\"" >/lib/udev/rules.d/85-brltty.rules
        udevadm control --reload; insert 3-2 replug 3-2; await 100 test -e /dev/ttyUSB0; claim 3-2; await 100 hint_has 3-2 brltty'
like "brltty that a rule sent is named by its rule" "$(broken 'property 3-2 Hint')" \
        'brltty takes the board.*"sudo ln -sf /dev/null /etc/udev/rules.d/85-brltty.rules && sudo udevadm control --reload"'
setup 'systemctl stop claim; rm /lib/udev/rules.d/85-brltty.rules /etc/udev/hwdb.d/71-local.hwdb
        systemd-hwdb --usr update; udevadm control --reload; simctl remove 3-2'

# --- killed
out=$(broken 'fwctl flash 1-1 $data/hello-2.hex >/tmp/out 2>&1 3>&- & flash=$!
        changing 1-1
        worker=$(for p in $(cat /sys/fs/cgroup/system.slice/fwd.service/cgroup.procs); do
                [ "$p" = "$(systemctl show fwd -p MainPID --value)" ] || echo $p; done)
        kill -KILL $worker; wait $flash; echo "exit $?"; cat /tmp/out')
like "a worker that is killed: interrupted, and the state is told" "$out" 'partly written|erased'
like "with the way on" "$out" '[Ff]lash again'
mended "flashing again mends the board" 'fwctl flash 1-1 $data/hello-1.hex && is_new 1-1 hello-1.bin'
setup 'await 100 identified 1-1'
out=$(broken 'fwctl flash 1-1 $data/hello-2.hex >/tmp/out 2>&1 3>&- & flash=$!
        changing 1-1; systemctl kill --kill-whom=main -s KILL fwd; wait $flash; echo "exit $?"; cat /tmp/out')
like "the service that is killed: nobody knows the end, which fwctl says" "$out" 'exit 75'
mended "systemd starts it again" 'await 100 known 1-1 && [ "$(restarts)" = 1 ]'
out=$(broken 'fwctl --json=short history -n 1')
like "the history has the job as interrupted, with its last state" "$out" 'Interrupted'
like "which was no whole firmware" "$out" '"State": *"(partly-written|erased|written)"'
mended "flashing again mends the board that was left" 'fwctl flash 1-1 $data/hello-2.hex && is_new 1-1 hello-2.bin'

# --- the bus, last: much else of the machine does not survive that
setup 'await 100 identified 1-1'
out=$(broken 'fwctl flash --no-keep-config 1-1 $data/hello-2.hex >/tmp/out 2>&1 3>&- & flash=$!
        changing 1-1; systemctl restart dbus.service; wait $flash; echo "exit $?"; cat /tmp/out')
like "the bus restarted in mid-job: fwctl says that it went" "$out" 'exit 75'
mended "the job came to its end" 'is_new 1-1 hello-2.bin'
mended "the service is there again, with the board" 'await 300 known 1-1 && fwctl list'
out=$(broken 'fwctl --json=short history -n 1')
like "and knows how the job ended" "$out" '"Result": *"success"'

# As systemd, the kernel and an assertion itself tell it, of the service, its workers and fwctl. The sample shows that it would be seen.
fallen='journalctl -b -o cat --no-pager | grep -E "(fwd|fwctl).*(status=[0-9]+/(ILL|TRAP|ABRT|BUS|FPE|SEGV|SYS)|segfault|general protection|trap |[Aa]ssertion)"'
is "nothing has crashed" "$(broken "journalctl --sync; $fallen")" ''
like "and if it had, it would be seen" "$(broken 'systemctl kill --kill-whom=main -s SEGV fwd; await 100 systemctl is-active fwd; await 100 known 1-1
        journalctl --sync; '"$fallen")" '11/SEGV'
done_scenario
