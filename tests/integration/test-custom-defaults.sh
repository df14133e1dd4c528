#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Custom defaults of Betaflight 4.1 to 4.4 through the whole stack: what a board has is told, a flash applies them
# when it is asked to, and says so when it should have been asked. $1: the firmware files.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
files=$1
export LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=5000,1000")
session_start bus polkit sim fwd

fresh() {
        simctl remove 1-1 >/dev/null 2>&1
        wait_for_none
        simctl plug betaflight-f405 1-1 "$@" >/dev/null && simctl load 1-1 "$build_dir/../tests/data/hello-1.bin" >/dev/null &&
                wait_for 1-1 BoardName SPEEDYBEEF405V4
}
wait_for_none() {
        local events
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        local monitor=$!
        while [ "$(fwctl list --no-legend | wc -l)" != 0 ]; do read -r -u "$events" -t "$WAIT_S" _ || break; done
        kill "$monitor" 2>/dev/null
        exec {events}<&-
}
show() { fwctl show 1-1 -p "$1" --value; }
flashed() { simctl dump 1-1 "$session/flash" >/dev/null && "$tests_dir/lib/flash-has.py" "$1" "$session/flash" >/dev/null; }
config() { fwctl -q backup - | grep -v '^#'; }
newest() { fwctl backups --no-legend | head -1 | cut -d' ' -f1; }
n_backups() { fwctl backups --no-legend | wc -l; }
data=$source_dir/tests/data

# --- what the board says
check "a board that has none" fresh version=4.4.2
is "it is told" "$(show CustomDefaults) $(show ConfigState)" "none bare"
check "one that has some" fresh version=4.3.1 custom-defaults=1
is "it is told, and that they are not applied" "$(show CustomDefaults) $(show ConfigState)" "available bare"
printf 'set small_angle = 180\n' >"$session/own.txt"
check_exit "a configuration of its own" 0 fwctl -q restore --only=other "$session/own.txt"
check "it is back" wait_for 1-1 ConfigState configured
check "later firmware" fresh version=4.5.1
is "says nothing of them" "$(show CustomDefaults)$(show ConfigState)" ""
check_exit "inspect: a file with them" 0 fwctl inspect "$files/with.hex"
like "says so" "$output" "TargetCustomDefaults: included"

# --- telling what they would do
memory() { simctl dump 1-1 "$session/flash" >/dev/null && sha256sum <"$session/flash"; }
check "a board that has some, with settings of its own" fresh version=4.3.1 custom-defaults=1
check_exit "settings" 0 fwctl -q restore --only=other "$session/own.txt"
check "they are saved" wait_for 1-1 ConfigState configured
before=$(memory)
n=$(n_backups)
check_exit "a dry run" 0 fwctl restore --custom-defaults --dry-run
like "tells their lines" "$output" $'would reset the board to its custom defaults, 5 lines:\n  resource MOTOR 1 A08\n  .*\n  set small_angle = 100\n'
like "and what would be gone, and that it would be kept" "$output" $'A backup would be made first.\nSet on the board now, and gone from it then \(4\):\n  resource MOTOR 1 B00\n.*\n  set small_angle = 180\nNothing was changed.'
like "and that the board restarted" "$output" "The board restarted: its command line is left in no other way"
is "no byte of the board has changed" "$(memory)" "$before"
is "no backup was made" "$(n_backups)" "$n"
check "it is there again" wait_for 1-1 ConfigState configured
check_exit "as JSON" 0 fwctl -j restore --custom-defaults --dry-run 1-1
like "the same" "$output" '"ConfigPlan":"?5"?.*'
like "line by line" "$output" '"ConfigPlanLines":"resource MOTOR 1 A08; .*set small_angle = 100"'
like "with the backup" "$output" '"BackupPlanned":"yes"'
check "it is there again" wait_for 1-1 ConfigState configured
simctl set 1-1 without HELP >/dev/null
check_exit "a build that does not say that it can show them" 0 fwctl restore --custom-defaults --dry-run
like "is not asked to" "$output" "does not show them.*set small_angle = 180"
is "and has what it had" "$(memory)" "$before"
check "it is there again" wait_for 1-1 ConfigState configured
simctl set 1-1 armed 1 >/dev/null
check_exit "an armed board is not asked" 5 fwctl restore --custom-defaults --dry-run
unlike "and does not restart" "$output" restarted
simctl set 1-1 armed 0 >/dev/null
check "a board with nothing set" fresh version=4.4.2 custom-defaults=1
check_exit "a dry run" 0 fwctl restore --custom-defaults --dry-run
unlike "has no backup in it" "$output" backup
check "a board that has none" fresh version=4.4.2
check_exit "is refused in a dry run, too" 1 fwctl restore --custom-defaults --dry-run
like "with what to do" "$output" "flash a file that was made for this board"

# --- applying those that are there
check "a board that has some, with settings of its own" fresh version=4.3.1 custom-defaults=1
check_exit "settings" 0 fwctl -q restore --only=other "$session/own.txt"
check "they are saved" wait_for 1-1 ConfigState configured
check_exit "apply" 0 fwctl restore 1-1 --custom-defaults
like "it is told" "$output" "custom defaults are applied; a backup is $(newest)"
is "and seen" "$(show ConfigState)" custom-defaults
check_exit "what was set is in the backup" 0 fwctl -q restore 1-1 "$(newest)"
like "and comes back from it" "$(config)" "small_angle = 180"
for fault in refused:12 silent:10 ignored:12; do
        check "${fault%:*}: a board" fresh version=4.4.2 custom-defaults=1
        check_exit "${fault%:*}: settings" 0 fwctl -q restore --only=other "$session/own.txt"
        check "${fault%:*}: they are saved" wait_for 1-1 ConfigState configured
        simctl set 1-1 reset-fault "${fault%:*}" >/dev/null
        check_exit "${fault%:*}: is an error of its own" "${fault#*:}" fwctl restore --custom-defaults
        unlike "${fault%:*}: the advice is about that" "$output" "lines"
        like "${fault%:*}: the backup is named" "$output" "fwctl restore 1-1 $(newest)"
        check "${fault%:*}: the board is there" wait_for 1-1 ConfigState configured
