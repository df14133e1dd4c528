#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl, fwd and fwd-worker on simulated boards: what a person sees of the main job, of every bad file, and of
# every way in which a flash can go wrong.
# shellcheck disable=SC2317 # some functions are called by check
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
here=$(cd "$(dirname "$0")" && pwd)
data=$build_dir/tests/data
# Fast, but slow enough that a flash can be interrupted. The waits for a board are kept short where none comes.
export SIM_TIME_SCALE=0.1 LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=3000,1000")
session_start

# fresh [KEY=VALUE…]: a new Betaflight board on 1-1, known to the service, with hello-1 in its flash
fresh() {
        simctl remove 1-1 >/dev/null 2>&1
        wait_gone 1-1
        simctl plug betaflight-f405 1-1 "$@" >/dev/null && simctl load 1-1 "$data/hello-1.bin" >/dev/null &&
                wait_for 1-1 BoardName SPEEDYBEEF405V4
}

# has_flashed NAME FILE VERSION: each segment of the file is in the flash, byte by byte as hello-VERSION.bin has it.
# Between them is what was there before: only what a file has is written.
has_flashed() {
        local segment start size
        rm -f "$session/dump" "$session/got" "$session/wanted"
        simctl dump 1-1 "$session/dump" >/dev/null
        for segment in $(fwctl inspect -j --address=0x08000000 "$2" |
                /usr/bin/python3 -c 'import json, sys; print(*json.load(sys.stdin)["Segments"].split(","))'); do
                start=$((${segment%+*} - 0x08000000)) size=${segment#*+}
                tail -c +$((start + 1)) "$session/dump" | head -c "$size" >>"$session/got"
                tail -c +$((start + 1)) "$data/hello-$3.bin" | head -c "$size" >>"$session/wanted"
        done
        [ -s "$session/wanted" ] || { not_ok "$1" "the file has no segments"; return; }
        same_bytes "$1" "$session/wanted" "$session/got"
}

json() { # NAME TEXT EXPRESSION: is true of the JSON value j
        if printf '%s' "$2" | /usr/bin/python3 -c "import json, sys
j = json.load(sys.stdin)
sys.exit(0 if ($3) else 1)"; then ok "$1"; else not_ok "$1" "$3 is not true of: $2"; fi
}

# --- the main job
check_exit "there is no board at first" 0 fwctl list
like "and that is said" "$output" "No board is plugged in"
check "a board comes" fresh
check_exit "list" 0 fwctl list
like "it shows what the board is" "$output" "1-1 +firmware +SPEEDYBEEF405V4 +BTFL 2025\.12\.2 +STM32F405"
json "show as JSON has the board's number" "$(fwctl show -j)" 'len(j["UniqueId"]) == 24 and j["Mode"] == "firmware"'
# Of a phase that is over within a tenth of a second nobody may hear.
phases=("checking the file" "reading the configuration" "rebooting the board" "waiting for the bootloader" opening erasing
        writing verifying "starting the firmware" "waiting for the firmware" identifying "comparing the configuration")
for kind in hex bin elf dfu; do
        check_exit "flash hello-2.$kind" 0 fwctl flash "$data/hello-2.$kind"
        like "hello-2.$kind: it is told so" "$output" "1-1 \(SPEEDYBEEF405V4\): flashed and verified, [0-9]+ bytes in"
        seen=$(sed -nE 's/^1-1: ([a-z ]+)(, [0-9]+ bytes)?$/\1/p' <<<"$output")
        is "hello-2.$kind: each phase once, in its order" "$seen" "$(printf '%s\n' "${phases[@]}" | grep -Fx "$seen")"
        has_flashed "hello-2.$kind: the bytes are in" "$data/hello-2.$kind" 2
        check_exit "back to hello-1.$kind, as JSON" 0 fwctl -j flash 1-1 "$data/hello-1.$kind"
        json "hello-1.$kind: verified" "$output" 'j["state"] == "verified" and j["result"] == "success"'
        has_flashed "hello-1.$kind: the bytes are in" "$data/hello-1.$kind" 1
done
is "the board runs again" "$(fwctl show -p Mode --value)" firmware
check_exit "inspect tells what is in a file" 0 fwctl inspect "$data/hello-1.hex"
like "its format and place" "$output" "Format: ihex.*0x08000000-0x0800"
check_exit "reboot" 0 fwctl reboot
is "the board is in its bootloader" "$(fwctl show -p Mode --value)" bootloader
is "and is still known by name" "$(fwctl show -p BoardName --value)" SPEEDYBEEF405V4
check_exit "flash from there, and stay" 0 fwctl flash --no-leave "$data/hello-2.hex"
is "the board stayed in its bootloader" "$(fwctl show -p Mode --value)" bootloader
check_exit "leave" 0 fwctl reboot --firmware
is "the board runs" "$(fwctl show -p Mode --value)" firmware
check_exit "identify" 0 fwctl identify
like "it names the firmware" "$output" "Variant: BTFL"
check_exit "the bar on a terminal" 0 "$here/pty-talk.py" "expect:writing" "expect:flashed and verified" \
        -- fwctl flash "$data/hello-2.hex"
like "it is drawn" "$output" "\[[#-]{10,}\]"

# --- bad files
check "a fresh board" fresh
before=$(simctl dump 1-1 "$session/before" >/dev/null && sha256sum <"$session/before")
untouched() {
        rm -f "$session/after"
        simctl dump 1-1 "$session/after" >/dev/null
        is "$1: the flash is as it was" "$(sha256sum <"$session/after")" "$before"
        is "$1: the board runs" "$(fwctl show -p Mode --value)" firmware
}
while IFS=$'\t' read -r file _ error; do
        [ "$error" = - ] && continue
        check_exit "$file: refused" 6 fwctl -q -j flash "$data/bad/$file"
        json "$file: as $error" "$(sed -n 's/^{/{/p' <<<"$output")" \
                "j['error']['name'] == '$error' and j['state'] in (None, 'untouched')"
        untouched "$file"
done <"$data/bad/EXPECT"
for file in "$session" /dev/null "$data/none.hex"; do
        check_exit "$file: refused" 6 fwctl flash "$file"
done
check_exit "an address outside the flash" 6 fwctl flash --address=0x20000000 "$data/hello-1.bin"
untouched "an address outside the flash"
check_exit "inspect refuses a broken file" 6 fwctl inspect "$data/bad/badsum.hex"

# --- which board
simctl plug betaflight-f722 1-2.3 >/dev/null
check "a second board" wait_for 1-2.3 BoardName MATEKF722SE
check_exit "two boards: one must be named" 2 fwctl flash "$data/hello-1.hex"
like "both are listed" "$output" "1-1 \(SPEEDYBEEF405V4\), 1-2\.3 \(MATEKF722SE\)"
is "by its port's beginning" "$(fwctl show 1-2 -p Board,Port --value | tail -1)" 1-2.3
is "by its serial number" "$(fwctl show 0x8000000 -p Port --value)" 1-1
is "by its node" "$(fwctl show "$(fwctl show 1-2.3 -p Node --value)" -p Port --value)" 1-2.3
check_exit "by what fits both" 2 fwctl show 1-
check_exit "by what fits none" 3 fwctl show 7-7
simctl remove 1-2.3 >/dev/null
wait_gone 1-2.3

# --- jobs
check_exit "--no-block returns" 0 fwctl -j --no-block flash --erase=full "$data/hello-1.hex"
job=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["job"])' <<<"$output")
check_exit "the board is busy" 5 fwctl flash "$data/hello-1.hex"
like "the job is shown with its board" "$(fwctl list --no-legend)" " $job$"
check_exit "cancel" 0 fwctl cancel "$job"
like "the state of the board is told" "$output" "1-1.*(untouched|erased|partly)"
check_exit "wait has its result" 11 fwctl wait "$job"
check "a fresh board" fresh
check_exit "Ctrl-C, then cancel" 11 "$here/pty-talk.py" "expect:erasing" 'send:\x03' "expect:[c]ancel" 'send:c\n' \
        -- fwctl flash --erase=full "$data/hello-1.hex"
