#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Several boards at once, the wrong board, the wrong file, and a board that is pulled in every phase: each with its own
# error, and every board can be flashed afterwards.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/lib/events.sh
. "$(dirname "$0")/../lib/events.sh"
data=$source_dir/tests/data
export LC_ALL=C.UTF-8
FWD_ENV=("FWD_AWAIT_MS=2500,500")
session_start
events_start

# plug KIND PORT BOARD-NAME [KEY=VALUE…]: and it has said what it is
plug() {
        simctl plug "$1" "$2" "${@:4}" >/dev/null && wait_board "$2" BoardName "$3"
}

hash_of() {
        simctl dump "$1" "$session/dump-$1" >/dev/null && sha256sum <"$session/dump-$1"
}

has() { # NAME PORT FILE
        simctl dump "$2" "$session/dump-$2" >/dev/null
        check "$1" "$tests_dir/lib/flash-has.py" "$3" "$session/dump-$2"
}

# failed NAME ERROR STATE: what $output says of the job
failed() {
        local got
        got=$(sed -n 's/^{/{/p' <<<"$output" | /usr/bin/python3 -c \
                'import json, sys; j = json.loads(sys.stdin.readline()); print(j["error"]["name"], j["state"])' 2>&1)
        is "$1: $2, $3" "$got" "$2 $3"
}

# --- a file for another board

check "a board" plug betaflight-f405 1-1 SPEEDYBEEF405V4
before=$(hash_of 1-1)
while read -r file why; do
        check_exit "$file: refused" 6 fwctl -q -j flash 1-1 "$data/$file"
        failed "$file" WrongBoard untouched
        like "$file: the sentence says why" "$output" "$why"
        is "$file: the flash is as it was" "$(hash_of 1-1)" "$before"
done <<-END
	hello-4.hex Betaflight.for.MATEKF405TE
	hello-4.bin Betaflight.for.MATEKF405TE
	hello-5.hex Betaflight.for.STM32F722
	END
is "it was never asked for its bootloader" "$(simctl stats 1-1 | grep -o '"enumerations":[^,]*' | tr -d ' ')" '"enumerations":1'
like "inspect tells what the file is for" "$(fwctl inspect "$data/hello-4.hex")" \
        "TargetFirmware: Betaflight.*TargetVersion: 2025.12.2.*TargetMcu: STM32F405.*TargetBoard: MATEKF405TE"
polkit_forget
polkit_answer org.fwctl1.flash-force deny
check_exit "--force takes a stronger permission" 4 fwctl flash --force 1-1 "$data/hello-4.hex"
is "the flash is as it was" "$(hash_of 1-1)" "$before"
polkit_answer org.fwctl1.flash-force allow
check_exit "with it, the file is flashed" 0 fwctl flash --force 1-1 "$data/hello-4.hex"
has "and in the flash" 1-1 "$data/hello-4.hex"
simctl remove 1-1 >/dev/null

# --- two of a kind, with one serial number, at once

for port in 1-2 1-3; do
        check "$port: one of two" plug betaflight-f405 $port SPEEDYBEEF405V4 serial=TWIN uid=002d00303334510b32313533
done
fwctl flash 1-2 "$data/hello-1.hex" >"$session/out-1-2" 2>&1 &
first=$!
fwctl flash 1-3 "$data/hello-3.hex" >"$session/out-1-3" 2>&1 &
second=$!
wait $first
is "the first is flashed" $? 0
wait $second
is "the second is flashed" $? 0
has "the first has its image" 1-2 "$data/hello-1.hex"
has "the second has its own" 1-3 "$data/hello-3.hex"
check_exit "the serial number names neither" 2 fwctl show TWIN
for port in 1-2 1-3; do simctl remove $port >/dev/null; done

# --- another chip on the port

check "a board that tells its chip" plug betaflight-f405 1-4 SPEEDYBEEF405V4 bootloader-serial=123456789ABC
check_exit "another chip comes as its bootloader" 6 fwctl -q -j flash 1-4 "$data/hello-1.hex"
failed "another chip" WrongBoard untouched
simctl remove 1-4 >/dev/null

# --- pulled, in every phase

# pulled NAME PORT STATUS ERROR STATE [KEY=VALUE…]: the board goes by a knob of its own
pulled() {
        local name=$1 port=$2 knob
        check "$name: a board" plug betaflight-f722 "$port" MATEKF722SE
        for knob in "${@:6}"; do simctl set "$port" "${knob%=*}" "${knob#*=}" >/dev/null; done
        check_exit "$name: exit status $3" "$3" fwctl -q -j flash "$port" "$data/hello-2.hex"
        failed "$name" "$4" "$5"
        again "$name" "$port"
}

