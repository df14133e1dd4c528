#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317 # the tests are called by name
# Every verb of fwctl, its exit codes and its JSON, against a service that does what it is told
# (mock-fwctl1.py) on a bus of the test's own.
#
#     test-fwctl.sh PATH-OF-FWCTL

set -u
fwctl=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/fwctl-test.XXXXXX)
n=0 failed=0
unset NO_COLOR COLUMNS
export LC_ALL=C.UTF-8 TERM=xterm

cleanup() {
        [[ -n ${mock_pid-} ]] && kill "$mock_pid" 2>/dev/null
        [[ -n ${bus_pid-} ]] && kill "$bus_pid" 2>/dev/null
        rm -rf "$dir"
}
trap cleanup EXIT

# A bus without policy and without activation.
cat >"$dir/bus.conf" <<END
<busconfig>
  <type>system</type>
  <listen>unix:path=$dir/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus

start_bus() {
        exec {bus_ready}< <(exec dbus-daemon --config-file="$dir/bus.conf" --nofork --print-address 2>/dev/null)
        bus_pid=$!
        read -r -u "$bus_ready" -t 20 || { echo "Bail out! no bus"; exit 1; }
}

start_mock() {
        exec {mock_ready}< <(exec /usr/bin/python3 "$here/mock-fwctl1.py")
        mock_pid=$!
        read -r -u "$mock_ready" -t 20 || { echo "Bail out! no mock service"; exit 1; }
}

mock() {
        local method=$1
        shift
        busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" call org.fwctl1 /mock org.fwctl1.Mock "$method" \
                ${1+"ss" "$@"}
}

# run EXIT-CODE ARGUMENT…: runs fwctl; its output is in $out and $err.
run() {
        local expected=$1 got
        shift
        "$fwctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null
        got=$?
        out=$(<"$dir/out") err=$(<"$dir/err")
        [[ $got == "$expected" ]] && return
        why="fwctl $* ended with $got, not $expected"
        return 1
}

has() { # TEXT PART
        [[ $1 == *"$2"* ]] && return
        why="\"$2\" is not in: $1"
        return 1
}

hasnt() {
        [[ $1 != *"$2"* ]] && return
        why="\"$2\" is in: $1"
        return 1
}

is() {
        [[ $1 == "$2" ]] && return
        why="\"$1\" is not \"$2\""
        return 1
}

# json EXPRESSION: is true of the value j, the JSON in $out
json() {
        printf '%s' "$out" | /usr/bin/python3 -c "import json, sys
j = json.load(sys.stdin)
sys.exit(0 if ($1) else 1)" && return
        why="not true of the JSON: $1: $out"
        return 1
}

check() { # NAME, then a function of that name is run
        n=$((n + 1))
        why=""
        mock Reset >/dev/null 2>&1
        if "test_$1"; then
                echo "ok $n - $1"
        else
                echo "not ok $n - $1"
                echo "# $why" | tr '\n' ' '
                echo
                printf '%s\n' "${err-}" | sed 's/^/# stderr: /'
                failed=$((failed + 1))
        fi
}

printf 'GOOD%.0s' {1..2500} >"$dir/good.bin" # 10000 bytes
printf 'BAD' >"$dir/bad.bin"
: >"$dir/empty.bin"
mkfifo "$dir/pipe"

# --- without a service -------------------------------------------------------------------------

test_no_bus() {
        local DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/nothing
        run 75 list && has "$err" "bus cannot be reached" && is "$out" "" &&
                run 75 flash "$dir/good.bin" && run 75 monitor && run 75 version &&
                run 0 --version && has "$out" "does not answer"
}

test_no_service() {
        run 75 list && has "$err" "not running" && has "$err" "systemctl start fwd" &&
                run 75 show && run 75 jobs && run 75 monitor && run 75 cancel 1 && run 75 wait &&
                run 75 reboot && run 75 inspect "$dir/good.bin" &&
                run 75 --json=short flash "$dir/good.bin" &&
                json 'j["job"] is None and j["error"]["name"] == "ServiceUnavailable"' &&
                run 75 version && has "$out" "fwctl " && run 0 --version
}

# --- the command line --------------------------------------------------------------------------

test_usage() {
        run 0 --help && has "$out" "flash [DEVICE] FILE" && run 0 -h &&
                run 2 fly && has "$err" 'no verb "fly"' &&
                run 2 --wings && has "$err" "--wings" && run 2 -x && has "$err" "-x" &&
                run 2 --json && has "$err" "needs a value" && run 2 --json=xml && run 2 --color=red &&
                run 2 list more && has "$err" "fwctl list" && run 2 flash && run 2 flash a b c &&
                run 2 cancel && run 2 inspect && run 2 list --force &&
                has "$err" "does not take --force" && run 2 flash --address=here x &&
                run 2 flash --address=0x1ffffffffffffffff x && run 2 flash --erase=some x &&
                run 2 reboot --bootloader --firmware && run 2 show -p "" && run 2 show ""
}

