#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# ODrive and FFBeast through the whole stack: firmware, bootloader, flashed, firmware; what is refused before the
# board is touched; what is kept; and what a person is told.
# shellcheck disable=SC2317 # some functions are called by check
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
export SIM_TIME_SCALE=0.05 LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=2500,1500")
session_start

# image FILE SIZE [TEXT-OR-HEX…]: a firmware for the start of an F405's flash, with these bytes in it
image() {
        /usr/bin/python3 - "$session/$1" "$2" "${@:3}" <<-'END'
	import sys
	path, size, things = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
	data = bytearray((i * 37 + (i >> 8) * 11 + 5) & 255 for i in range(size))
	data[0:8] = (0x20020000).to_bytes(4, "little") + (0x08000189).to_bytes(4, "little")
	at = 1024
	for thing in things:
	    some = bytes.fromhex(thing[4:]) if thing.startswith("hex:") else thing.encode() + b"\0"
	    data[at:at + len(some)] = some
	    at += 256
	open(path, "wb").write(data)
	END
}

# fresh KIND [KEY=VALUE…]: a new board on 1-1, known to the service
fresh() {
        simctl remove 1-1 >/dev/null 2>&1
        wait_gone 1-1
        simctl plug "$@" >/dev/null
        wait_for 1-1 Port 1-1
}
odrive() { fresh odrive-v3 1-1 "$@"; }
wheel() { fresh ffbeast-wheel 1-1 "$@"; }

# flash_is NAME ADDRESS FILE: the chip has the file's bytes there
flash_is() {
        rm -f "$session/dump"
        simctl dump 1-1 "$session/dump" "$2" "$(stat -c %s "$3")" >/dev/null
        same_bytes "$1" "$3" "$session/dump"
}
untouched() {
        rm -f "$session/after"
        simctl dump 1-1 "$session/after" >/dev/null
        is "$1: the flash is as it was" "$(sha256sum <"$session/after")" "$before"
        is "$1: the board runs" "$(fwctl show 1-1 -p Mode --value)" firmware
}
remember() {
        rm -f "$session/before"
        simctl dump 1-1 "$session/before" >/dev/null
        before=$(sha256sum <"$session/before")
}
json() { # NAME TEXT EXPRESSION: is true of the JSON value j
        if printf '%s' "$2" | /usr/bin/python3 -c "import json, sys
j = json.load(sys.stdin)
sys.exit(0 if ($3) else 1)"; then ok "$1"; else not_ok "$1" "$3 is not true of: $2"; fi
}
answer() { grep '^{' <<<"$output" | tail -1; }

image v36.bin 200000 "ODrive 3.6 CDC Interface"
image v35.bin 200000 "ODrive 3.5 CDC Interface"
image v36-record.bin 200000 "ODrive 3.6 CDC Interface" hex:000000030618
cp "$session/v36.bin" "$session/ODriveFirmware_v3.6-56V.bin"
cp "$session/v36.bin" "$session/ODriveFirmware_v3.6-24V.bin"
head -c 4096 /dev/zero | tr '\0' Z >"$session/settings"
good=$session/ODriveFirmware_v3.6-56V.bin

# --- ODrive: the main job
check "an ODrive comes" odrive
simctl load 1-1 "$session/settings" 0x080C0000
is "it is known by its USB id and strings" "$(fwctl show -p Board --value)" odrive
is "nobody has to do anything" "$(fwctl show -p Hint --value)" ""
check_exit "a plan, while it runs" 0 fwctl flash --dry-run "$good"
like "has sectors, blocks, bytes and seconds" "$output" "would erase [0-9]+ sectors .* in [0-9]+ blocks, in about [0-9]+ s"
check_exit "a plan that costs its settings" 0 fwctl flash --dry-run --erase=full "$good"
like "says so" "$output" "Settings of the board are erased"
check_exit "it is flashed from its running firmware" 0 fwctl -j flash "$good"
json "verified, by its own call, as what it says to be" "$(answer)" 'j["state"] == "verified" and
        j["details"]["Method"] == "enter_dfu_mode" and j["details"]["BoardName"] == "ODrive v3.6-56V" and
        j["details"]["BoardType"] == "3.6-56V" and "Notice" not in j["details"]'
