#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Serial ports that another program has open: waited for, with its name where that can be known.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
session_start bus sim
mm_name=org.freedesktop.ModemManager1 mm_pid=''

# hold TTY [TEXT]: the board's tty, for this process alone (TIOCEXCL, 0x540c) until hold_end, and TEXT is its last word.
hold() {
        rm -f "$session/hold" "$session/held"
        mkfifo "$session/hold" "$session/held"
        with_boards /usr/bin/python3 -c '
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
fcntl.ioctl(fd, 0x540c)
open(sys.argv[2], "w").write("held\n")
open(sys.argv[3]).read()
if sys.argv[4]:
    os.write(fd, sys.argv[4].encode())
' "$1" "$session/held" "$session/hold" "${2-}" &
        holder=$!
        read -r _ <"$session/held"
}
hold_end() {
        : >"$session/hold"
        wait "$holder"
}
mm_start() {
        : >"$session/mm.out"
        /usr/bin/python3 "$tests_dir/lib/mock-modem-manager.py" "$@" >"$session/mm.out" 2>"$session/mm.log" &
        mm_pid=$!
        session_pids+=("$mm_pid")
        wait_for_name $mm_name $mm_pid || session_die "the mock ModemManager did not come up"
}
mm_stop() {
        kill "$mm_pid"
        wait "$mm_pid" 2>/dev/null
}
reboot() { call "$one" $device RebootToBootloader 'a{sv}' 0 | cut -d'"' -f2; }
back() {
        simctl replug 1-1 boot-pin=0
        seen '^PropertiesChanged .*Variant=BTFL'
        one=$(device_path 1-1)
        tty=$(get "$one" $device Node)
}

# --- somebody has it, and lets go
fwd_start
watch_start
simctl plug betaflight-f405 1-1
seen '^PropertiesChanged .*Variant=BTFL'
one=$(device_path 1-1)
tty=$(get "$one" $device Node)
hold "$tty"
job_path=$(reboot)
saw "the job waits, and says for what" "^PropertiesChanged $job_path .*Notice=Another program has $tty open\. .*40 s at most"
is "its phase tells too" "$(get "$job_path" $job Phase)" waiting-for-port
hold_end
like "it goes on by itself when the port is free" "$(wait_job "$job_path")" '^success .*PortWaitSeconds=[0-9]+\.[0-9]+'
unlike "and forgets the notice" "$(wait_job "$job_path")" 'Notice='
is "the board is in its bootloader" "$(get "$one" $device Mode)" bootloader

# --- cancelled, unplugged meanwhile
back
hold "$tty"
job_path=$(reboot)
seen "^PropertiesChanged $job_path .*Notice=Another program"
is "a job that waits can be cancelled" "$(call "$job_path" $job Cancel)" ''
like "and ends as cancelled" "$(wait_job "$job_path")" '^cancelled State=untouched '
job_path=$(reboot)
seen "^PropertiesChanged $job_path .*Notice=Another program"
simctl unplug 1-1
like "unplugged meanwhile" "$(wait_job "$job_path")" '^failed State=untouched .*DeviceLost'
hold_end
back

# --- started into its bootloader by who has it: to Betaflight a lone R says that, and some of ModemManager's words hold one
flash() { bus-talk flash "$one" "read:$tests_dir/data/hello-1.hex"; }
# kicked JOB: its result, after the board was kicked into its bootloader
kicked() {
        seen "^PropertiesChanged $1 .*Notice=Another program has $tty open"
        hold_end
        wait_job "$1"
}
hold "$tty" R
like "a board that is started into its bootloader meanwhile has been rebooted" "$(kicked "$(reboot)")" '^success State=untouched .*PortWaitSeconds='
is "it is there" "$(get "$one" $device Mode)" bootloader
back
hold "$tty" R
like "a flash goes on, after it got the configuration from the firmware" "$(kicked "$(flash)")" \
        '^success State=verified .*Config=kept .*Backup='
seen '^PropertiesChanged .*Variant=BTFL'
one=$(device_path 1-1)
tty=$(get "$one" $device Node)
hold "$tty" R
like "so does a backup" "$(kicked "$(call "$one" $device BackupConfig 'a{sv}' 0 | cut -d'"' -f2)")" '^success .*Backup='
is "and leaves the board in its firmware" "$(get "$one" $device Mode)" firmware
seen '^PropertiesChanged .*Variant=BTFL'

