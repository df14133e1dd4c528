#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Boards whose serial port the kernel's driver does not make, or that another program took away: said at once, with its name
# where that can be known, and well again by itself when the port is back.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
session_start bus sim

reboot() { call "$one" $device RebootToBootloader 'a{sv}' 0 | cut -d'"' -f2; }
# again KEY=VALUE…: the board comes anew, in its firmware
again() {
        simctl replug 1-1 boot-pin=0
        seen '^PropertiesChanged .*Variant=BTFL'
        one=$(device_path 1-1)
}
hint_is() { saw "$1" "^PropertiesChanged $one .*Hint=$2"; }
hint_gone() {
        seen "^PropertiesChanged $one .*(Node=/dev/tty|Variant=BTFL)"
        is "$1" "$(get "$one" $device Hint)" ''
}

fwd_start
watch_start
simctl plug betaflight-f405 1-1
seen '^PropertiesChanged .*Variant=BTFL'
one=$(device_path 1-1)
missing='The board has no serial port: .*cdc_acm, is not loaded\. "sudo modprobe cdc_acm" loads it; .*"fwctl doctor"'
claimed='Another program has claimed the board.s USB interface.*"sudo fuser -v /dev/bus/usb/00[0-9/]+" tells which.*"echo 1-1:1\.0 \| sudo tee /sys/bus/usb/drivers_probe"'
off='The board has no serial port: .*cdc_acm, was taken off it\. "echo 1-1:1\.0 \| sudo tee /sys/bus/usb/drivers_probe" gives it back'

# --- no driver
is "a board that has its port needs no hint" "$(get "$one" $device Hint)" ''
simctl driver 1-1 missing
hint_is "a driver that is not loaded is told, with the command" "$missing"
job_path=$(reboot)
saw "a job tells it too, and waits" "^PropertiesChanged $job_path .*Notice=$missing.* goes on when the port is there; it waits for 40 s at most"
is "its phase tells for what" "$(get "$job_path" $job Phase)" waiting-for-port
simctl driver 1-1 bound
like "it goes on by itself when the port comes" "$(wait_job "$job_path")" '^success'
unlike "and forgets the notice" "$(wait_job "$job_path")" 'cdc_acm'
again

# --- a board that comes without
simctl driver 1-1 missing
simctl replug 1-1
seen '^DeviceAdded .*Mode=firmware'
one=$(device_path 1-1)
hint_is "a board that comes to a machine without the driver" "$missing"
simctl driver 1-1 bound
seen "^PropertiesChanged $one .*Variant=BTFL"
is "is asked what it is when the driver comes, without a hint" "$(get "$one" $device Hint)" ''

# --- taken off, claimed
simctl driver 1-1 none
hint_is "a driver that was taken off the board" "$off"
simctl driver 1-1 bound
hint_gone "and is back"
simctl driver 1-1 usbfs
hint_is "a program that has claimed the interface" "$claimed"
job_path=$(reboot)
saw "a job tells it too" "^PropertiesChanged $job_path .*Notice=$claimed"
is "a job that waits for it can be cancelled" "$(call "$job_path" $job Cancel)" ''
like "and ends as cancelled" "$(wait_job "$job_path")" '^cancelled State=untouched '
# Of the end of a claim no event comes.
simctl driver 1-1 none
job_path=$(reboot)
saw "a job looks for itself" "^PropertiesChanged $job_path .*Notice=$off"
simctl unplug 1-1
like "a board that is unplugged meanwhile" "$(wait_job "$job_path")" '^failed State=untouched .*DeviceLost'

# --- nobody gives it back
fwd_stop
FWD_ENV=("FWD_AWAIT_MS=300,300")
fwd_start
simctl driver 1-1 usbfs
simctl replug 1-1
seen '^DeviceAdded .*Mode=firmware'
one=$(device_path 1-1)
like "a claim that does not end" "$(wait_job "$(reboot)")" \
        "^failed State=untouched .*ErrorName=.*PortHeld ErrorMessage=$claimed.* untouched"
is "its error has the exit status of a held port" "$(fwctl reboot 1-1 >/dev/null 2>&1; echo $?)" 5
simctl driver 1-1 missing
like "a driver that does not come" "$(wait_job "$(reboot)")" \
        "^failed State=untouched .*ErrorName=.*Timeout ErrorMessage=$missing.* untouched"
fwd_stop
fwd_start
like "the service that comes later sees it too" "$(get "$(device_path 1-1)" $device Hint)" "$missing"
simctl driver 1-1 bound
simctl remove 1-1

# --- taken away while a worker has it
fwd_stop
stub_start
FWD_ENV=()
simctl plug betaflight-f405 1-1
simctl wait 1-1 firmware
fwd_start
seen '^PropertiesChanged .*Variant=BTFL'
one=$(device_path 1-1)
stub reboot "simctl driver 1-1 usbfs >&2; fail DeviceLost untouched '/dev/ttyACM0 is gone'"
like "a port that is taken away in mid-job is no board that was unplugged" "$(wait_job "$(reboot)")" \
        "^failed State=untouched .*ErrorName=.*PortHeld ErrorMessage=$claimed"
unset FWD_WORKER
simctl remove 1-1

# --- brltty, by its udev rule
fwd_stop
sim_stop
FWD_ENV=()
printf 'usb:v0483p5740*\n BRLTTY_BRAILLE_DRIVER=bm\n\nusb:v1A86p7523*\n FWD_MODE=firmware\n FWD_BOARD=bridge\n' \
        >"$session/hwdb/etc/udev/hwdb.d/99-other.hwdb"
systemd-hwdb --root="$session/hwdb" update
mkdir "$session/profiles"
printf '[Board]\nTitle=Board behind a CH340\nIdentify=asked\n[Bootloader]\nReboot=msp\nHint=Press it.\n' >"$session/profiles/bridge.board"
FWD_PROFILE_PATH=$session/profiles:$source_dir/daemon/board/profiles
sim_start
fwd_start
simctl plug betaflight-f405 1-1
seen '^PropertiesChanged .*Variant=BTFL'
one=$(device_path 1-1)
simctl driver 1-1 usbfs
brltty='brltty takes the board for a braille display, and its serial port away\.'
hint_is "brltty is named, if its rule took the board" "$brltty"
job_path=$(reboot)
saw "by the job, too" "^PropertiesChanged $job_path .*Notice=$brltty"
simctl driver 1-1 bound
like "which goes on when the port is back" "$(wait_job "$job_path")" '^success'

# --- brltty, which found the chip by itself
simctl plug ch340 1-2
seen '^DeviceAdded .*Mode=firmware'
two=$(device_path 1-2)
simctl driver 1-2 usbfs
saw "without brltty it is another program" "^PropertiesChanged $two .*Hint=Another program has claimed"
/usr/bin/python3 "$tests_dir/lib/mock-systemd.py" other.service brltty.service >"$session/systemd.log" 2>&1 &
session_pids+=($!)
wait_for_name org.freedesktop.systemd1 $! || session_die "the mock systemd did not come up"
job_path=$(call "$two" $device RebootToBootloader 'a{sv}' 0 | cut -d'"' -f2)
saw "where it runs it is suspected, with the command" \
        "^PropertiesChanged .*$brltty \"sudo systemctl disable --now brltty.service && echo 1-2:1\.0 \| sudo tee /sys/bus/usb/drivers_probe\""
simctl driver 1-2 none
like "between its looks as well" "$(get "$two" $device Hint)" "$brltty"
is "the job that waits can be cancelled" "$(call "$job_path" $job Cancel)" ''
done_testing
