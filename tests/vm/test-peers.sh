#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The other programs that speak to bootloaders, at the same boards in the same machine: the real fwupd, running as a service, asked,
# restarted and told to write, and the real dfu-util. Who has a board has it alone; who comes second hears so, and does it no harm.
# The daemon of fwupd is Debian 13's, under Debian 12's unit: Debian 12's own sees no USB device (tests/vm/build tells why). dfu-util in
# the middle of a job of ours is in test-seat.sh.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
# In each script from here on.
tools=$(cat <<'END'
export FWD_SIM_CONTROL=/run/slow.sock
MODE=bootloader
# How many DFU boards fwupd lists; lists N: so many
fwupd_boards() { fwupdmgr get-devices --json 2>/dev/null | grep -c '"Plugin" : "dfu"'; }
lists() { [ "$(fwupd_boards)" = "$1" ]; }
fwupd_says() { journalctl -u fwupd -b --no-pager -o cat | grep -e "$1"; }
# Its word for the board
fwupd_id() { fwupdmgr get-devices --json 2>/dev/null | sed -n '/"STM32 BOOTLOADER"/,/DeviceId/s/.*"DeviceId" : "\(.*\)".*/\1/p'; }
# fwupd writes /tmp/firmware.cab to the board
fwupd_installs() { fwupdmgr local-install --no-reboot-check --allow-reinstall --allow-older -y /tmp/firmware.cab "$(fwupd_id)"; }
# flash PORT FILE: in the background; its output is in /tmp/PORT.out
flash() { { fwctl flash --no-leave --address=0x08000000 "$1" "$2"; echo "exit $?"; } >"/tmp/$1.out" 2>&1 3>&- & flash=$!; }
flashed() { wait $flash; cat "/tmp/$1.out"; }
held() { fwctl jobs --no-legend | grep -q "^[0-9]* *$1 .* waiting-for-port "; }
has_bytes() { simctl dump "$1" /tmp/flash.bin && cmp -n "$(stat -c %s "$2")" /tmp/flash.bin "$2" && echo "has the bytes"; }
restarts() { systemctl show "$1" -p NRestarts --value; }
END
)
peers() { guest "$tools"$'\n'"$1" 2>&1; }
mended() { guest_ok "$1" "$tools"$'\n'"$2"; }

# What takes its time on a chip of the slow bench. fwupd 2.0.20 does not find the functional descriptor of these chips, takes 64 bytes for its
# transfer size, and so writes each 64 bytes 2 KiB further on: with a larger file it runs off the flash, and what it calls written is
# not the file. It does the same where no fwd runs; what is looked at here is that it comes to its own end.
peers '
        head -c 49152 $data/hello-2.bin >/tmp/short.bin
        head -c 16384 $data/hello-2.bin >/tmp/fwupd.bin
        echo '"$(base64 -w0 "$tests_dir/data/make_dfu.py")"' | base64 -d >/tmp/make_dfu.py
        cd /tmp && python3 -c "from make_dfu import dfuse, target