# --- taken over in the middle, as ModemManager does: for who may do anything no port is another's
# The board's tty, as anybody has it, but with another speed and for this process alone once the board has answered somebody.
take_over() {
        rm -f "$session/hold" "$session/held"
        mkfifo "$session/hold" "$session/held"
        with_boards /usr/bin/python3 -c '
import fcntl, os, select, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
termios.tcflush(fd, termios.TCIFLUSH)
open(sys.argv[2], "w").write("open\n")
select.select([fd], [], [])
settings = termios.tcgetattr(fd)
settings[4] = settings[5] = termios.B57600
termios.tcsetattr(fd, termios.TCSANOW, settings)
fcntl.ioctl(fd, 0x540c)
open(sys.argv[3]).read()
' "$1" "$session/held" "$session/hold" &
        holder=$!
        read -r _ <"$session/held"
}
wait_job "$(call "$one" $device Identify 'a{sv}' 0 | cut -d'"' -f2)" >/dev/null # the service is done with it
take_over "$tty"
job_path=$(call "$one" $device BackupConfig 'a{sv}' 0 | cut -d'"' -f2)
saw "a job whose port is taken over waits for it" "^PropertiesChanged $job_path .*Notice=Another program has $tty open\\."
hold_end
like "and asks again" "$(wait_job "$job_path")" '^success .*PortWaitSeconds='

# --- with a stub, for what only a ModemManager does
fwd_stop
stub_start
export FWD_WORKER
fwd_start
one=$(device_path 1-1)
tty=$(get "$one" $device Node)
# Each try tells when it begins by the test's own pipe.
mkfifo "$session/tried"
exec {tried_fd}<>"$session/tried"
stub reboot "date +%s%N >'$session/tried'; fail PortHeld untouched 'Another program has it open'"
# next_try: waits for it; how long after the one before it came is in $after_ms
tried=0
next_try() {
        local before=$tried
        read -r -t "$WAIT_S" -u "$tried_fd" tried || return 1
        after_ms=$(((tried - before) / 1000000))
}

mm_start
job_path=$(reboot)
saw "who keeps off boards is not blamed" "^PropertiesChanged $job_path .*Notice=Another program has $tty open"
for _ in 1 2 3 4; do next_try; done
# From here on, without being told of its end, it is 2 s and more from one try to the next. On a busy machine it may be more in
# spite of it, so that this is tried more than once.
heard=no
for _ in {1..8}; do
        mm_stop
        next_try || break
        [ "$after_ms" -ge 2000 ] || { heard=yes && break; }
        mm_start && next_try || break
done
is "ModemManager's end is heard: the next try is before its time" "$heard" yes
stub reboot 'say PHASE=rebooting; simctl replug 1-1 boot-pin=1 >&2'
is "then the port is free" "$(wait_job "$job_path" | cut -d' ' -f1)" success

# --- gone before udev has told
back
stub reboot "[ ! -e '$session/tried-once' ] || fail DeviceLost untouched 'The port is gone'
        : >'$session/tried-once'; fail PortHeld untouched 'Another program has it open'"
like "a board that never was spoken to is not waited for as a bootloader" "$(wait_job "$(reboot)")" '^failed State=untouched .*DeviceLost'

# --- it has made a modem of the board
mm_start "${tty#/dev/}" /sys/devices/mock/1-1
stub reboot "[ -s '$session/mm.out' ] || fail PortHeld untouched 'Another program has it open'; say PHASE=rebooting; simctl replug 1-1 boot-pin=1 >&2"
job_path=$(reboot)
like "a modem is taken out of its hands" "$(wait_job "$job_path")" '^success'
while read -r -t "$WAIT_S" line; do lines+="$line;"; [[ $line = released* ]] && break; done < <(exec tail --pid="$mm_pid" -n +1 -f "$session/mm.out")
is "for the time of the job" "$lines" "inhibited /sys/devices/mock/1-1;released /sys/devices/mock/1-1;"
mm_stop