flash_is "the firmware is in" 0x08000000 "$good"
flash_is "the settings are kept" 0x080C0000 "$session/settings"
is "the board runs again" "$(fwctl show -p Mode --value)" firmware
is "no byte went to its serial port" "$(simctl stats 1-1 |
        /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["by_request"].get("21/20", 0))')" 0
check_exit "erase=full" 0 fwctl -j flash --erase=full "$good"
json "tells that settings went, and where they are" "$(answer)" '"Settings of the board are erased" in j["details"]["Notice"] and
        j["details"]["OldFlash"] in j["details"]["Notice"]'
old=$(printf '%s' "$(answer)" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["details"]["OldFlash"])')
is "all of the flash is there" "$(stat -c '%s %a' "$old")" "1048576 600"
same_bytes "with the settings" "$session/settings" <(tail -c +$((0xC0001)) "$old" | head -c 4096)
simctl dump 1-1 "$session/nvm" 0x080C0000 16
is "they are gone" "$(od -An -tx1 -N4 "$session/nvm" | tr -d ' ')" ffffffff
check_exit "what was kept goes back as it is" 0 fwctl flash --address=0x08000000 "$old"
flash_is "the settings are there again" 0x080C0000 "$session/settings"
rm -r "$session/state/old-flash"
: >"$session/state/old-flash"
check_exit "no place for it" 1 fwctl -j flash --erase=full "$good"
json "is an error before anything is erased" "$(answer)" 'j["error"]["name"] == "StorageFailed" and j["state"] == "untouched"'
rm "$session/state/old-flash"
flash_is "the settings are still there" 0x080C0000 "$session/settings"
check_exit "settings that the person keeps" 0 fwctl flash --erase=full --save-old="$session/mine.bin" "$good"
is "are not kept twice" "$(ls "$session/state/old-flash" 2>/dev/null)" ""
check_exit "reboot alone" 0 fwctl reboot
is "it is in its bootloader" "$(fwctl show -p Mode --value)" bootloader
check_exit "flashed from there" 0 fwctl flash "$good"

# --- ODrive: files for another board
check "an ODrive comes" odrive
remember
for file in v35.bin v36-record.bin ODriveFirmware_v3.6-24V.bin; do
        check_exit "$file on a v3.6-56V" 6 fwctl -q -j flash "$session/$file"
        json "$file: WrongBoard" "$(answer)" 'j["error"]["name"] == "WrongBoard" and j["state"] == "untouched"'
        untouched "$file"
done
check_exit "--force flashes it all the same" 0 fwctl flash --force "$session/v35.bin"
check_exit "a file that does not say its voltage" 0 fwctl -j flash "$session/v36.bin"
json "is told so" "$(answer)" '"supply voltage" in j["details"]["Notice"]'

# --- ODrive: boards that must not, or cannot
check "a v3.4" odrive hardware=3.4-24
remember
check_exit "cannot enter its bootloader by software" 1 fwctl -q -j flash "$good"
json "the danger is told, and what there is instead" "$(answer)" 'j["error"]["name"] == "NotSupported" and
        "brake" in j["error"]["message"] and "use an ST-LINK" in j["error"]["message"]'
