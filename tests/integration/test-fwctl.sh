#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317 # the tests are called by name
# The verbs of fwctl that look, its command line, its exit codes and its JSON; and where there is no service.
# shellcheck source=tests/integration/fwctl-mock.sh
. "$(dirname "$0")/fwctl-mock.sh"

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

test_jobs() {
        run 0 flash "$dir/good.bin" && run 0 jobs && has "$out" "JOB" && has "$out" "success" &&
                has "$out" "flash" && has "$out" "root" && run 0 jobs --json=short &&
                json 'j[-1]["Result"] == "success" and j[-1]["Path"].startswith("/org/fwctl1/job/")'
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
        which_board node_link version doctor inspect jobs history completion output_is_full; do
        check "$name"
done
checked