like "it says what became of the board" "$output" "Board 1-1"
check "a fresh board" fresh
check_exit "Ctrl-C, then leave" 130 "$here/pty-talk.py" "expect:erasing" 'send:\x03' "expect:[c]ancel" 'send:l\n' \
        -- fwctl flash --erase=full "$data/hello-2.hex"
check_exit "the job went on" 0 fwctl wait "$(fwctl jobs --no-legend | tail -1 | cut -d' ' -f1)"
has_flashed "to its good end" "$data/hello-2.hex" 2

# --- what goes wrong
# goes_wrong NAME EXIT-CODE ERROR STATE KEY VALUE
goes_wrong() {
        check "$1: a fresh board" fresh
        simctl set 1-1 "$5" "$6" >/dev/null
        check_exit "$1: exit status $2" "$2" fwctl -q -j flash "$data/hello-2.hex"
        json "$1: $3, $4" "$(grep '^{' <<<"$output")" "j['error']['name'] == '$3' and j['state'] == '$4'"
}
goes_wrong "unplugged while it erases" 8 DeviceLost erased unplug-erase 2
goes_wrong "unplugged while it writes" 8 DeviceLost partly-written unplug-write 3
goes_wrong "wrong data on read-back" 7 VerifyFailed partly-written corrupt-read 0x08008100
goes_wrong "a lost write" 7 VerifyFailed partly-written lose-write 0x08008400
goes_wrong "the board ignores the reboot" 10 NeedsUserAction untouched ignore-reboot 1

