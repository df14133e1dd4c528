#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A Crazyflie through the whole stack: from its firmware into the bootloader, flashed, and back; by the button; with
# old firmware; with files that would take its loader; and its loader written again. Its tty is never opened.
#   test-crazyflie.sh FILES   (the directory that tests/data/make_crazyflie.py made)
# shellcheck disable=SC2317 # some functions are called by check
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
files=$1
export SIM_TIME_SCALE=0.1 LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=6000,3000")
session_start

# until PATTERN COMMAND…: runs the command, until a line of the events that follow matches
events_until() {
        local pattern=$1 events line seen=1 monitor
        shift
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        monitor=$!
        # It begins with what is there; then the command runs.
        [ $# -eq 0 ] || "$@" >/dev/null
        while read -r -u "$events" -t "$WAIT_S" line; do
                [[ $line =~ $pattern ]] && seen=0 && break
        done
        kill "$monitor" 2>/dev/null
        exec {events}<&-
        return "$seen"
}
away() { # the service knows of no board on 1-1
        fwctl show 1-1 >/dev/null 2>&1 || return 0
        events_until 'device-removed' true || ! fwctl show 1-1 >/dev/null 2>&1
}
fresh() { # KIND [KEY=VALUE…]
        simctl remove 1-1 >/dev/null 2>&1
        away
        simctl plug "$1" 1-1 "${@:2}" >/dev/null && wait_for 1-1 Port 1-1
}
passthroughs() {
        simctl stats 1-1 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["model"]["passthroughs"])'
}
json() { # NAME TEXT EXPRESSION: is true of the JSON value j
        if printf '%s' "$2" | /usr/bin/python3 -c "import json, sys
j = json.loads(sys.stdin.read().strip().splitlines()[-1])
sys.exit(0 if ($3) else 1)"; then ok "$1"; else not_ok "$1" "$3 is not true of: $2"; fi
}
flash_is() { # NAME FILE ADDRESS
        rm -f "$session/dump"
        simctl dump 1-1 "$session/dump" "$3" "$(stat -c %s "$2")" >/dev/null
        same_bytes "$1" "$2" "$session/dump"
}
keep() { # what is in the flash now
        rm -f "$session/before"
        simctl dump 1-1 "$session/before" >/dev/null
}
untouched() {
        rm -f "$session/after"
        simctl dump 1-1 "$session/after" >/dev/null
        same_bytes "$1: the flash is as it was" "$session/before" "$session/after"
}
loader_untouched() {
        rm -f "$session/after"
        simctl dump 1-1 "$session/after" 0x08000000 16384 >/dev/null
        same_bytes "$1: the loader is as it was" <(head -c 16384 "$session/before") "$session/after"
}

# --- what it is
check "a Crazyflie comes" fresh crazyflie
is "it is known by its strings" "$(fwctl show -p Board --value)" crazyflie
is "its chip by its serial number" "$(fwctl show -p UniqueId --value)" 002d00303334510b32313533
check_exit "it is not asked what it is" 1 fwctl identify
check_exit "not even by hand: it is no port to open" 1 \
        env FWD_PROFILE_PATH="$source_dir/daemon/board/profiles" LD_PRELOAD="$(preload_for "$worker_program")" \
        "$worker_program" reboot --board=crazyflie --tty="$(simctl list | awk '{ print $5 }')"

check_exit "a plan, while it runs" 0 fwctl flash --dry-run "$files/cf2.bin"
like "has sectors, blocks, bytes and seconds" "$output" \
        "would erase [0-9]+ sectors \([0-9]+ bytes\), write [0-9]+ bytes in [0-9]+ blocks, in about [0-9]+ s"
check_exit "a plan for its loader" 0 fwctl recover-bootloader --dry-run "$files/loader.bin"
like "is of the first sector" "$output" "0x08000000.16384"
is "it was not asked for its bootloader" "$(fwctl show -p Mode --value)" firmware

# --- the main job
keep
check_exit "flash a raw file without an address" 0 fwctl -j flash "$files/cf2.bin"
json "verified, and the board is back" "$output" \
        'j["result"] == "success" and j["state"] == "verified" and j["details"]["Return"] == "firmware"'
json "the chip told its type" "$output" 'j["details"]["BoardType"] == "CF21" and j["details"]["Method"] == "vendor-request"'
flash_is "behind the loader" "$files/cf2.bin" 0x08004000
loader_untouched "flash"
is "it runs" "$(fwctl show -p Mode --value)" firmware
check_exit "reboot" 0 fwctl reboot
is "it is in its bootloader" "$(fwctl show -p Mode --value)" bootloader
is "and still a Crazyflie" "$(fwctl show -p Board --value)" crazyflie
check_exit "flash from there, without an address" 0 fwctl flash "$files/cf2-other.bin"
flash_is "the other firmware is in" "$files/cf2-other.bin" 0x08004000
is "it runs again" "$(fwctl show -p Mode --value)" firmware
keep
check_exit "erase=full leaves the loader" 0 fwctl flash --erase=full "$files/cf2.bin"
loader_untouched "erase=full"