# --- looking -----------------------------------------------------------------------------------

test_list() {
        run 0 && has "$out" "PORT" && has "$out" "Räucherfisch F405" && has "$out" "BTFL 4.5.1" &&
                has "$out" "STM32F405" && has "$out" "SERIAL1" && hasnt "$out" $'\033' &&
                run 0 list --no-legend && hasnt "$out" "PORT" && is "${out%% *}" "1-1" &&
                run 0 list --color=always && has "$out" $'\033[1mPORT' && has "$out" $'\033[32mfirmware'
}

test_list_is_one_call() {
        run 0 list && is "$(mock Calls)" 'as 1 "ListDevices"'
}

test_list_of_none() {
        mock Set boards 0 && run 0 list && is "$out" "" && has "$err" "No board" &&
                run 0 list --json=short && is "$out" "[]" && run 0 list --no-legend && is "$err" "" &&
                run 3 show && has "$err" "No board is plugged in" && run 3 flash "$dir/good.bin"
}

test_list_json() {
        mock Set boards 2 && run 0 -j list &&
                json '[d["Port"] for d in j] == ["1-1", "1-2"] and j[0]["VendorId"] == 0x483' &&
                json 'j[0]["Path"].startswith("/org/fwctl1/device/") and j[1]["Alias"] == "bay2"' &&
                is "$(wc -l <"$dir/out")" 1 && run 0 --json=pretty list && json 'len(j) == 2' &&
                has "$out" $'\n' && run 0 --json=off list && has "$out" PORT
}