like "programs are told it, too" "$(fwctl show -p Hint --value)" "use an ST-LINK"
untouched "a v3.4"
simctl replug 1-1 switch=dfu >/dev/null
check "somebody sets its switch" wait_for 1-1 Mode bootloader
image v34.bin 100000 "ODrive 3.4 CDC Interface"
cp "$session/v34.bin" "$session/v3.4-24V.bin"
check_exit "then it is flashed" 0 fwctl -j flash --no-leave "$session/v3.4-24V.bin"
json "with the warning" "$(answer)" '"brake" in j["details"]["Notice"]'
check "a motor runs" odrive axis0-state=8
remember
check_exit "a motor that runs is not stopped" 5 fwctl -q -j flash "$good"
json "it is Armed" "$(answer)" 'j["error"]["name"] == "Armed" and "Axis 0" in j["error"]["message"]'
untouched "a motor runs"
check "an ODrive that does not answer" odrive silent=1
check_exit "times out" 10 fwctl -q -j flash "$good"
check "one that talks nonsense" odrive garbage=1
check_exit "is refused" 1 fwctl -q -j flash "$good"
json "by name" "$(answer)" 'j["error"]["name"] == "NotSupported" and j["state"] == "untouched"'
check "one that takes the call and does nothing" odrive ignore-reboot=1
check_exit "needs a person" 10 fwctl -j flash "$good"
json "who is told how" "$(answer)" 'j["error"]["name"] == "NeedsUserAction" and "DIP switch" in j["error"]["message"]'
check "a clone" odrive no-otp=1
check_exit "is flashed" 0 fwctl -j flash "$good"
json "with advice" "$(answer)" '"clone" in j["details"]["Notice"]'

check "another board's bootloader on its port" odrive bootloader-serial=208B317A3331
check_exit "is left alone" 6 fwctl -q -j flash "$good"
json "and told" "$(answer)" 'j["error"]["name"] == "WrongBoard" and j["state"] == "untouched" and
        "belong to the chip that was there" in j["error"]["message"] and "Plug the right board" in j["error"]["message"]'

# --- ODrive: pulled out
pulled() { # WHEN STATE
        check "a fresh ODrive" odrive
        simctl set 1-1 "unplug-$1" "$3" >/dev/null
        check_exit "pulled at $1" 8 fwctl -q -j flash "$good"
        json "pulled at $1: $2" "$(answer)" "j['error']['name'] == 'DeviceLost' and j['state'] == '$2'"
}
pulled upload untouched 1
pulled erase erased 2
pulled write partly-written 3
pulled upload untouched 2
pulled upload partly-written 5

# --- ODrive: the switch is still set
simctl remove 1-1 >/dev/null
wait_gone 1-1
simctl plug odrive-v3 1-2 switch=dfu >/dev/null
check "a board that was never seen in its firmware" wait_for 1-2 Board stm32-dfu
check_exit "takes its firmware" 0 fwctl flash "$good"
is "as its record says what it is" "$(fwctl show 1-2 -p Board --value)" odrive
check_exit "one that only its record tells, with all erased" 0 fwctl -j flash --force --erase=full --no-leave 1-2 "$session/v35.bin"
json "its settings are kept as well" "$(answer)" '"/old-flash/" in j["details"]["OldFlash"]'
simctl remove 1-2 >/dev/null
wait_gone 1-2
check "an ODrive with its switch on DFU" odrive switch=dfu
is "it is in its bootloader" "$(fwctl show -p Mode --value)" bootloader
check_exit "it is flashed" 0 fwctl -j flash "$good"
is "its record said what it is" "$(fwctl show -p Board --value)" odrive
json "it came back in its bootloader, which is no failure" "$(answer)" 'j["result"] == "success" and
        "come back in its bootloader" in j["details"]["Notice"] and "RUN" in j["details"]["Notice"]'
like "the hint stays" "$(fwctl show -p Hint --value)" "switch back to RUN"
remember
check_exit "it is not flashed again" 10 fwctl -q -j flash "$good"
json "the person is told" "$(answer)" 'j["error"]["name"] == "NeedsUserAction" and "RUN" in j["error"]["message"]'
simctl replug 1-1 switch=run >/dev/null
check "the switch is turned back" wait_for 1-1 Mode firmware
is "the hint is gone" "$(fwctl show -p Hint --value)" ""

