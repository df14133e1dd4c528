#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Dry runs of a restore through the whole stack: each line that would be sent, none that is, and the board byte for
# byte what it was. Then the restore, which does what was told.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
export LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=5000,1000")
session_start bus polkit sim fwd

# fresh KIND [KEY=VALUE…]: a new board on 1-1
fresh() {
        local events
        simctl remove 1-1 >/dev/null 2>&1
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        local monitor=$!
        while [ "$(fwctl list --no-legend | wc -l)" != 0 ]; do read -r -u "$events" -t "$WAIT_S" _ || break; done
        kill "$monitor" 2>/dev/null
        exec {events}<&-
        simctl plug "$1" 1-1 "${@:2}" >/dev/null && simctl wait 1-1 firmware
}
there() { wait_for 1-1 BoardName SPEEDYBEEF405V4; }
set_up() { fresh betaflight-f405 "$@" && there; }
memory() { simctl dump 1-1 "$session/flash" >/dev/null && sha256sum <"$session/flash"; }
n_backups() { fwctl backups --no-legend | wc -l; }
detail() { # NAME of the job that $output tells as JSON
        /usr/bin/python3 -c 'import json, sys
text = sys.stdin.read()
print(json.JSONDecoder().raw_decode(text[text.index("{"):])[0]["details"].get(sys.argv[1], ""))' "$1" <<<"$output"
}
# dry NAME STATUS ARGUMENT…: nothing of the board changes
dry() {
        local name=$1 status=$2 before
        before=$(memory)
        shift 2
        check_exit "$name" "$status" fwctl "$@"
        is "$name: no byte of the board has changed" "$(memory)" "$before"
}

# file NAME LINE…: its path
file() {
        printf '%s\n' "${@:2}" save >"$session/$1.txt"
        echo "$session/$1.txt"
}

cat >"$session/mine.txt" <<'END'
serial 1 64 115200 57600 0 115200
map TAER1234
set craft_name = a?b
set small_angle = 180
set osd_vbat_pos = 2433
profile 1
set p_pitch = 61
save
END

# --- a command line in frames: the board goes on
check "a board" set_up version=2025.12.2
check_exit "something else is set on it" 0 fwctl -q restore --only=other 1-1 "$(file now 'set small_angle = 45')"
check "it is back" there
dry "a dry run" 0 restore --dry-run 1-1 "$session/mine.txt"
like "tells each line" "$output" $'\n  serial 1 64 115200 57600 0 115200\n  map TAER1234\n  set craft_name = a\\?b\n  set small_angle = 180\n'
like "profiles, too" "$output" $'\n  profile 1\n  set p_pitch = 61\n'
like "what else would go" "$output" "does not name would go back to its default"
like "what the board does not have" "$output" 'Not on the board now: .*set small_angle = 180 \(is: set small_angle = 45\)'
unlike "the board did not restart" "$output" restarted
unlike "nothing is said to be restored" "$output" "was restored|restoring"
is "no backup was made" "$(n_backups)" 0
dry "a part" 0 restore --dry-run --only=osd,receiver 1-1 "$session/mine.txt"
like "has its lines" "$output" $'\n  map TAER1234\n'
unlike "and no other" "$output" 'small_angle|p_pitch|back to its default'
dry "a part that the file does not have" 6 restore --dry-run --only=led 1-1 "$session/mine.txt"
dry "as JSON" 0 -j restore --dry-run 1-1 "$session/mine.txt"
is "each line is in it" "$(detail ConfigPlanLines)" \
        "serial 1 64 115200 57600 0 115200; map TAER1234; set craft_name = a?b; set small_angle = 180; set osd_vbat_pos = 2433; profile 1; set p_pitch = 61; profile 1"
is "counted" "$(detail ConfigPlan) $(detail ConfigApplied)" "8 6"
is "and what it is" "$(detail Config) $(detail State)" "planned untouched"
is "history knows it as one" "$(busctl --system --json=short call org.fwctl1 /org/fwctl1 org.fwctl1.Manager ListHistory 'a{sv}' 1 limit t 1 |
        /usr/bin/python3 -c 'import json, sys; j = json.load(sys.stdin)["data"][0][0]; print(j["Kind"]["data"], j["DryRun"]["data"])')" "restore True"