# --- it is told to by a rule that is not ours
fwd_stop
sim_stop
FWD_ENV=(FWD_PORT_WAIT_MS=2500)
printf 'usb:v0483p5740*\n ID_MM_DEVICE_PROCESS=1\n' >"$session/hwdb/etc/udev/hwdb.d/99-other.hwdb"
systemd-hwdb --root="$session/hwdb" update
sim_start
unstub reboot
simctl plug betaflight-f405 1-1
simctl wait 1-1 firmware
fwd_start
seen '^PropertiesChanged .*Variant=BTFL'
one=$(device_path 1-1)
like "the rule is told" "$(get "$one" $device Hint)" 'ID_MM_DEVICE_PROCESS.*ModemManager'
mm_start
stub reboot 'fail PortHeld untouched "Another program has it open"'
job_path=$(reboot)
like "and who has the port, when waiting ends" "$(wait_job "$job_path")" \
        '^failed State=untouched .*PortHeld ErrorMessage=ModemManager has /dev/ttyACM[0-9]+ open, for more than 2 s .*systemctl stop ModemManager.*untouched'
mm_stop

# --- with a rule that hands it over, a modem is taken away before the port is opened, held or not
mm_start "${tty#/dev/}" /sys/devices/mock/1-1
stub reboot "[ -s '$session/mm.out' ] || fail Failed untouched 'It has not been inhibited'; say PHASE=rebooting; simctl replug 1-1 boot-pin=1 >&2"
like "a modem is inhibited before its port is touched" "$(wait_job "$(reboot)")" '^success'
mm_stop

# --- so it is for those that only ask a board for a plan
stub identify 'say X.Variant=BTFL X.FirmwareVersion=4.4.2 X.BoardName=STUB405 X.CustomDefaults=available X.ConfigState=bare'
back
printf 'set stub = 7\nsave\n' >"$session/config.txt"
for plan in "restore:$session/config.txt" "defaults:--custom-defaults"; do
        mm_start "${tty#/dev/}" /sys/devices/mock/1-1
        stub "${plan%%:*}" "grep -q ^inhibited '$session/mm.out' && ! grep -q ^released '$session/mm.out' || fail Failed untouched 'It is not inhibited'; say X.Plan=0"
        check_exit "${plan%%:*}: a modem is inhibited before a plan is asked for" 0 fwctl restore --dry-run 1-1 "${plan#*:}"
        # The service's word may come after its answer to fwctl.
        while read -r -t "$WAIT_S" line; do [[ $line = released* ]] && break; done < <(exec tail --pid="$mm_pid" -n +1 -f "$session/mm.out")
        is "${plan%%:*}: and then let go" "$(xargs <"$session/mm.out")" "inhibited /sys/devices/mock/1-1 released /sys/devices/mock/1-1"
        mm_stop
done
unstub identify
back
mm_start ttyACM99 /sys/devices/mock/1-1
like "so is one that has another port of the board's" "$(wait_job "$(reboot)")" '^success'
mm_stop
back
mm_start "${tty#/dev/}" /sys/devices/mock/1-1
stub reboot 'fail PortHeld untouched "Another program has it open"'
like "who has let go of the board does not have its port" "$(wait_job "$(reboot)")" '^failed .*PortHeld ErrorMessage=Another program has /dev/'
mm_stop
mm_start ttyACM99 /sys/devices/mock/1-11
stub reboot "[ ! -s '$session/mm.out' ] || fail Failed untouched 'A modem was inhibited'; say PHASE=rebooting; simctl replug 1-1 boot-pin=1 >&2"
like "and none of another board" "$(wait_job "$(reboot)")" '^success'
mm_stop