open(\"fwupd.dfu\", \"wb\").write(dfuse([target(0, \"ST...\", [(0x08000000, open(\"fwupd.bin\", \"rb\").read())])]))"
        cat >fwd.metainfo.xml <<END
<?xml version="1.0" encoding="UTF-8"?>
<component type="firmware">
  <id>org.fwctl1.test</id> <name>Test</name> <summary>Test</summary> <description><p>Test</p></description>
  <provides><firmware type="flashed">5aea1200-2286-5819-93e6-3b5548b6c88a</firmware></provides>
  <url type="homepage">https://example.org/</url> <metadata_license>CC0-1.0</metadata_license> <project_license>CC0-1.0</project_license>
  <releases><release version="23.0" date="2026-01-01"><checksum filename="fwupd.dfu" target="content"/><description><p>Test</p></description></release></releases>
  <custom><value key="LVFS::UpdateProtocol">com.st.dfuse</value><value key="LVFS::VersionFormat">bcd</value></custom>
</component>
END
        fwupdtool build-cabinet firmware.cab fwd.metainfo.xml fwupd.dfu >/dev/null
        printf "[fwupd]\nOnlyTrusted=false\n" >/etc/fwupd/fwupd.conf
        fwupd_sees_usb
        slow_boards
        plug stm32-f405 3-1' >&2

# --- fwupd, in the middle of a job of ours
out=$(peers '
        await 100 lists 1 && echo "fwupd lists the board"
        flash 3-1 $data/hello-2.bin
        await 300 changing 3-1
        kill -STOP $(pidof fwd-worker)
        echo "fwupd lists $(fwupd_boards)"
        fwupd_installs; echo "fwupd writes: $?"
        systemctl restart fwupd; echo "restarted: $?"
        await 100 fwupd_says "failed to add device .*3-1"; fwupd_says "failed to add device .*3-1"
        changing 3-1 && echo "still at it"
        kill -CONT $(pidof fwd-worker)
        flashed 3-1; has_bytes 3-1 $data/hello-2.bin')
tap_diag "$out"
like "fwupd lists the bootloader, as fwd does" "$out" $'^fwupd lists the board\n'
like "also while a job is at it" "$out" $'\nfwupd lists 1\n'
like "but it may not write to it then" "$out" $'Resource busy.*\nfwupd writes: 1\n'
like "nor does it get it when it is started again meanwhile" "$out" $'\nrestarted: 0\n.*failed to add device .*3-1: .*Resource busy'
like "the job goes on" "$out" $'\nstill at it\n'
like "and ends verified" "$out" $'flashed and verified.*\nexit 0\n'
like "with the right bytes on the chip" "$out" $'\nhas the bytes$'
mended "fwupd lives, and has the board again when it comes again" 'systemctl is-active fwupd && [ "$(restarts fwupd)" = 0 ] &&
        replug 3-1 && await 100 lists 1'

# --- fwupd writes to a board: a job waits for it
out=$(peers '
        simctl remove 3-1 && await 100 lists 0
        plug stm32-f405 3-1 flash=blank && await 100 lists 1
        simctl reset-stats 3-1
        { fwupd_installs; echo "fwupd writes: $?"; } >/tmp/fwupd.out 2>&1 3>&- & install=$!
        simctl wait 3-1 transfers=30 60
        flash 3-1 $data/hello-2.bin
        await 100 held 3-1 && await 100 grep -q "probably fwupd" /tmp/3-1.out && echo waits
        wait $install; tail -n 1 /tmp/fwupd.out
        flashed 3-1')
tap_diag "$out"
like "a board to which fwupd writes is waited for, and the job says who has it" "$out" $'^waits\n'
like "fwupd ends well" "$out" $'\nfwupd writes: 0\n'
like "it starts the board, which the job tells, and that it has not touched it" "$out" \
        'untouched by this job; the program that has or had it may have changed it.*exit [1-9]'
mended "then it is ours" 'replug 3-1 && flash 3-1 $data/hello-2.bin && flashed 3-1 && has_bytes 3-1 $data/hello-2.bin'

# --- both come at once when a board comes as its bootloader, in a job
out=$(peers '
        MODE=firmware plug betaflight-f405 7-1; await 100 identified 7-1
        fwctl flash 7-1 $data/hello-2.hex; echo "exit $?"
        simctl wait 7-1 firmware && await 100 identified 7-1 && echo "is back"
        fwupd_says "7-1\|added .*STM32" | tail -n 2
        systemctl is-active fwupd')
tap_diag "$out"
like "a board that comes as its bootloader in a job is flashed, whoever opens it first" "$out" $'\nexit 0\nis back\n.*active$'

# --- dfu-util writes to a board: fwd sees it all the time, waits for it, and does not take fwupd for it
out=$(peers '
        simctl reset-stats 3-1
        { dfu-util -d 0483:df11 -p 3-1 -a 0 -s 0x08000000 -D /tmp/short.bin; echo "dfu-util: $?"; } >/tmp/dfu-util.out 2>&1 3>&- & dfu_util=$!
        simctl wait 3-1 transfers=30 60
        known 3-1 >/dev/null && echo "is listed"
        flash 3-1 $data/hello-2.bin
        await 100 held 3-1 && await 100 grep -q "Another program has" /tmp/3-1.out && echo waits
        wait $dfu_util; tail -n 1 /tmp/dfu-util.out
        flashed 3-1; has_bytes 3-1 $data/hello-2.bin')
tap_diag "$out"
like "dfu-util writes to a board, fwd lists it" "$out" $'^is listed\n'
like "a job waits" "$out" $'\nwaits\n'
like "dfu-util ends well" "$out" $'\ndfu-util: 0\n'
like "the job goes on by itself" "$out" $'\nexit 0\n'
like "with its bytes on the chip" "$out" $'\nhas the bytes$'

# --- as long as that: with an end
out=$(peers '
        mkdir -p /run/systemd/system/fwd.service.d
        printf "[Service]\nEnvironment=FWD_PORT_WAIT_MS=5000\n" >/run/systemd/system/fwd.service.d/test.conf
        systemctl daemon-reload; systemctl restart fwd; await 100 known 3-1
        simctl reset-stats 3-1
        { dfu-util -d 0483:df11 -p 3-1 -a 0 -s 0x08000000 -D /tmp/short.bin; echo "dfu-util: $?"; } >/tmp/dfu-util.out 2>&1 3>&- & dfu_util=$!
        simctl wait 3-1 transfers=30 60
        kill -STOP $(pidof dfu-util)
        flash 3-1 $data/hello-2.bin; flashed 3-1
        fwctl --json=short doctor | grep -o "The program [^\"]* has the bootloader[^\"]*"
        kill -CONT $(pidof dfu-util)
        wait $dfu_util; tail -n 1 /tmp/dfu-util.out; has_bytes 3-1 /tmp/short.bin
        fwctl --json=short show 3-1 | grep -o "\"Mode\": *\"[a-z]*\""
        flash 3-1 $data/hello-2.bin; flashed 3-1; has_bytes 3-1 $data/hello-2.bin')
tap_diag "$out"
like "a job that waited long enough ends, and says for what" "$out" 'Another program has /dev/bus/usb/[0-9/]+ open, for more than 5 s.*untouched by this job'
like "fwctl doctor tells who that is" "$out" 'The program dfu-util \(process [0-9]+\) has the bootloader of the board at 3-1 open'
like "dfu-util goes on, and ends well" "$out" $'\nexit [1-9][0-9]*\n.*\ndfu-util: 0\nhas the bytes\n'
like "fwd has the board as it was" "$out" '"Mode": *"bootloader"'
like "the next flash succeeds" "$out" $'\nexit 0\nhas the bytes$'
is "none of the two services fell" "$(peers 'echo $(restarts fwd) $(restarts fwupd); coredumpctl list 2>/dev/null | grep -c "fwd\|fwupd"')" $'0 0\n0'
done_scenario