# --- an interactive one: it is left by a restart, which is told
check "older firmware" set_up version=4.3.1
dry "a dry run" 0 restore --dry-run 1-1 "$session/mine.txt"
like "tells that the board restarted" "$output" 'The board restarted: its command line is left in no other way\. What it has saved is as it was\.'
like "what cannot be typed is left out" "$output" 'Left out: set craft_name = a\?b '
check "the board is back" there
dry "names of another release" 0 -j restore --dry-run 1-1 "$(file later 'set craft_name = moth' 'serial UART2 64 115200 57600 0 115200')"
is "are translated" "$(detail ConfigPlanLines)" "set name = moth; serial 1 64 115200 57600 0 115200"
like "and it is told from what" "$(detail ConfigTranslatedLines)" 'set craft_name = moth \(set name = moth\); serial UART2 .* \(serial 1 64'
like "the restart is in it, too" "$(detail Notice)" 'The board restarted'
check "the board is back" there

# --- ports by function: what a line becomes depends on what is set, and a restore begins at the defaults
check "newer firmware" set_up version=2026.12.0
check_exit "its ports do something else" 0 fwctl -q restore 1-1 "$(file now 'set rx_uart = UART2' 'set msp_uart_2 = UART1' 'set msp_baud_2 = 500000')"
check "it is back" there
file old 'serial 0 1 230400 57600 0 115200' 'serial 1 64 115200 57600 0 115200' 'serial 5 wrong' >/dev/null
dry "a dry run of old lines" 0 -j restore --dry-run 1-1 "$session/old.txt"
is "goes over the defaults" "$(detail ConfigPlanLines)" "set msp_uart_2 = UART1; set msp_baud_2 = 230400; set rx_uart = UART2"
like "what is no port is left out" "$(detail ConfigSkippedLines)" '^serial 5 wrong \(it is no port'
planned=$(detail ConfigTranslatedLines)
dry "of a part of them" 0 -j restore --dry-run --only=serial 1-1 "$session/old.txt"
is "over what is set" "$(detail ConfigPlanLines)" "set msp_baud_2 = 230400"
check_exit "the restore itself" 0 fwctl -j restore 1-1 "$session/old.txt"
is "translates as was told" "$(detail ConfigTranslatedLines)" "$planned"
is "nothing was planned by it" "$(detail ConfigPlanLines)" ""
is "all but what is no port is on the board" "$(detail Config) $(detail ConfigMissing)" "partly-restored 1"

# --- what a restore refuses, its dry run refuses
check "the board is back" there
simctl set 1-1 armed 1 >/dev/null
dry "an armed board" 5 restore --dry-run 1-1 "$session/mine.txt"
like "is left alone" "$output" "armed"
unlike "and does not restart" "$output" restarted
simctl set 1-1 armed 0 >/dev/null
dry "a file that is not there" 3 restore --dry-run 1-1 "$session/none.txt"
dry "a firmware file" 6 restore --dry-run 1-1 "$source_dir/tests/data/hello-1.bin"
file other 'board_name MATEKF722SE' 'set small_angle = 1' >/dev/null
dry "another board's" 6 restore --dry-run 1-1 "$session/other.txt"
dry "by force" 0 restore --dry-run --force 1-1 "$session/other.txt"
for fault in garbage:1 half:10 no-save:1 drop:8; do
        simctl set 1-1 cli-fault "${fault%:*}" >/dev/null
        dry "a command line with the fault ${fault%:*}" "${fault#*:}" restore --dry-run 1-1 "$session/mine.txt"
        unlike "${fault%:*}: there is no plan" "$output" "would give"
        simctl set 1-1 cli-fault none >/dev/null
        simctl wait 1-1 firmware
        check "${fault%:*}: the board is there" there
done
check_exit "into the bootloader" 0 fwctl reboot 1-1
dry "a board in its bootloader" 1 restore --dry-run 1-1 "$session/mine.txt"
like "has no firmware to ask" "$output" "start its firmware first"
check "a board without such a configuration" fresh crazyflie
check "is known" wait_for 1-1 Board crazyflie
check_exit "has none to plan for" 1 fwctl restore --dry-run 1-1 "$session/mine.txt"
like "which is told" "$output" "no configuration that can be read"
is "its serial port was not opened" \
        "$(simctl stats 1-1 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["model"]["passthroughs"])')" 0

polkit_answer org.fwctl1.restore deny
check "a board" set_up version=2025.12.2
dry "who may not restore may ask" 0 restore --dry-run 1-1 "$session/mine.txt"
polkit_answer org.fwctl1.identify deny
dry "unless boards may not be asked" 4 restore --dry-run 1-1 "$session/mine.txt"
done_testing