# --- files that are not for it
check "a fresh one" fresh crazyflie
keep
refuse() { # NAME EXIT-CODE ERROR PATTERN FILE [OPTION…]
        check_exit "$1: refused" "$2" fwctl -q -j flash "${@:6}" "$5"
        json "$1: as $3, and it says why" "$output" \
                "j['error']['name'] == '$3' and j['state'] in (None, 'untouched') and '$4' in j['error']['message']"
        untouched "$1"
        is "$1: the board runs" "$(fwctl show -p Mode --value)" firmware
}
refuse "a build without a loader in mind" 6 InvalidImage "linked for 0x08000000" "$files/cload0.bin"
unlike "the advice has no address behind it" "$output" "recover-bootloader at"
refuse "one whose reset handler is far away" 6 InvalidImage "CLOAD=1" "$files/cload0-far.bin"
refuse "at the start of the flash" 9 ProtectedRegion "linked for 0x08000000" "$files/cload0.bin" --address=0x08000000
refuse "the loader" 6 InvalidImage "recover-bootloader" "$files/loader.bin"
refuse "the loader in its place" 9 ProtectedRegion "recover-bootloader" "$files/loader.bin" --address=0x08000000
refuse "Betaflight's place" 9 ProtectedRegion "" "$build_dir/../tests/data/hello-1.hex"
refuse "with force as well" 9 ProtectedRegion "" "$build_dir/../tests/data/hello-1.hex" --force
refuse "another platform" 6 WrongBoard "C21B" "$files/cf21bl.bin"
refuse "a Bolt's" 6 WrongBoard "CB10" "$files/bolt.bin"
refuse "too long" 6 ImageTooLarge "" "$files/too-long.bin"
check_exit "another platform, forced" 0 fwctl flash --force "$files/cf21bl.bin"
flash_is "is in" "$files/cf21bl.bin" 0x08004000
check "a fresh one" fresh crazyflie
check_exit "a file that does not say what it is for" 0 fwctl -j flash "$files/unmarked.bin"
json "is flashed, and that is said" "$output" '"CF21" in j["details"]["Notice"]'
for pair in cf20:cf2 c21b:cf21bl cb10:bolt rr10:tag; do
        check "a crazyflie-${pair%:*}" fresh "crazyflie-${pair%:*}"
        check_exit "crazyflie-${pair%:*} takes ${pair#*:}.bin" 0 fwctl flash "$files/${pair#*:}.bin"
done
is "all that without opening a tty" "$(passthroughs)" 0

# --- releases
check "a fresh one" fresh crazyflie
for name in release release-2; do
        check_exit "flash $name.zip" 0 fwctl -j flash "$files/$name.zip"
        json "$name.zip: verified; what was not flashed is told" "$output" \
                'j["state"] == "verified" and "cf2_nrf-2025.02.bin (nrf51)" in j["details"]["Notice"] and j["details"]["Platform"] == "cf2"'
        flash_is "$name.zip: the STM32's firmware is in" "$files/cf2.bin" 0x08004000