# --- waiting for the board
simctl remove 1-1 >/dev/null
wait_gone 1-1
exec {waits}< <(exec fwctl flash --wait "$good" 2>&1)
waiter=$!
read -r -u "$waits" -t "$WAIT_S" line
like "fwctl flash --wait waits for any board" "$line" "^Waiting for a board"
simctl plug odrive-v3 1-1 switch=dfu >/dev/null
rest=$(cat <&"$waits")
wait "$waiter"
is "and flashes it when it comes" $? 0
like "telling so" "$rest" "flashed and verified"
exec {waits}< <(exec fwctl -j flash --wait 1-1 "$good" 2>/dev/null)
waiter=$!
read -r -u "$waits" -t "$WAIT_S" line
json "as JSON, for a board that is still switched to DFU: the hint" "$line" 'j["waiting"] == "1-1" and "RUN" in j["hint"]'
kill -INT "$waiter"
wait "$waiter"
is "Ctrl-C ends the waiting" $? 130
exec {waits}<&-

# --- FFBeast
image wheel.bin 78000 hex:12010002000000405b04d75900010102030100
image stick.bin 91000 hex:12010002000000405b04f05500010102030100 hex:12010002000000405b04f95800010102030100
check "a wheel comes" wheel
is "it is known" "$(fwctl show -p Board --value)" ffbeast-wheel
simctl load 1-1 "$session/settings" 0x08020000
check_exit "it is flashed from its running firmware" 0 fwctl -j flash "$session/wheel.bin"
json "by its HID command, its licence told" "$(answer)" 'j["state"] == "verified" and j["details"]["Method"] == "hid-command" and
        j["details"]["SerialKey"] == "11111111-22222222-33333333" and len(j["details"]["DeviceId"]) == 26 and
        "Notice" not in j["details"]'
flash_is "the firmware is in" 0x08000000 "$session/wheel.bin"
flash_is "what it does not touch is kept" 0x08020000 "$session/settings"
is "the wheel runs again" "$(fwctl show -p Mode --value)" firmware
remember
check_exit "a joystick's firmware on a wheel" 6 fwctl -q -j flash "$session/stick.bin"
json "WrongBoard" "$(answer)" 'j["error"]["name"] == "WrongBoard" and "045b:58f9" in j["error"]["message"]'
untouched "a joystick's firmware"
is "the board was not even rebooted" "$(simctl stats 1-1 |
        /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["enumerations"])')" 3
check_exit "all of it erased" 0 fwctl -j flash --erase=full "$session/wheel.bin"
json "its settings are somewhere in what was kept" "$(answer)" '"/old-flash/" in j["details"]["OldFlash"]'
check "a joystick" fresh ffbeast-joystick 1-1
check_exit "takes its firmware" 0 fwctl flash "$session/stick.bin"
check_exit "and not the wheel's" 6 fwctl flash "$session/wheel.bin"
check "an old build without commands" wheel old=1
exec {waits}< <(exec fwctl flash "$session/wheel.bin" 2>&1)
waiter=$!
while read -r -u "$waits" -t "$WAIT_S" line && [[ $line != *"by hand"* ]]; do :; done
like "needs a person, who is told how" "$line" "by hand.*DIP switch"
like "as programs are" "$(fwctl show -p Hint --value)" "DIP switch"
simctl replug 1-1 switch=dfu >/dev/null
rest=$(cat <&"$waits")
wait "$waiter"
is "and goes on when that is done" $? 0
for phase in erase:erased write:partly-written; do
        check "a fresh wheel" wheel
        simctl set 1-1 "unplug-${phase%:*}" 2 >/dev/null
        check_exit "pulled at ${phase%:*}" 8 fwctl -q -j flash "$session/wheel.bin"
        json "pulled at ${phase%:*}: ${phase#*:}" "$(answer)" "j['state'] == '${phase#*:}'"
done

done_testing