done
check "a board that is pulled meanwhile" fresh version=4.4.2 custom-defaults=1
check_exit "with settings" 0 fwctl -q restore --only=other "$session/own.txt"
check "they are saved" wait_for 1-1 ConfigState configured
simctl set 1-1 reset-fault silent >/dev/null
coproc fwctl_run { exec fwctl restore --custom-defaults 2>&1; }
pid=$! output='' progress=''
exec {progress}<&"${fwctl_run[0]}"
while read -r -u "$progress" -t "$WAIT_S" line; do
        output+=$line$'\n'
        [[ $line != *"applying the custom defaults"* ]] || simctl unplug 1-1 >/dev/null
done
exec {progress}<&-
wait "$pid"
# Before the board was asked it is lost; after that it may be on its way, and is waited for.
like "pulled: an error of its own" "$?" '^(8|10)$'
like "pulled: the backup is named" "$output" "fwctl restore 1-1 $(newest)"
check "a board that has none" fresh version=4.4.2
check_exit "is refused" 1 fwctl restore --custom-defaults
like "with what to do" "$output" "flash a file that was made for this board"
check "later firmware" fresh version=4.5.1
check_exit "is refused" 1 fwctl restore --custom-defaults
like "with the versions that have some" "$output" "4.1 to 4.4"
check "an armed board" fresh version=4.4.2 custom-defaults=1
simctl set 1-1 armed 1 >/dev/null
check_exit "is left alone" 5 fwctl restore --custom-defaults
is "it has what it had" "$(show ConfigState)" bare

# --- flashes
check "a board of that line" fresh version=4.4.2
before=$(simctl dump 1-1 "$session/flash" >/dev/null && sha256sum <"$session/flash")
check_exit "a file without them, for a board without" 1 fwctl flash --custom-defaults "$files/without.hex"
like "is refused before the flash" "$output" "has no custom defaults in it.*untouched"
check_exit "a file of a later release" 1 fwctl flash --custom-defaults "$files/later.hex"
like "is refused before the flash, too" "$output" "4.5 on they are built in.*untouched"
check_exit "both at once" 2 fwctl flash --custom-defaults --keep-config "$files/with.hex"
check_exit "and staying in the bootloader" 2 fwctl flash --custom-defaults --no-leave "$files/with.hex"
check_exit "a dry run is refused in the same way" 1 fwctl flash --dry-run --custom-defaults "$files/without.hex"
is "nothing was changed" "$(simctl dump 1-1 "$session/flash" >/dev/null && sha256sum <"$session/flash")" "$before"
check_exit "settings of its own" 0 fwctl -q restore --only=other "$session/own.txt"
check "they are saved" wait_for 1-1 ConfigState configured
n=$(n_backups)
check_exit "a file with them" 0 fwctl -j -q flash --custom-defaults "$files/with.hex"
like "they are applied" "$output" '"Config":"custom-defaults"'
like "what was set is in a backup" "$output" "What was set on the board before is in backup $(newest)"
is "one more" "$(n_backups)" $((n + 1))
check "the file is on the board" flashed "$files/with.hex"
is "the board says so" "$(show CustomDefaults) $(show ConfigState)" "available custom-defaults"
unlike "a diff is against them" "$(config)" "small_angle"
check_exit "what it had before" 0 fwctl -q restore 1-1 "$(fwctl backups --no-legend | sed -n 2p | cut -d' ' -f1)"
like "comes back" "$(config)" "small_angle = 180"
check_exit "without asking, and with all erased" 0 fwctl flash --erase=full --no-keep-config "$files/with.hex"
like "the person is told what is missing" "$output" "custom defaults that are not applied: fwctl restore --custom-defaults"
check_exit "as told" 0 fwctl restore --custom-defaults
is "is so" "$(show ConfigState)" custom-defaults
check_exit "their room is erased with all else" 1 fwctl flash --erase=full --custom-defaults "$files/without.hex"
like "which is known before" "$output" "those of the board will be erased.*untouched"
check_exit "and kept otherwise" 0 fwctl flash --custom-defaults "$files/without.hex"
is "they are the board's own" "$(show ConfigState)" custom-defaults

# A board in its bootloader cannot be asked before.
check_exit "reboot" 0 fwctl reboot
check_exit "a flash with them" 0 fwctl flash --custom-defaults "$files/with.hex"
is "they are applied" "$(show ConfigState)" custom-defaults
check_exit "reboot" 0 fwctl reboot
check_exit "a raw file, which says nothing" 1 fwctl flash --custom-defaults --erase=full "$data/hello-1.bin"
like "is written, and then there are none" "$output" "written and verified, and has no custom defaults"

polkit_answer org.fwctl1.restore deny
check_exit "who may not restore may not apply" 4 fwctl restore --custom-defaults
check "a board that has some" fresh version=4.4.2 custom-defaults=1
check_exit "but may be told what that would do" 0 fwctl restore --custom-defaults --dry-run
check "it is there again" wait_for 1-1 BoardName SPEEDYBEEF405V4
polkit_answer org.fwctl1.identify deny
check_exit "unless boards may not be asked" 4 fwctl restore --custom-defaults --dry-run

done_testing