# --- a bootloader that another program has claimed
fwd_stop
unset FWD_WORKER
FWD_ENV=()
fwd_start
# The DFU interface of a USB node (USBDEVFS_CLAIMINTERFACE), for this process alone until hold_end.
claim() {
        rm -f "$session/hold" "$session/held"
        mkfifo "$session/hold" "$session/held"
        with_boards /usr/bin/python3 -c '
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(fd, 0x8004550F, struct.pack("I", 0))
open(sys.argv[2], "w").write("held\n")
open(sys.argv[3]).read()
' "$1" "$session/held" "$session/hold" &
        holder=$!
        read -r _ <"$session/held"
}
one=$(device_path 1-1)
is "the board is in its bootloader" "$(get "$one" $device Mode)" bootloader
claim "$(get "$one" $device Node)"
job_path=$(flash)
saw "a claimed bootloader is waited for" "^PropertiesChanged $job_path .*Notice=Another program has /dev/bus/usb/[0-9/]+ open\. .*40 s at most"
hold_end
like "and flashed when it is free" "$(wait_job "$job_path")" '^success State=verified .*PortWaitSeconds='
# fwupd opens every DFU device that comes; while it does, it answers nothing.
back
one=$(device_path 1-1)
simctl replug 1-1 boot-pin=1
seen '^PropertiesChanged .*Mode=bootloader|^DeviceAdded .*Mode=bootloader'
one=$(device_path 1-1)
fwupd_start() {
        /usr/bin/python3 "$tests_dir/lib/mock-fwupd.py" "$1" >"$session/fwupd.log" 2>&1 &
        fwupd_pid=$!
        session_pids+=("$fwupd_pid")
        wait_for_name org.freedesktop.fwupd $fwupd_pid || session_die "the mock fwupd did not come up"
}
fwupd_stop() {
        kill -CONT "$fwupd_pid"
        kill "$fwupd_pid"
        wait "$fwupd_pid" 2>/dev/null
}
claim "$(get "$one" $device Node)"
fwupd_start 5
job_path=$(flash)
saw "fwupd is suspected, if it is at work" "^PropertiesChanged $job_path .*Notice=Another program, probably fwupd, has /dev/bus/usb/"
fwupd_stop
saw "and no longer when it is gone" "^PropertiesChanged $job_path .*Notice=Another program has /dev/bus/usb/"
fwupd_start 1
kill -STOP "$fwupd_pid"
saw "nor is one trusted that says nothing" "^PropertiesChanged $job_path .*Notice=Another program, probably fwupd, has /dev/bus/usb/"
kill -CONT "$fwupd_pid"
saw "one that is idle has not got it" "^PropertiesChanged $job_path .*Notice=Another program has /dev/bus/usb/"
hold_end
like "it is waited for too" "$(wait_job "$job_path")" '^success State=verified '

# In the middle of an update it closes a board and opens it again: who came in between would spoil that.
fwupd_stop
back
simctl replug 1-1 boot-pin=1
seen '^PropertiesChanged .*Mode=bootloader|^DeviceAdded .*Mode=bootloader'
one=$(device_path 1-1)
claim "$(get "$one" $device Node)"
fwupd_start 5
job_path=$(flash)
seen "^PropertiesChanged $job_path .*Notice=Another program, probably fwupd, has /dev/bus/usb/"
hold_end
asked=$(grep -c asked "$session/fwupd.log") n=0
while [ $n -lt $((asked + 2)) ] && read -r -t "$WAIT_S" line; do n=$((n + 1)); done < <(exec tail --pid="$fwupd_pid" -n +1 -f "$session/fwupd.log")
is "a board that fwupd has let go of, and works on, is not taken" "$(get "$job_path" org.fwctl1.Job Phase)" waiting-for-port
fwupd_stop
like "but when fwupd has ended" "$(wait_job "$job_path")" '^success State=verified '

# --- each try opens it anew, which is no news: the wait goes on, and has an end
fwd_stop
FWD_ENV=(FWD_PORT_WAIT_MS=1500)
fwd_start
simctl replug 1-1 boot-pin=1
seen '^DeviceAdded .*Mode=bootloader|^PropertiesChanged .*Mode=bootloader'
one=$(device_path 1-1)
claim "$(get "$one" $device Node)"
job_path=$(flash)
seen "^PropertiesChanged $job_path .*Phase=waiting-for-port"
saw "what stays claimed is given up" "^JobRemoved $job_path failed"
unlike "until then it is waited for, and nothing else is told" "$skipped" 'Phase=(opening|inspecting)'
like "with what was waited for, and how it is found out who has it, which is not an idle fwupd" "$(wait_job "$job_path")" \
        '^failed State=untouched .*PortHeld ErrorMessage=Another program has /dev/bus/usb/[0-9/]+ open, for more than 1 s \(sudo fwctl doctor .* untouched by this job;'
hold_end
done_testing