# --- a firmware that takes the best way for a restart of its own
simctl plug betaflight-f722 1-9 manufacturer=INAV variant=INAV version=9.1.0 >/dev/null
check_exit "the next way into the bootloader is taken" 0 fwctl -j reboot 1-9
json "which is told" "$(grep '^{' <<<"$output")" "j['details']['Method'] == 'cli'"
like "the board is there" "$(fwctl show 1-9 -p Mode --value)" bootloader
simctl remove 1-9 >/dev/null

# --- authorisation
check "a fresh board" fresh
before=$(simctl dump 1-1 "$session/after" >/dev/null && sha256sum <"$session/after")
polkit_answer org.fwctl1.flash deny
check_exit "who may not flash does not" 4 fwctl -j flash "$data/hello-2.hex"
like "and is told so" "$output" '"name":"NotAuthorized"'
untouched "who may not flash"
polkit_answer org.fwctl1.flash challenge
check_exit "nor who would be asked for a password, but is not to be" 4 fwctl --no-ask-password flash "$data/hello-2.hex"
polkit_answer org.fwctl1.flash dismiss
check_exit "nor who does not give it" 4 fwctl flash "$data/hello-2.hex"
untouched "without a password"
polkit_answer org.fwctl1.flash allow

# --- the service goes
check "a fresh board" fresh
exec {progress}< <(exec fwctl flash --erase=full "$data/hello-1.hex" 2>&1 </dev/null)
client=$!
while read -r -u "$progress" -t "$WAIT_S" line && [[ $line != *erasing* ]]; do :; done
# Not asked to end, but killed: what a crash looks like from outside.
disown "$fwd_pid"
kill -KILL "$fwd_pid"
fwd_pid=''
rest=$(cat <&"$progress")
wait "$client"
is "the service killed in mid-job: exit status 75" $? 75
like "what is known is told" "$rest" "went away during job .* its last report was: erasing"
check_exit "without the service" 75 fwctl list

done_testing