test_list_on_terminal() {
        local line
        "$here/pty-talk.py" --columns=50 -- "$fwctl" list >"$dir/out" || return 1
        tr -d '\r' <"$dir/out" | sed 's/\x1b\[[0-9;]*m//g' >"$dir/plain"
        while read -r line; do
                ((${#line} <= 50)) || { why="longer than the terminal: $line"; return 1; }
        done <"$dir/plain"
        has "$(<"$dir/plain")" "…" && has "$(<"$dir/out")" $'\033[1m' || return 1
        NO_COLOR=1 "$here/pty-talk.py" --columns=50 -- "$fwctl" list >"$dir/out"
        hasnt "$(<"$dir/out")" $'\033' || return 1
        "$here/pty-talk.py" --columns=50 -- "$fwctl" list --full >"$dir/out"
        hasnt "$(<"$dir/out")" "…"
}

test_hostile_strings() {
        mock Set hostile yes && run 0 list && hasnt "$out" $'\033' && hasnt "$out" $'\a' &&
                is "$(wc -l <"$dir/out")" 2 && hasnt "$out" $'\u202e' &&
                run 0 show && hasnt "$out" $'\033' && run 0 --json=short list &&
                hasnt "$out" $'\033' && hasnt "$out" $'\u202e' && json '"\x1b" in j[0]["BoardName"]' &&
                run 0 flash "$dir/good.bin" && hasnt "$out$err" $'\033' &&
                mock Set boards 2 && run 2 show && hasnt "$err" $'\033'
}

test_show() {
        run 0 show && has "$out" "VendorId: 0483" && has "$out" "Mode: firmware" &&
                has "$out" "ReadProtected: no" && has "$out" "Hint:" && hasnt "$out" "Path:" &&
                run 0 show 1-1 && has "$out" "Port: 1-1" && run 0 show SERIAL1 && run 0 show 1 &&
                run 0 show -p Mode,Port && is "$out" $'Mode=firmware\nPort=1-1' &&
                run 0 show -p Mode --value && is "$out" "firmware" &&
                run 2 show -p Wings && has "$err" "no property Wings" &&
                run 0 show --json=short && json 'j["Serial"] == "SERIAL1" and j["ReadProtected"] is False' &&
                run 0 show --json=short -p Mode && json 'j == {"Mode": "firmware"}' &&
                run 3 show 9-9 && has "$err" "9-9" && is "$out" ""
}

test_which_board() {
        mock Set boards 2 && run 2 show && has "$err" "1-1" && has "$err" "1-2" &&
                run 0 show bay2 -p Port --value && is "$out" "1-2" &&
                run 0 show SERIAL2 -p Port --value && is "$out" "1-2" &&
                run 2 show 1 && has "$err" "several" && run 2 flash "$dir/good.bin" &&
                run 2 show $'a\033b' && hasnt "$err" $'\033'
}

test_node_link() {
        # A name below /dev is followed: here one that stands for itself, and one of no board.
        run 0 show /dev/ttyACM1 -p Port --value && is "$out" "1-1" && run 3 show /dev/null
}

test_version() {
        run 0 version && has "$out" "fwd 9.8.7" && has "$out" "features: dfu msp" && run 0 --version &&
                has "$out" "fwctl 0." && run 0 -j version &&
                json 'j["service"] == "9.8.7" and j["features"] == ["dfu", "msp"] and j["client"]'
}

# Of a service that is not of fwctl's version. What else it finds is not of this test.
test_doctor() {
        local FWD_DOCTOR_ROOT=$dir/container
        export FWD_DOCTOR_ROOT
        mkdir -p "$FWD_DOCTOR_ROOT" && touch "$FWD_DOCTOR_ROOT/.dockerenv"
        run 1 doctor --json=short && is "$err" "" &&
                json '[x["command"][-28:] for x in j if x["id"] == "service-other-version"] == ["systemctl restart fwd.service"[-28:]]' &&
                run 1 doctor && has "$out" "version 9.8.7" && hasnt "$out" $'\033' && run 1 doctor --color=always && has "$out" $'\033'
}

test_inspect() {
        run 0 inspect "$dir/good.bin" && has "$out" "Format: ihex" &&
                has "$out" "Segments: 0x08000000-0x08004000, 16384 bytes" &&
                has "$out" "0x08008000-0x0800a710, 10000 bytes" &&
                has "$out" "$(sha256sum "$dir/good.bin" | cut -d' ' -f1)" && hasnt "$out" $'\033' &&
                run 0 inspect -j "$dir/good.bin" && json 'j["Format"] == "ihex" and j["Size"] == 10000' &&
                run 0 inspect --address=0x08000000 "$dir/good.bin" &&
                has "$(mock Calls)" "Inspect address=134217728" &&
                mock Set refuse "InvalidImage Line 7: the checksum is wrong." &&
                run 6 inspect "$dir/good.bin" && has "$err" "Line 7" && is "$out" ""
}

# --- flashing ----------------------------------------------------------------------------------

test_flash() {
        run 0 flash "$dir/good.bin" && has "$out" "1-1 (Räucherfisch F405): flashed and verified" &&
                has "$out" "10000 bytes in" && has "$out" "KB/s" && has "$err" "1-1: erasing" &&
                has "$err" "1-1: writing, 10000 bytes" && has "$err" "waiting for the bootloader" &&
                hasnt "$err" $'\033' && hasnt "$err" $'\r' &&
                run 0 flash 1-1 "$dir/good.bin" && run 0 -q flash "$dir/good.bin" && is "$err" ""
}

test_flash_json() {
        run 0 flash -j "$dir/good.bin" &&
                json 'j["result"] == "success" and j["error"] is None and j["state"] == "verified"' &&
                json 'j["kind"] == "flash" and j["port"] == "1-1" and isinstance(j["job"], int)' &&
                json 'j["details"]["Written"] == "10000"' && is "$err" "" &&
                json 'list(j) == ["job", "kind", "port", "result", "error", "state", "details"]'
}

test_flash_options() {
        run 0 flash "$dir/good.bin" && has "$(mock Calls)" '"Flash "' &&
                run 0 flash --address=0x08004000 --erase=full --no-leave --force "$dir/good.bin" &&
                has "$(mock Calls)" "Flash address=134234112 erase=full force=1 leave=0"
}

test_flash_no_block() {
        mock Set hold writing && run 0 flash --no-block "$dir/good.bin" && has "$out" "started on 1-1" &&
                run 5 flash "$dir/good.bin" && has "$err" "uses board 1-1" &&
                run 0 list && has "$out" "bootloader" && is "${out##* }" "$(last_job)" && run 0 jobs -j &&
                json 'j[-1]["Result"] == "" and j[-1]["Kind"] == "flash"' &&
                mock Release && run 0 wait "$(last_job)" || return
        run 0 -j flash --no-block "$dir/good.bin" && json 'j["job"] > 0 and j["result"] is None'
}

test_bad_files() {
        run 6 flash "$dir/bad.bin" && has "$err" "no firmware" &&
                run 6 flash "$dir/empty.bin" && has "$err" "is empty" &&
                run 6 flash "$dir" && has "$err" "is a directory" &&
                run 6 flash "$dir/pipe" && has "$err" "is a pipe" &&
                run 6 flash "$dir/none.bin" && has "$err" "No such file" &&
                run 6 flash -j "$dir/none.bin" && json 'j["error"]["name"] == "InvalidImage"' &&
                run 6 inspect "$dir/pipe" && run 6 inspect /dev/null && run 0 jobs &&
                hasnt "$(mock Calls)" "GetDevice"
}

# Every error the service can give, as refusal of the call and as end of the job.
errors=(Failed:1 Busy:5 PortHeld:5 NotFound:3 NotSupported:1 InvalidImage:6 ImageTooLarge:6
        AddressOutOfRange:6 ProtectedRegion:9 WrongBoard:6 ReadProtected:9 Armed:5 EraseFailed:1
        WriteFailed:1 VerifyFailed:7 DeviceLost:8 Timeout:10 Interrupted:1 LimitExceeded:5
        NeedsUserAction:10 NotAuthorized:4 StorageFailed:1 InvalidConfig:6
        ConfigRejected:12 BadAnswer:1 InvalidArgument:2)

test_refusals() {
        local e
        for e in "${errors[@]}"; do
                mock Set refuse "${e%:*} The reason of ${e%:*}." &&
                        run "${e#*:}" flash "$dir/good.bin" && has "$err" "The reason of ${e%:*}." &&
                        is "$out" "" && mock Set refuse "${e%:*} The reason." &&
                        run "${e#*:}" reboot -j && json "j['error']['name'] == '${e%:*}'" || return
        done
}

test_failures() {
        local e
        for e in "${errors[@]}"; do
                mock Set fail "${e%:*} partly-written It broke. Board 1-1 is partly written. Plug it in." &&
                        run "${e#*:}" flash "$dir/good.bin" &&
                        has "$err" "Board 1-1 is partly written. Plug it in." && is "$out" "" &&
                        run "${e#*:}" flash -j "$dir/good.bin" &&
                        json "j['error']['name'] == '${e%:*}' and j['state'] == 'partly-written'" &&
                        json "j['result'] == 'failed' and j['error']['message']" || return
        done
}

test_denied() {
        local name
        for name in org.freedesktop.DBus.Error.AccessDenied \
                org.freedesktop.DBus.Error.InteractiveAuthorizationRequired; do
                mock Set refuse "$name Not for you." && run 4 flash "$dir/good.bin" &&
                        has "$err" "not allowed" && mock Set refuse "$name Not for you." &&
                        run 4 --no-ask-password flash "$dir/good.bin" || return
        done
}

test_notice() {
        mock Set notice "Hold the BOOT button while you plug it in." &&
                run 0 flash "$dir/good.bin" && has "$err" "1-1: Hold the BOOT button" &&
                is "$(grep -c 'Hold the BOOT' "$dir/err")" 1 && run 0 -j flash "$dir/good.bin" &&
                json 'j["details"]["Notice"].startswith("Hold")' &&
                run 0 -q flash "$dir/good.bin" && has "$out$err" "Hold the BOOT"
}

test_reboot() {
        run 0 reboot && has "$out" "in its bootloader" && run 0 list && has "$out" "bootloader" &&
                run 0 reboot --firmware && has "$out" "in its firmware" && run 0 list &&
                hasnt "$out" "bootloader" && run 0 reboot --bootloader -j && json 'j["kind"] == "reboot"' &&
                run 0 leave && run 0 identify && has "$out" "Variant: BTFL" && run 0 identify -j &&
                json 'j["details"]["FirmwareVersion"] == "4.5.1"'
}

# --- jobs --------------------------------------------------------------------------------------

# Starts fwctl in the background, and waits until it has printed $1 on standard error.
begin_job() {
        local until=$1 line
        shift
        # A job of its own: bash would have an asynchronous command ignore SIGINT.
        exec {progress}< <(exec /usr/bin/env --default-signal=INT "$fwctl" "$@" 2>&1 >"$dir/out" </dev/null)
        client_pid=$!
        err=""
        while read -r -u "$progress" -t 20 line; do
                err+=$line$'\n'
                [[ $line == *"$until"* ]] && return
        done
        why="\"$until\" did not come"
        return 1
}

end_job() { # EXIT-CODE
        local rest got
        rest=$(cat <&"$progress")
        wait "$client_pid"
        got=$?
        exec {progress}<&-
        err+=$rest out=$(<"$dir/out")
        [[ $got == "$1" ]] && return
        why="fwctl ended with $got, not $1"
        return 1
}

last_job() { "$fwctl" jobs --no-legend | tail -1 | cut -d' ' -f1; }

test_jobs() {
        run 0 flash "$dir/good.bin" && run 0 jobs && has "$out" "JOB" && has "$out" "success" &&
                has "$out" "flash" && has "$out" "root" && run 0 jobs --json=short &&
                json 'j[-1]["Result"] == "success" and j[-1]["Path"].startswith("/org/fwctl1/job/")'
}

test_wait() {
        run 3 wait && has "$err" "No job is running" && run 3 wait 999 && has "$err" "no job 999" &&
                mock Set hold writing && begin_job writing flash "$dir/good.bin" && mock Release &&
                end_job 0 && run 0 wait "$(last_job)" && has "$out" "flashed and verified" &&
                mock Set fail "VerifyFailed written It differs." && run 7 flash "$dir/good.bin" &&
                run 7 wait "$(last_job)" && has "$err" "It differs" && run 7 wait -j "$(last_job)" &&
                json 'j["error"]["name"] == "VerifyFailed"'
}

test_cancel() {
        run 3 cancel 999 && mock Set hold erasing && begin_job erasing flash "$dir/good.bin" &&
                run 0 cancel "$(last_job)" && has "$err" "cancelled" && end_job 11 &&
                has "$err" "Board 1-1 is erased" && run 0 flash --no-block "$dir/good.bin" &&
                run 0 cancel -j "$(last_job)" && json 'j["result"] == "cancelled"' &&
                mock Release && run 0 flash "$dir/good.bin" &&
                run 1 cancel "$(last_job)" && has "$err" "already succeeded" &&
                mock Set uncancelable yes && run 1 cancel "$(last_job)" && has "$err" "past the point"
}

test_signal_leaves_job() {
        local s id
        for s in INT TERM; do
                mock Set hold writing && begin_job writing flash "$dir/good.bin" || return
                kill -"$s" "$client_pid"
                end_job $((128 + $(kill -l "$s"))) && id=$(last_job) &&
                        has "$err" "Job $id on 1-1" && has "$err" "fwctl cancel $id" &&
                        is "$(mock Cancelled)" "u $cancelled" && mock Release && run 0 wait "$id" || return
        done
}

# --- the service goes away ---------------------------------------------------------------------

lose_in() { # PHASE TEXT
        mock Set die "$1" && run 75 flash "$dir/good.bin" && has "$err" "went away during job" &&
                has "$err" "$2" && has "$err" "is not known" && is "$out" "" || return
        start_mock
        mock Set die "$1" && run 75 flash -j "$dir/good.bin" &&
                json 'j["error"]["name"] == "ServiceLost" and j["result"] is None and j["job"] == 1' &&
                json 'j["state"] is None' || return
        start_mock
}

test_lost_service() {
        lose_in writing "its last report was: writing" && lose_in opening "its last report was: opening"
}

test_monitor() {
        local line seen=""
        begin_monitor() {
                exec {events}< <(exec "$fwctl" monitor "$@" 2>&1)
                client_pid=$!
        }
        until_event() {
                while read -r -u "$events" -t 20 line; do
                        seen+=$line$'\n'
                        [[ $line == *"$1"* ]] && return
                done
                why="no event \"$1\" in: $seen"
                return 1
        }
        begin_monitor
        until_event "device-added" && has "$line" "1-1" && has "$line" "Räucherfisch" &&
                run 0 flash "$dir/good.bin" && until_event "job-added" && until_event "rebooting" &&
                until_event "Mode=bootloader" && until_event "writing, 100 %" &&
                until_event "Mode=firmware" && until_event "job-removed" && has "$line" success &&
                mock Set boards 0 && until_event "device-removed" && has "$line" "1-1" &&
                mock Quit && until_event "service-stopped" || return
        start_mock
        until_event "service-started" && until_event "device-added" || return
        kill "$client_pid"
        exec {events}<&-

        begin_monitor --json=pretty
        until_event '"device-added"' && out=$line && json 'j["device"]["Port"] == "1-1"' &&
                run 0 -q flash "$dir/good.bin" && until_event '"progress"' && out=$line &&
                json 'set(j) == {"event", "job", "device", "phase", "done", "total"}' &&
                until_event '"device-changed"' && out=$line &&
                json 'j["changed"] == {"Mode": "bootloader"} and j["device"]["Port"] == "1-1"' &&
                until_event '"job-removed"' && out=$line && json 'j["job"]["Result"] == "success"' &&
                mock Set boards 0 && until_event '"device-removed"' && out=$line &&
                json 'j["device"]["Port"] == "1-1"' || return
        kill "$client_pid"
        exec {events}<&-
        # Each line is an object of its own.
        printf '%s' "$seen" | grep '^{' | while read -r line; do
                out=$line
                json '"event" in j' || exit 1
        done
}

# --- on a terminal -----------------------------------------------------------------------------

release="run:busctl --address=$DBUS_SYSTEM_BUS_ADDRESS call org.fwctl1 /mock org.fwctl1.Mock Release"

talk() { # EXIT-CODE STEP…
        local expected=$1 got
        shift
        "$here/pty-talk.py" "$@" -- "$fwctl" flash "$dir/good.bin" >"$dir/out" 2>"$dir/err"
        got=$?
        out=$(<"$dir/out") err=$(<"$dir/err")
        [[ $got == "$expected" ]] && return
        why="ended with $got, not $expected: $out"
        return 1
}

test_bar() {
        mock Set hold writing && talk 0 "expect: 50 %" "$release" && has "$out" "[####" &&
                has "$out" "5.0/10.0 KB" && has "$out" $'\r\033[K' && has "$out" "flashed and verified" &&
                has "$out" "Räucherfisch"
}

test_dumb_terminal() {
        "$here/pty-talk.py" -- env TERM=dumb "$fwctl" flash "$dir/good.bin" >"$dir/out" || return 1
        hasnt "$(<"$dir/out")" $'\033' && has "$(<"$dir/out")" "1-1: writing, 10000 bytes"
}

test_interrupt_cancel() {
        mock Set hold writing &&
                talk 11 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:c\n' "expect:is partly-written" &&
                is "$(mock Cancelled)" "u $((cancelled + 1))"
}

test_interrupt_leave() {
        mock Set hold writing &&
                talk 130 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:l\n' "expect:goes on" &&
                has "$out" "fwctl wait $(last_job)" && is "$(mock Cancelled)" "u $cancelled" &&
                mock Release && run 0 wait "$(last_job)"
}

test_interrupt_twice_leaves() {
        mock Set hold writing &&
                talk 130 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:\x03' "expect:goes on" &&
                is "$(mock Cancelled)" "u $cancelled" && mock Release && run 0 wait "$(last_job)"
}

test_interrupt_continue() {
        mock Set hold writing &&
                talk 0 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:\n' "expect:50 %" "$release" \
                        "expect:flashed and verified" && is "$(mock Cancelled)" "u $cancelled"
}

test_interrupt_while_job_ends() {
        mock Set hold writing &&
                talk 0 "expect:50 %" 'send:\x03' "expect:[c]ancel" "$release" "expect:flashed and verified"
}

test_interrupt_uncancelable() {
        mock Set hold writing && mock Set uncancelable yes &&
                talk 0 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:c\n' "expect:It was not cancelled" \
                        "$release" "expect:flashed and verified"
}

# Asks polkit's agent for terminals to come before it calls, with a descriptor on which that says it
# is there, and sends it away when the call is answered. Never for root, so this is somebody else.
test_agent() {
        local as=()
        [[ $(id -u) == 0 ]] && as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        mkdir -p "$dir/bin" && chmod 755 "$dir" "$dir/bin" && mkfifo -m 666 "$dir/agent"
        cat >"$dir/bin/pkttyagent" <<END
#!/bin/bash
exec {log}<>$dir/agent
trap 'echo ended >&\$log; kill %1; exit' TERM
echo "\$*" >&\$log
eval "sleep 60 \$2>&- &"
# Ready, and from here on it may be sent away.
eval "exec \$2>&-"
wait
END
        chmod 755 "$dir/bin/pkttyagent"
        exec 8<>"$dir/agent"
        PATH="$dir/bin:$PATH" "$here/pty-talk.py" "expect:flashed and verified" -- "${as[@]}" \
                "$fwctl" flash "$dir/good.bin" >"$dir/out" || { why=$(<"$dir/out"); return 1; }
        read -r -u 8 -t 20 out && has "$out" "--notify-fd" && has "$out" "--fallback" &&
                read -r -u 8 -t 20 out && is "$out" ended || return
        # Two calls in one run: the second agent is started after a job, and has to end all the same.
        mkdir -m 777 "$dir/kept"
        PATH="$dir/bin:$PATH" "$here/pty-talk.py" "expect:kept as backup" -- "${as[@]}" \
                "$fwctl" backup 1-1 "$dir/kept/config.txt" >"$dir/out" || { why=$(<"$dir/out"); return 1; }
        read -r -u 8 -t 20 out && read -r -u 8 -t 20 out && is "$out" ended &&
                read -r -u 8 -t 20 out && has "$out" "--notify-fd" && read -r -u 8 -t 20 out && is "$out" ended || return
        PATH="$dir/bin:$PATH" "$here/pty-talk.py" "expect:flashed and verified" -- "${as[@]}" \
                "$fwctl" --no-ask-password flash "$dir/good.bin" >"$dir/out" || return
        read -r -u 8 -t 0 && why="an agent with --no-ask-password" && return 1
        exec 8<&-
}

# --- configurations ----------------------------------------------------------------------------

test_backup() {
        local id=20251121T115900Z-1a2b3c4d
        run 0 backup && has "$out" "configuration kept as backup $id" || return
        run 0 backup 1-1 "$dir/config.txt" && is "$(tail -1 "$dir/config.txt")" save || return
        # A backup is not written over another.
        run 2 backup "$dir/config.txt" && has "$err" "is there already" || return
        run 0 backup --dump - && is "${out##*$'\n'}" save && hasnt "$out" "kept as" &&
                has "$(mock Calls)" "BackupConfig dump=1" || return
        run 2 backup -j - && run 2 backup a b c && run 3 backup 7-7 || return
        run 1 backup 1-1 "$dir/none/config.txt" && has "$err" "The backup is kept" || return
        run 0 -j backup 1-1 && json 'j["details"]["Backup"] == "'$id'" and j["kind"] == "backup"'
}

test_restore() {
        local id=20251121T115900Z-1a2b3c4d
        printf 'set b = 2\nsave\n' >"$dir/mine.txt"
        mock Set details "Config=restored" && run 0 restore "$dir/mine.txt" && has "$out" "configuration was restored" &&
                has "$(mock Calls)" "config set b = 2" || return
        # A backup by its name, or how that begins; a file of that name is nearer.
        run 0 restore 1-1 $id && has "$(mock Calls)" "config set a = 1" && run 0 restore 20251121T &&
                run 3 restore 20251122T && has "$err" "no backup" || return
        (fwctl=$(realpath "$fwctl") && cd "$dir" && cp mine.txt 20251121T && run 0 restore 20251121T && rm 20251121T) || return
        run 0 restore --only=serial,osd --save-with-errors "$dir/mine.txt" &&
                has "$(mock Calls)" "RestoreConfig only=serial,osd save-with-errors=1" || return
        run 3 restore "$dir/none.txt" && run 6 restore "$dir/empty.bin" && run 6 restore "$dir/pipe" && run 2 restore
}

test_restore_in_part() {
        printf 'set b = 2\nsave\n' >"$dir/mine.txt"
        mock Set details "Config=partly-restored|ConfigSkippedLines=set c = 3 (unknown)|Notice=1 setting did not come back"
        run 0 restore "$dir/mine.txt" && has "$out" "restored in part" && has "$err" "Left out: set c = 3 (unknown)" &&
                has "$err" "1 setting did not come back" || return
        mock Set details "ConfigRejectedLines=set x = 1 (Invalid name)"
        mock Set fail "ConfigRejected untouched The board refused 1 line."
        run 12 restore "$dir/mine.txt" && has "$err" "refused 1 line" && has "$err" "set x = 1 (Invalid name)"
}

test_restore_dry_run() {
        printf 'set b = 2\nsave\n' >"$dir/mine.txt"
        mock Set details "Config=planned|ConfigApplied=2|ConfigPlan=3|ConfigPlanLines=set a = 1; profile 1; set n = "$'\e'"[31m|ConfigMissing=1|\
ConfigMissingLines=set a = 1 (is: set a = 2)|ConfigSkippedLines=set c = 3 (unknown)|ConfigTranslatedLines=set d = 4 (set e = 4)|Notice=The board restarted."
        run 0 restore --dry-run 1-1 "$dir/mine.txt" && has "$out" "would give the board 2 settings; 1 of the file it does not have now" &&
                has "$out" $'\n  set a = 1\n  profile 1\n  set n = ' && hasnt "$out" $'\e' && has "$out" "would go back to its default" &&
                has "$out" "Nothing was changed." && hasnt "$out" "was restored" && has "$err" "Left out: set c = 3 (unknown)" &&
                has "$err" "Translated: set d = 4 (set e = 4)" && has "$err" "Not on the board now: set a = 1" &&
                has "$err" "The board restarted." && has "$(mock Calls)" "RestoreConfig dry-run=1" || return
        run 0 restore --dry-run --only=osd 1-1 "$dir/mine.txt" && hasnt "$out" "go back to its default" &&
                has "$(mock Calls)" "RestoreConfig dry-run=1 only=osd" || return
        run 0 -j restore --dry-run 1-1 "$dir/mine.txt" &&
                json 'j["kind"] == "restore" and j["result"] == "success" and j["state"] == "untouched"' &&
                json 'j["details"]["ConfigPlanLines"].startswith("set a = 1; profile 1; ")' || return
        mock Set fail "Armed untouched The board on 1-1 is armed." && run 5 restore --dry-run 1-1 "$dir/mine.txt"
}

test_custom_defaults() {
        mock Set details "Config=custom-defaults|Backup=20251121T115900Z-1a2b3c4d"
        run 0 restore --custom-defaults 1-1 && has "$out" "the custom defaults are applied; a backup is 20251121T" || return
        mock Set details "Config=planned|ConfigPlan=2|ConfigPlanLines=set a = 1; map A|ConfigReplaced=1|ConfigReplacedLines=set a = 2|BackupPlanned=yes"
        run 0 restore --custom-defaults --dry-run 1-1 && has "$(mock Calls)" "ApplyCustomDefaults dry-run=1" &&
                has "$out" $'to its custom defaults, 2 lines:\n  set a = 1\n  map A\nA backup would be made first.\nSet on the board now, and gone from it then (1):' &&
                has "$out" $'\n  set a = 2\nNothing was changed.' && hasnt "$out" "are applied" || return
        mock Set details "Config=planned|ConfigReplaced=0|BackupPlanned=no"
        run 0 restore --dry-run --custom-defaults 1-1 && has "$out" "This firmware does not show them." && hasnt "$out" "backup" &&
                hasnt "$out" "gone from it then" && has "$out" "Nothing was changed." || return
        run 0 -j restore --custom-defaults --dry-run 1-1 && json '"ConfigPlan" not in j["details"] and j["kind"] == "custom-defaults"' || return
        run 2 restore --custom-defaults --dry-run --only=osd 1-1 && run 2 restore --custom-defaults --dry-run 1-1 "$dir/mine.txt"
}

test_backups() {
        run 0 backups && has "$out" "20251121T115900Z-1a2b3c4d" && has "$out" "BTFL 4.5.1" && hasnt "$out" $'\e' &&
                is "$(wc -l <"$dir/out")" 3 && run 0 backups 1-1 --no-legend && is "$(wc -l <"$dir/out")" 1 &&
                run 0 backups -j && json 'len(j) == 2 and j[0]["UniqueId"] == "00ab1"' || return
        mock Set empty 1 && run 0 backups && is "$out" "" && has "$err" "no backup"
}

test_history() {
        run 0 history && has "$out" "Interrupted" && has "$out" "partly-written" && has "$out" "running" && hasnt "$out" $'\e' &&
                is "$(wc -l <"$dir/out")" 4 && run 0 -j history && json 'len(j) == 3 and j[0]["Id"] == 3' || return
        # A board that is there is asked for by its chip, else by its port, or as whatever it was called.
        run 0 history 1-1 --lines=2 && has "$(mock Calls)" "ListHistory limit=2 unique-id=00ab1" &&
                run 0 history 7-7 -n 5 && has "$(mock Calls)" "ListHistory limit=5 port=7-7" &&
                run 0 history 00cd && has "$(mock Calls)" "ListHistory unique-id=00cd" || return
        run 2 history -n 0 && run 2 history -n 1001 && run 2 history -n x && run 2 history 1-1 1-2 && run 2 list -n 5 || return
        mock Set empty 1 && run 0 history && is "$out" "" && has "$err" "no job"
}

test_keep_config() {
        run 0 flash --keep-config "$dir/good.bin" && has "$(mock Calls)" "Flash keep-config=1" &&
                run 0 flash --no-keep-config "$dir/good.bin" && has "$(mock Calls)" "Flash keep-config=0" &&
                run 2 flash --keep-config --no-keep-config "$dir/good.bin" || return
        mock Set details "Config=kept|Backup=20251121T115900Z-1a2b3c4d"
        run 0 flash "$dir/good.bin" && has "$out" "kept its configuration; a backup is 20251121T115900Z-1a2b3c4d."
}

# completed WORD…: what bash offers for the last word
completed() {
        local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _fwctl 2>/dev/null # compopt has nothing to set here
        printf '%s\n' "${COMPREPLY[@]}"
}

test_completion() {
        local PATH="${fwctl%/*}:$PATH"
        # shellcheck source=client/completions/fwctl.bash
        . "$here/../../client/completions/fwctl.bash"
        mock Set boards 2 && is "$(completed fwctl reb)" reboot && is "$(completed fwctl show 1-)" $'1-1\n1-2' &&
                is "$(completed fwctl --no-legend list --fu)" --full && is "$(completed fwctl flash --erase = f)" full &&
                is "$(completed fwctl flash --for)" --force && is "$(completed fwctl show --for)" "" &&
                has "$(completed fwctl flash "$dir/good")" "$dir/good.bin" && run 0 -q flash 1-1 "$dir/good.bin" &&
                has "$(completed fwctl wait "")" "$(last_job)" || return
        # Every verb and every option that --help has is offered.
        run 0 --help || return
        local word verbs options
        mapfile -t verbs < <(sed -nE 's/^  ([a-z][a-z-]+) .*/\1/p' "$dir/out")
        mapfile -t options < <(grep -oE -- '--[a-z-]+' "$dir/out" | sort -u)
        for word in "${verbs[@]}"; do has "$(completed fwctl "")" "$word" || return; done
        for word in "${options[@]}"; do
                has "$(for v in list show inspect flash read erase reboot backup restore history; do completed fwctl "$v" --; done)" "$word" &&
                        has "$(<"$here/../../client/completions/_fwctl")" "$word" &&
                        has "$(<"$here/../../client/completions/fwctl.fish")" "-l ${word#--}" &&
                        has "$(<"$here/../../docs/fwctl.1.scd")" "*$word" || return
        done
}

test_output_is_full() {
        "$fwctl" list >/dev/full 2>"$dir/err"
        is $? 1 && has "$(<"$dir/err")" "cannot be written"
}

start_bus
check no_bus
check no_service
start_mock
for name in usage list list_is_one_call list_of_none list_json list_on_terminal hostile_strings show \
        which_board node_link version doctor inspect flash flash_json flash_options flash_no_block bad_files \
        refusals failures denied notice reboot jobs wait cancel backup restore restore_in_part restore_dry_run custom_defaults backups history keep_config; do
        check "$name"
done
for name in signal_leaves_job bar dumb_terminal interrupt_cancel interrupt_leave \
        interrupt_twice_leaves interrupt_continue interrupt_while_job_ends interrupt_uncancelable; do
        cancelled=$(mock Cancelled | cut -d' ' -f2)
        check "$name"
done
for name in lost_service monitor agent completion output_is_full; do
        check "$name"
done
echo "1..$n"
exit $((failed > 0))