# again NAME PORT: plugged in with BOOT held, it takes its firmware
again() {
        simctl set "$2" clear-faults 1 >/dev/null
        simctl set "$2" after-reboot auto >/dev/null
        simctl replug "$2" boot-pin=1 >/dev/null
        check "$1: it comes back in its bootloader" wait_board "$2" Mode bootloader
        check_exit "$1: and is flashed" 0 fwctl flash "$2" "$data/hello-5.hex"
        has "$1: with all of the file" "$2" "$data/hello-5.hex"
        simctl remove "$2" >/dev/null
}

pulled erasing 1-1 8 DeviceLost erased unplug-erase=2
pulled writing 1-2 8 DeviceLost partly-written unplug-write=3
pulled verifying 1-3 8 DeviceLost partly-written unplug-upload=3
pulled opening 1-4 8 DeviceLost untouched unplug-transfer=3
pulled "waiting for the bootloader" 1-5 10 NeedsUserAction untouched after-reboot=nothing

# A board that nobody asks before the flash does: it is asked six things, then again before it is rebooted.
# Gone in the first, it is lost; in the second it may be on its way into its bootloader, and is waited for.
# at_request NAME N STATUS ERROR
at_request() {
        simctl plug betaflight-at32f435 1-6 after-reboot=nothing "vanish=$2" >/dev/null
        check "$1: a board" wait_event '"Port":"1-6"' '"Node":"/dev/ttyACM'
        check_exit "$1: exit status $3" "$3" fwctl -q -j flash 1-6 "$data/hello-2.hex"
        failed "$1" "$4" untouched
        simctl set 1-6 after-reboot auto >/dev/null
        simctl replug 1-6 boot-pin=1 >/dev/null
        check "$1: it comes back in its bootloader" wait_board 1-6 Mode bootloader
        check_exit "$1: and is flashed" 0 fwctl flash 1-6 "$data/hello-2.hex"
        simctl remove 1-6 >/dev/null
}
at_request identifying 3 8 DeviceLost
at_request rebooting 9 10 NeedsUserAction

check "waiting for the firmware: a board" plug betaflight-f722 1-7 MATEKF722SE after-leave=nothing
check_exit "waiting for the firmware: it was flashed" 0 fwctl flash --no-keep-config 1-7 "$data/hello-5.hex"
like "waiting for the firmware: what to do is told" "$output" "Unplug the USB cable.*flashed and verified"

# --- boards whose bootloader is no DFU device: known, told apart, and left alone, with what to do instead

# other KIND BOARD WORDS [KEY=VALUE…]
other() {
        simctl plug "$1" 1-1 "${@:4}" >/dev/null
        check "$2 comes" wait_board 1-1 Board "$2"
        like "$2: its hint says what does it" "$(fwctl show 1-1 -p Hint --value)" "$3"
        check_exit "$2: a flash is refused" 1 fwctl -q -j flash 1-1 "$data/hello-1.hex"
        failed "$2" NotSupported None
        like "$2: with that" "$output" "cannot be flashed here. $3"
        check_exit "$2: a plan of one, too" 1 fwctl -q flash --dry-run 1-1 "$data/hello-1.hex"
        check_exit "$2: and reading" 1 fwctl -q read 1-1 "$session/none.bin"
        check_exit "$2: and erasing" 1 fwctl -q erase --yes 1-1
}
other esp32 esp32 "Use esptool"
simctl remove 1-1 >/dev/null
other rp2350-bootsel rp2350 "Hold the BOOTSEL button.*copy the .uf2 file"
simctl remove 1-1 >/dev/null
other betaflight-f405 rp2350-betaflight "Hold the BOOTSEL button.*copy the .uf2 file" usb-id=2e8a:0009 serial=123456 \
        "product=Betaflight RP2350B" board-name=HELLBENDER_0001
check "it says what it is" wait_board 1-1 BoardName HELLBENDER_0001
check_exit "and has a configuration" 0 fwctl backup 1-1 "$session/rp2350.txt"
like "which is its own" "$(<"$session/rp2350.txt")" "# Board: HELLBENDER_0001"
simctl remove 1-1 >/dev/null

# --- X32: its firmware cannot start the bootloader, and nothing tells which bootloader is whose