done
check_exit "flash one that is not compressed" 0 fwctl flash "$files/stored.zip"
check_exit "inspect tells what is in it" 0 fwctl inspect "$files/release.zip"
like "and what is left out" "$output" "NotFlashed: +cf2_nrf-2025.02.bin \(nrf51\), lighthouse.bin \(bcLighthouse4\)"
check "a fresh one" fresh crazyflie
keep
for file in "$files"/bad/*.zip; do
        name=$(basename "$file")
        check_exit "$name: refused" 6 fwctl -q -j flash "$file"
        json "$name: by name" "$output" "j['error']['name'] in ('InvalidImage', 'ImageTooLarge') and j['state'] in (None, 'untouched')"
done
untouched "bad archives"
check "a Bolt" fresh crazyflie-cb10
keep
check_exit "another platform's release" 6 fwctl -q flash "$files/release.zip"
untouched "another platform's release"

# --- old firmware: the person is told, and brings it there
check "a Crazyflie with old firmware" fresh crazyflie soft-entry=no
keep
by_button() { simctl replug 1-1 boot-pin=1; }
mkfifo "$session/out"
fwctl -j flash "$files/cf2.bin" >"$session/result" 2>"$session/out" </dev/null &
client=$!
told=''
while read -r line; do
        told+=$line$'\n'
        if [[ $line == *"Hold the power button"* && -z ${pressed:-} ]]; then
                pressed=1
                by_button
        fi
done <"$session/out"
wait "$client"
is "an old firmware: flashed after the button" $? 0
like "the person was told why" "$told" "does not know how to start the"
output=$(cat "$session/result")
json "and that power has to go now" "$output" \
        'j["state"] == "verified" and j["details"]["Return"] == "power-cycle" and "Unplug" in j["details"]["Notice"]'
flash_is "an old firmware: the new one is in" "$files/cf2.bin" 0x08004000
loader_untouched "by the button"
simctl replug 1-1 boot-pin=0 >/dev/null
check "after that it runs" wait_for 1-1 Mode firmware
check "a Crazyflie that nobody helps" fresh crazyflie soft-entry=no
keep
check_exit "it fails in the end" 10 fwctl -q -j flash "$files/cf2.bin"
json "with the button in the message" "$output" "j['error']['name'] == 'NeedsUserAction' and j['state'] == 'untouched'"
untouched "nobody helps"

# --- the button, with nothing known before: chips that were never seen here
cold() { # NUMBER KIND
        fresh "$2" boot-pin=1 "uid=$(printf '%08x3331500b20333153' $((0x00580027 + $1)))"
}
check "a chip in its bootloader" cold 1 crazyflie
keep
is "is nothing but a chip" "$(fwctl show -p Board --value)" stm32-dfu
check_exit "Betaflight's place is protected all the same" 9 fwctl -q -j flash "$build_dir/../tests/data/hello-1.hex"
json "for its one-time memory told" "$output" "j['error']['name'] == 'ProtectedRegion' and j['details']['Board'] == 'crazyflie'"
untouched "a chip by its one-time memory"
is "now it is known" "$(fwctl show -p Board --value)" crazyflie
check "another one" cold 2 crazyflie
check_exit "a raw file goes where it belongs" 0 fwctl -j flash "$files/cf2.bin"
json "and power has to go" "$output" 'j["details"]["Return"] == "power-cycle"'
flash_is "cold: the firmware is in" "$files/cf2.bin" 0x08004000
loader_untouched "cold"
check "another one" cold 3 crazyflie-c21b
keep
check_exit "another platform's file" 6 fwctl -q flash "$files/cf2.bin"
untouched "cold, another platform"
check "one with nothing in its one-time memory" cold 4 crazyflie
head -c 512 /dev/zero | tr '\0' '\377' >"$session/blank"
simctl load 1-1 "$session/blank" 0x1FFF7800 >/dev/null
check_exit "is nothing but a chip, and needs an address" 2 fwctl -q flash "$files/cf2.bin"

# --- the wrong one, or none, comes
check "a fresh one" fresh crazyflie bootloader-serial=208B317A3331
keep
check_exit "a bootloader with another chip's number" 6 fwctl -q -j flash "$files/cf2.bin"
json "is another board" "$output" "j['error']['name'] == 'WrongBoard'"
untouched "another chip"
check "a fresh one" fresh crazyflie after-reboot=firmware
check_exit "a firmware that comes back as itself" 1 fwctl -q -j flash "$files/cf2.bin"
json "is told, with the button" "$output" "j['error']['name'] == 'NotSupported' and j['state'] == 'untouched' and
        'started its firmware again' in j['error']['message'] and 'Hold the power button' in j['error']['message']"
like "programs are told it, too" "$(fwctl show -p Hint --value)" "Hold the power button"
while read -r what key value state; do
        check "$what: a fresh one" fresh crazyflie
        simctl set 1-1 "$key" "$value" >/dev/null
        check_exit "$what: lost" 8 fwctl -q -j flash "$files/cf2.bin"
        json "$what: $state" "$output" "j['error']['name'] == 'DeviceLost' and j['state'] == '$state'"
        json "$what: the loader is whole" "$output" "'bootloader is whole' in j['error']['message'] or j['state'] == 'untouched'"
done <<-END
	pulled-while-opening unplug-transfer 3 untouched
	pulled-while-erasing unplug-erase 2 erased
	pulled-while-writing unplug-write 5 partly-written
	pulled-while-verifying unplug-upload 20 partly-written
END

# --- the loader
check "a fresh one" fresh crazyflie
polkit_forget
check_exit "the loader is written again" 0 fwctl -j recover-bootloader "$files/loader.bin"
json "verified, and power has to go" "$output" \
        'j["kind"] == "recover-bootloader" and j["state"] == "verified" and j["details"]["Return"] == "power-cycle"'
like "under its own action" "$(polkit_asked)" recover-bootloader
flash_is "the loader is in" "$files/loader.bin" 0x08000000
rm -f "$session/after"
simctl dump 1-1 "$session/after" 0x08004000 200000 >/dev/null
check "a fresh one" fresh crazyflie
keep
same_bytes "and nothing else was touched" <(tail -c +16385 "$session/before" | head -c 200000) "$session/after"
while read -r what key value state words; do
        check "$what: one more" fresh crazyflie
        simctl set 1-1 "$key" "$value" >/dev/null
        check_exit "$what: lost" 8 fwctl -q -j recover-bootloader "$files/loader.bin"
        json "$what: $state; the firmware is not called lost, and the way back is said" "$output" "j['error']['name'] == 'DeviceLost' and
                j['state'] == '$state' and '$words' in j['error']['message'] and 'no firmware' not in j['error']['message'] and
                ('fwctl recover-bootloader' in j['error']['message'] + j['error']['advice'] or j['state'] == 'untouched')"
        simctl set 1-1 clear-faults 1 >/dev/null
        simctl replug 1-1 boot-pin=1 >/dev/null
        check "$what: it comes back by the button" wait_for 1-1 Mode bootloader
        check_exit "$what: as it said" 0 fwctl recover-bootloader "$files/loader.bin"
        flash_is "$what: the loader is in" "$files/loader.bin" 0x08000000
done <<-END
	the-loader-pulled-while-opening unplug-transfer 3 untouched is untouched
	the-loader-pulled-while-erasing unplug-erase 1 erased firmware behind it
	the-loader-pulled-while-writing unplug-write 2 partly-written firmware behind it
	the-loader-pulled-while-verifying unplug-upload 4 partly-written firmware behind it
END
check "a fresh one" fresh crazyflie
keep
check_exit "erasing does not take it" 9 fwctl -q -j erase --yes --range=0x08000000+16K
json "and is not told of files" "$output" "j['error']['name'] == 'ProtectedRegion' and 'file' not in j['error']['message'] + j['error']['advice'] and
        '--range' in j['error']['message'] + j['error']['advice']"
untouched "erasing the loader"
for file in cf2:ImageTooLarge:6 loader-too-large:ImageTooLarge:6 cload0:ImageTooLarge:6; do
        IFS=: read -r name error code <<<"$file"
        check_exit "$name.bin is no loader" "$code" fwctl -q -j recover-bootloader "$files/$name.bin"
        json "$name.bin: $error" "$output" "j['error']['name'] == '$error' and j['state'] in (None, 'untouched')"
done
head -c 10000 "$files/cf2.bin" >"$session/short.bin"
check_exit "nor is the beginning of a firmware" 6 fwctl -q -j recover-bootloader "$session/short.bin"
json "for it is linked for another place" "$output" "j['error']['name'] == 'InvalidImage'"
untouched "no loader"
is "it runs" "$(fwctl show -p Mode --value)" firmware
polkit_answer org.fwctl1.recover-bootloader deny
check_exit "who may not" 4 fwctl -q recover-bootloader "$files/loader.bin"
polkit_answer org.fwctl1.recover-bootloader allow
untouched "who may not"
check "one without a loader, cold" cold 5 crazyflie
head -c 16384 /dev/zero | tr '\0' '\377' >"$session/blank16"
simctl load 1-1 "$session/blank16" >/dev/null
check_exit "a firmware can be written" 0 fwctl -j flash --no-leave "$files/cf2.bin"
json "and what is missing is told" "$output" '"recover-bootloader" in j["details"]["Notice"] and j["details"]["Loader"] == "missing"'
check_exit "then the loader" 0 fwctl recover-bootloader "$files/loader.bin"
flash_is "it is in" "$files/loader.bin" 0x08000000
simctl replug 1-1 boot-pin=0 >/dev/null
check "and the board starts" wait_for 1-1 Mode firmware
check "a chip that is no Crazyflie" cold 6 stm32-f405
keep
check_exit "has no loader" 1 fwctl -q -j recover-bootloader "$files/loader.bin"
json "that is known" "$output" "j['error']['name'] == 'NotSupported'"
untouched "no Crazyflie"
check "a Betaflight board" fresh betaflight-f405
check_exit "has none either" 1 fwctl -q recover-bootloader "$files/loader.bin"

# --- the counter counts
check "a fresh one" fresh crazyflie
is "nobody has opened its tty" "$(passthroughs)" 0
tty=$(simctl list | awk '$1 == "1-1" { print $5 }')
with_boards /usr/bin/python3 -c 'import os, sys; os.close(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))' "$tty"
check "who opens it would be seen" [ "$(passthroughs)" -gt 0 ]

done_testing