"$tests_dir/data/make_x32.py" >"$session/x32.hex"
"$tests_dir/data/make_x32.py" --raw >"$session/x32.bin"
x32_has() { # NAME PORT
        simctl dump "$2" "$session/dump-$2" 0x15000000 >/dev/null
        check "$1" "$tests_dir/lib/flash-has.py" "$session/x32.hex" "$session/dump-$2" 0x15000000
}
check "X32: a board" plug betaflight-x32m7b 1-1 X32M7B version=2026.6.0
check_exit "X32: firmware of an STM32 is refused" 6 fwctl -q -j flash 1-1 "$data/hello-2.hex"
failed "X32" AddressOutOfRange untouched
like "X32: with where its flash is" "$output" "begins at 0x15000000"
is "X32: it was not asked for its bootloader" "$(simctl stats 1-1 | grep -o '"enumerations":[^,]*' | tr -d ' ')" '"enumerations":1'
check_exit "X32: nobody brings it into its bootloader" 10 fwctl -q -j flash 1-1 "$session/x32.hex"
failed "X32: nobody" NeedsUserAction untouched
like "X32: what to do was told" "$output" "Hold its BOOT button"
simctl remove 1-1 >/dev/null

# BOOT is still held when it is started: it is in its bootloader again, and is not flashed twice.
check "X32 with BOOT held: a board" plug betaflight-x32m7b 1-2 X32M7B
simctl replug 1-2 boot-pin=1 >/dev/null
check "X32 with BOOT held: in its bootloader" wait_board 1-2 Mode bootloader
check_exit "X32 with BOOT held: it was flashed" 0 fwctl flash 1-2 "$session/x32.hex"
x32_has "X32 with BOOT held: all of the file" 1-2
like "X32 with BOOT held: what to do is told" "$output" "BOOT0 go low"
simctl remove 1-2 >/dev/null

# --- met cold: it said what it is to a service before this one

check "remembered: a board" plug betaflight-f722 1-5 MATEKF722SE uid=0023001f3537510936373731 bootloader-serial=365A37503537
check "remembered: it has said all of it" fwctl identify 1-5
events_stop
fwd_stop
is "remembered: the service ends" $? 0
FWD_ENV=()
simctl replug 1-5 boot-pin=1 >/dev/null
fwd_start
events_start
check "remembered: it is there" wait_board 1-5 Mode bootloader
is "remembered: as what it is" "$(fwctl show 1-5 -p BoardName,Variant,Mcu,Board,Remembered --value | paste -sd' ')" \
        "MATEKF722SE BTFL STM32F7X2 betaflight yes"
like "remembered: and is listed so" "$(fwctl list --no-legend --full)" "MATEKF722SE \(remembered\)"
before=$(hash_of 1-5)
check_exit "remembered: another board's file is refused" 6 fwctl -q -j flash 1-5 "$data/hello-4.hex"
failed "remembered" WrongBoard untouched
is "remembered: the flash is as it was" "$(hash_of 1-5)" "$before"
check_exit "remembered: its own is flashed" 0 fwctl flash 1-5 "$data/hello-5.hex"
is "remembered: it says itself again what it is" "$(fwctl show 1-5 -p BoardName,Remembered --value | paste -sd' ')" "MATEKF722SE no"

# --- a person who acts while the job waits: the service has its usual patience now

check "X32, by hand: a board" plug betaflight-x32m7b 1-1 X32M7B version=2026.6.0
fwctl flash 1-1 "$session/x32.bin" >"$session/out-1-1" 2>&1 & # a raw file: where it goes, the profile knows
flash=$!
check "X32, by hand: the hint is there while it waits" wait_event "Hold its BOOT button"
simctl replug 1-1 boot-pin=1 >/dev/null
check "X32, by hand: it comes in its bootloader" wait_board 1-1 Mode bootloader
simctl set 1-1 boot-pin 0 >/dev/null
wait $flash
is "X32, by hand: it is flashed" $? 0
like "X32, by hand: verified" "$(cat "$session/out-1-1")" "flashed and verified"
like "X32, by hand: its configuration was saved before" "$(fwctl backups)" "X32M7B"
x32_has "X32, by hand: all of the file is in its flash" 1-1
is "X32, by hand: and it runs again" "$(fwctl show 1-1 -p Mode,Board --value | paste -sd' ')" "firmware betaflight-x32"
simctl remove 1-1 >/dev/null

events_stop
done_testing
