#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The configuration of a flight controller through the whole stack: backup, restore, and flashes that keep it, with
# everything that goes wrong on the way. What must hold in each case: the configuration is on the board, or in a
# backup that is named.
# shellcheck disable=SC2016,SC2317 # what $act has is for eval; some functions are called by check
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
data=$build_dir/tests/data
# Slow enough that a job can be caught in each of its phases.
export SIM_TIME_SCALE=0.1 LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=5000,1000")
session_start bus polkit sim
# A restore waits at its beginning while there is a pipe "hold": it is over too soon to be caught otherwise.
cat >"$session/worker" <<END
#!/bin/sh
# The simulated bus's library blocks signals while a file is opened.
[ -z "\$LD_PRELOAD" ] || exec env -u LD_PRELOAD FWD_TEST_PRELOAD="\$LD_PRELOAD" "\$0" "\$@"
[ "\$1" != restore ] || [ ! -p "$session/hold" ] || read -r _ <"$session/hold"
exec env LD_PRELOAD="\$FWD_TEST_PRELOAD" "$worker_program" "\$@"
END
chmod +x "$session/worker"
FWD_WORKER=$session/worker
fwd_start

cat >"$session/mine.txt" <<'END'
serial 1 64 115200 57600 0 115200
aux 0 1 0 1700 2100 0 0
set motor_pwm_protocol = DSHOT300
set small_angle = 180
profile 1
set p_pitch = 60
rateprofile 2
set thr_mid = 40
END

# fresh [KEY=VALUE…]: a new board on 1-1 that has the configuration
fresh() {
        simctl remove 1-1 >/dev/null 2>&1
        wait_for_list 0
        simctl plug betaflight-f405 1-1 "$@" >/dev/null && simctl load 1-1 "$data/hello-1.bin" >/dev/null &&
                wait_for 1-1 BoardName SPEEDYBEEF405V4 && fwctl -q restore "$session/mine.txt" &&
                config >"$session/before.txt"
}

wait_for_list() {
        local events
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        local monitor=$!
        while [ "$(fwctl list --no-legend | wc -l)" != "$1" ]; do read -r -u "$events" -t "$WAIT_S" _ || break; done
        kill "$monitor" 2>/dev/null
        exec {events}<&-
}

# What the board says of its settings, without what is not about them.
config() { fwctl -q backup - | grep -v '^#' | grep -vE '^(board_name|manufacturer_id|mcu_id|signature)'; }
n_backups() { fwctl backups --no-legend | wc -l; }
newest() { fwctl backups --no-legend | head -1 | cut -d' ' -f1; }

json() { # NAME TEXT EXPRESSION: is true of the JSON value j
        if printf '%s' "$2" | /usr/bin/python3 -c "import json, sys
j = json.load(sys.stdin)
sys.exit(0 if ($3) else 1)"; then ok "$1"; else not_ok "$1" "$3 is not true of: $2"; fi
}

# at PHASE WORDS COMMAND…: runs fwctl COMMAND, does $act when its progress says WORDS; $output, $status
at() {
        local words=$1 progress line
        shift
        coproc fwctl_run { exec fwctl "$@" 2>&1; }
        local pid=$!
        progress=${fwctl_run[0]}
        exec {progress}<&"${fwctl_run[0]}"
        output=''
        while read -r -u "$progress" -t "$WAIT_S" line; do
                output+=$line$'\n'
                if [ -n "$act" ] && [[ $line == *"$words"* ]]; then
                        eval "$act" >/dev/null 2>&1
                        act=''
                fi
        done
        exec {progress}<&-
        wait "$pid"
        status=$?
}

# --- backup and restore
check "a board with a configuration" fresh
like "the configuration is on it" "$(<"$session/before.txt")" "set motor_pwm_protocol = DSHOT300"
check_exit "backup to a file" 0 fwctl backup "$session/a.txt"
like "the file says what it is of" "$(<"$session/a.txt")" "# Board: SPEEDYBEEF405V4"
is "backups lists it" "$(fwctl backups -j | /usr/bin/python3 -c '
import json, sys; b = json.load(sys.stdin)[0]; print(b["BoardName"], b["Variant"], b["FirmwareVersion"])')" \
        "SPEEDYBEEF405V4 BTFL 2025.12.2"
id=$(newest)
stored=$(find "$session/state/backups" -name "$id.txt")
same_bytes "what is kept is what was written" "$session/a.txt" "$stored"
is "nobody else may read it" "$(stat -c %a "$stored" "$(dirname "$stored")" | xargs)" "600 700"
check_exit "all settings" 0 fwctl backup --dump "$session/dump.txt"
is "are more than the changed ones" "$(($(wc -l <"$session/dump.txt") > $(wc -l <"$session/a.txt")))" 1
printf 'set small_angle = 25\n' >"$session/other.txt"
check_exit "another configuration" 0 fwctl restore --only=other "$session/other.txt"
unlike "is on the board" "$(config)" "small_angle = 180"
changed=$(config)
check_exit "a dry run of a restore" 0 fwctl restore --dry-run "$session/a.txt"
like "tells what it would do" "$output" "would give the board [1-9][0-9]* settings; [1-9].*Nothing was changed.*Not on the board now: "
like "line by line" "$output" $'\n  set small_angle = 180\n'
unlike "a board that is left in frames does not restart" "$output" restarted
check "the board is back from its command line" wait_for 1-1 BoardName SPEEDYBEEF405V4
is "and as it was" "$(config)" "$changed"
sed 's/^# Board: .*/# Board: MATEKF722SE/' "$session/a.txt" >"$session/forged.txt"
check_exit "a dry run with another board's configuration" 6 fwctl restore --dry-run "$session/forged.txt"
check_exit "restore by the backup's name" 0 fwctl restore 1-1 "$id"
like "it is told" "$output" "configuration was restored"
is "all of it is back" "$(config)" "$(<"$session/before.txt")"
printf 'set no_such_setting = 1\nset small_angle = 100\n' >"$session/bad.txt"
check_exit "a line that the board does not know" 12 fwctl restore "$session/bad.txt"
like "it is told" "$output" "Refused by the board: set no_such_setting = 1"
check "the board is back" wait_for 1-1 BoardName SPEEDYBEEF405V4
is "nothing was saved" "$(config)" "$(<"$session/before.txt")"
check_exit "with --save-with-errors" 0 fwctl restore --save-with-errors "$session/bad.txt"
like "the rest is saved" "$(config)" "small_angle = 100"
check_exit "the configuration again" 0 fwctl restore "$session/a.txt"
sed 's/^# Board: .*/# Board: MATEKF722SE/' "$session/a.txt" >"$session/forged.txt"
check_exit "a configuration of another board" 6 fwctl restore "$session/forged.txt"
like "both are named" "$output" "MATEKF722SE.*SPEEDYBEEF405V4|SPEEDYBEEF405V4.*MATEKF722SE"
check_exit "with --force" 0 fwctl restore --force "$session/forged.txt"
head -c 700 "$session/a.txt" >"$session/cut.txt"
check_exit "a file that was cut short" 6 fwctl restore "$session/cut.txt"
head -c 100000 /dev/urandom >"$session/noise.bin"
check_exit "noise" 6 fwctl restore "$session/noise.bin"
check_exit "a firmware file, whatever is to be saved" 6 fwctl restore --save-with-errors "$source_dir/tests/data/hello-1.hex"
like "is told to be no configuration" "$output" "has no command of a flight controller in it"
is "after all of them" "$(config)" "$(<"$session/before.txt")"
simctl set 1-1 armed 1 >/dev/null
check_exit "an armed board" 5 fwctl backup
check_exit "is not flashed, either" 5 fwctl flash --no-keep-config "$data/hello-2.hex"
check_exit "nor restored" 5 fwctl restore "$session/a.txt"
simctl set 1-1 armed 0 >/dev/null
for fault in garbage half no-save no-prompt other-echo; do
        # The last two are of the interactive command line.
        [[ $fault != no-prompt && $fault != other-echo ]] || check "$fault: older firmware" fresh version=4.4.2
        n=$(n_backups)
        simctl set 1-1 cli-fault $fault >/dev/null
        check_not "a command line with the fault $fault" fwctl backup
        simctl set 1-1 cli-fault none >/dev/null
        is "$fault: nothing is kept of it" "$(n_backups)" "$n"
done

check "older firmware" fresh version=4.4.2
check_exit "a plan for it, whose chip has another name" 0 fwctl flash --dry-run "$data/hello-2.hex"
like "has seconds" "$output" "in about [0-9]+ s"
printf '# Betaflight / STM32F405 (F405) 2026.12.0 Jan 1 2027 / 01:01:01 (0a1b2c3d) MSP API: 1.49\ndefaults nosave\n%s\nsave\n' \
        $'set rx_uart = UART2\nset small_angle = 99\nset new_thing = 4' >"$session/later.txt"
check_exit "a configuration of a later release" 12 fwctl restore "$session/later.txt"
like "each line that it does not have is told" "$output" "set new_thing = 4.*Left out: set rx_uart = UART2 .this firmware has serial lines"
check "it is back" wait_for 1-1 BoardName SPEEDYBEEF405V4
is "nothing was saved" "$(config)" "$(<"$session/before.txt")"
# It restarts after each look at its configuration; what was found out outlives that.
simctl set 1-1 forget small_angle >/dev/null
check_exit "a setting that is lost when it is saved" 0 fwctl restore "$session/mine.txt"
like "is told" "$output" "1 setting of the configuration did not come back: set small_angle = 180"

# --- a reboot that is ignored
simctl set 1-1 ignore-reboot 1 >/dev/null
before=$(simctl dump 1-1 "$session/after" >/dev/null && sha256sum <"$session/after")
check_exit "a board that takes no notice" 10 fwctl flash --no-keep-config "$data/hello-2.hex"
like "a person is told to bring it there" "$output" "untouched.*Hold its BOOT button"
is "the flash is as it was" "$(simctl dump 1-1 "$session/after" >/dev/null && sha256sum <"$session/after")" "$before"
simctl set 1-1 ignore-reboot 0 >/dev/null
check_exit "it can be talked to" 0 fwctl backup

# --- flashes that keep the configuration
check "a fresh board" fresh
check_exit "a flash keeps the configuration by default" 0 fwctl -j -q flash "$data/hello-2.hex"
json "it survived, and nothing was written" "$output" 'j["details"]["Config"] == "kept" and "ConfigApplied" not in j["details"]'
is "configuration equal before and after" "$(config)" "$(<"$session/before.txt")"
check_exit "firmware that covers the settings" 0 fwctl -j -q flash --erase=full "$data/hello-1.bin"
json "they were restored" "$output" 'j["details"]["Config"] == "restored"'
is "erase=full: configuration equal before and after" "$(config)" "$(<"$session/before.txt")"
check "firmware of an older line" fresh version=4.5.1
simctl set 1-1 version 2025.12.2 >/dev/null
check_exit "its successor has another format of the settings" 0 fwctl -j -q flash "$data/hello-2.hex"
json "they were restored" "$output" 'j["details"]["Config"] in ("restored", "partly-restored")'
like "the configuration is back" "$(config)" "set small_angle = 180"
check "firmware of an older line" fresh version=4.5.1
check_exit "a plan for its successor" 0 fwctl flash --dry-run "$source_dir/tests/data/hello-3.hex"
like "what is set would be lost, and a backup is made first: told in the plan" "$output" \
        "2025.12.2. does not take over the configuration of the present one .4.5.1.: .*A backup of the configuration would be made first"
is "and nothing has changed" "$(config)" "$(<"$session/before.txt")"
check_exit "the flash" 0 fwctl flash "$source_dir/tests/data/hello-3.hex"
like "tells it before the board is touched" "$output" "does not take over the configuration.*rebooting the board"
check_exit "reboot" 0 fwctl reboot
check_exit "a plan that is to keep what cannot be read" 1 fwctl flash --dry-run --keep-config "$source_dir/tests/data/hello-3.hex"
like "is refused as the flash is" "$output" "start its firmware first"
check "an interactive command line" fresh version=4.4.2
check_exit "a flash with it" 0 fwctl -j -q flash --erase=full "$data/hello-2.hex"
json "restored" "$output" 'j["details"]["Config"] == "restored"'
is "interactive: configuration equal before and after" "$(config)" "$(<"$session/before.txt")"
check "a fresh board" fresh
n=$(n_backups)
check_exit "--no-keep-config" 0 fwctl flash --no-keep-config --erase=full "$data/hello-2.hex"
is "no backup was made" "$(n_backups)" "$n"
unlike "and the configuration is gone" "$(config)" "small_angle = 180"

# --- a board in its bootloader
check "a fresh board" fresh
check_exit "reboot" 0 fwctl reboot
check_exit "asked for, what cannot be is refused" 1 fwctl flash --keep-config "$data/hello-2.hex"
like "with what to do" "$output" "start its firmware first"
is "the board stayed" "$(fwctl show -p Mode --value)" bootloader
check_exit "not asked for, it is told" 0 fwctl flash "$data/hello-2.hex"
like "with the last backup" "$output" "could not be backed up. Its last backup is $(newest)"
is "the settings were not touched" "$(config)" "$(<"$session/before.txt")"

# Each phase of reading is long enough to be caught in it.
slow() { simctl set 1-1 cli-slow-ms $(($1 * 300)) >/dev/null; }

# --- what goes wrong: each leaves the configuration on the board or in a backup that is named
untouched() {
        simctl dump 1-1 "$session/after" >/dev/null
        is "$1: the flash is as it was" "$(sha256sum <"$session/after")" "$before"
        rm -f "$session/after"
}
ready() {
        check "$1: a fresh board" fresh
        before=$(simctl dump 1-1 "$session/after" >/dev/null && sha256sum <"$session/after")
        rm -f "$session/after"
        rm -r "$session/state/backups"
}
# backup_is_safe NAME: the last one is the configuration, and $output says so
backup_is_safe() {
        is "$1: there is a backup" "$(n_backups)" 1
        like "$1: it is named, with the way back" "$output" "fwctl restore 1-1 $(newest)"
        is "$1: and is the configuration" "$(grep -v '^#' "$session"/state/backups/*/"$(newest).txt" |
                grep -vE '^(board_name|manufacturer_id|mcu_id|signature)')" "$(<"$session/before.txt")"
}

ready "state directory"
: >"$session/state/backups"
check_exit "no place for a backup" 1 fwctl flash "$data/hello-2.hex"
like "it is told, with the way around" "$output" "nothing was flashed.*--no-keep-config"
rm "$session/state/backups"
untouched "state directory"
is "the board runs" "$(fwctl show -p Mode --value)" firmware

# Framed, and interactive: what is no configuration keeps the flash from beginning.
for fault in half:10: garbage:1: no-save:1: half:10:4.4.2 garbage:1:4.4.2 no-prompt:10:4.4.2; do
        IFS=: read -r what status version <<<"$fault"
        name="a command line with $what${version:+, version $version}"
        ready "$name"
        if [ -n "$version" ]; then
                check "$name: older firmware" fresh "version=$version"
                before=$(simctl dump 1-1 "$session/after" >/dev/null && sha256sum <"$session/after")
                rm -f "$session/after"
        fi
        n=$(n_backups)
        simctl set 1-1 cli-fault "$what" >/dev/null
        check_exit "$name" "$status" fwctl flash "$data/hello-2.hex"
        like "$name: nothing was flashed" "$output" "could not be backed up, so nothing was flashed.*--no-keep-config"
        untouched "$name"
        is "$name: what is no configuration is no backup" "$(n_backups)" "$n"
        simctl set 1-1 cli-fault none >/dev/null
done

ready "pulled while it is read"
slow 1
act='simctl unplug 1-1'
at "reading the configuration" flash "$data/hello-2.hex"
is "pulled while it is read: exit status" "$status" 8
untouched "pulled while it is read"

ready "pulled while the old flash is saved"
simctl set 1-1 unplug-upload 9 >/dev/null
check_exit "pulled while the old flash is saved" 8 fwctl flash --save-old="$session/old.bin" "$data/hello-2.hex"
backup_is_safe "pulled while the old flash is saved"
untouched "pulled while the old flash is saved"
is "there is no half of a file" "$(ls "$session/old.bin" 2>/dev/null)" ""

for fault in erase:2 write:3; do
        ready "pulled at ${fault%:*}"
        simctl set 1-1 "unplug-${fault%:*}" "${fault#*:}" >/dev/null
        check_exit "pulled at ${fault%:*}" 8 fwctl flash --erase=full "$data/hello-2.hex"
        backup_is_safe "pulled at ${fault%:*}"
done

for phase in "comparing" "restoring"; do
        ready "pulled while $phase"
        slow 1
        act='simctl unplug 1-1'
        [ "$phase" != restoring ] || { mkfifo "$session/hold" && act+='; echo >"$session/hold"'; }
        at "$phase the configuration" flash --erase=full "$data/hello-2.hex"
        rm -f "$session/hold"
        is "pulled while $phase: exit status" "$status" 8
        backup_is_safe "pulled while $phase"
        slow 0
        simctl replug 1-1 >/dev/null
        check "pulled while $phase: the board comes back" wait_for 1-1 BoardName SPEEDYBEEF405V4
        check_exit "pulled while $phase: the command that was named" 0 fwctl restore 1-1 "$(newest)"
        is "pulled while $phase: the configuration is back" "$(config)" "$(<"$session/before.txt")"
done

# Told to save, it may have done it before it went: it is waited for, and then it is an error with the way back.
ready "pulled while saving"
simctl set 1-1 cli-fault gone-at-save >/dev/null
output=$(fwctl flash --erase=full "$data/hello-2.hex" 2>&1)
like "pulled while saving: exit status" $? '^(8|10)$'
backup_is_safe "pulled while saving"
simctl set 1-1 cli-fault none >/dev/null
simctl replug 1-1 >/dev/null
check "pulled while saving: the board comes back" wait_for 1-1 BoardName SPEEDYBEEF405V4
check_exit "pulled while saving: the command that was named" 0 fwctl restore 1-1 "$(newest)"
is "pulled while saving: the configuration is back" "$(config)" "$(<"$session/before.txt")"

# INAV has stored its defaults by then: what it had is in a backup that the restore made.
check "INAV" fresh manufacturer=INAV variant=INAV version=8.0.1
rm -r "$session/state/backups"
check_exit "INAV: a dry run of a restore" 0 fwctl restore --dry-run 1-1 "$session/other.txt"
like "INAV: tells of the backup" "$output" "A backup would be made first"
check "INAV: it is back" wait_for 1-1 Variant INAV
is "INAV: and makes none" "$(n_backups)" 0
simctl set 1-1 cli-fault gone-at-save >/dev/null
output=$(fwctl restore 1-1 "$session/other.txt" 2>&1)
like "INAV, pulled while saving: exit status" $? '^(8|10)$'
backup_is_safe "INAV, pulled while saving"
kept=$(newest)
simctl set 1-1 cli-fault none >/dev/null
simctl replug 1-1 >/dev/null
check "INAV: it comes back" wait_for 1-1 Variant INAV
unlike "INAV: without what it had" "$(config)" "small_angle = 180"
check "INAV: it is back" wait_for 1-1 Variant INAV
check_exit "INAV: the command that was named" 0 fwctl restore 1-1 "$kept"
like "INAV: a restore tells its backup" "$output" "restored; what it had is in backup"
is "INAV: the configuration is back" "$(config)" "$(<"$session/before.txt")"

# Cancelled: before the flash the board is as it was, after it the backup is named.
# shellcheck disable=SC2034 # for at
cancel='fwctl cancel --no-block "$(fwctl jobs --no-legend | tail -1 | cut -d" " -f1)"'
ready "cancelled while it is read"
slow 1
act=$cancel
at "reading the configuration" flash "$data/hello-2.hex"
is "cancelled while it is read: exit status" "$status" 11
untouched "cancelled while it is read"
slow 0
for phase in erasing writing "restoring the configuration"; do
        ready "cancelled at $phase"
        act=$cancel
        [[ $phase == rest* ]] && mkfifo "$session/hold"
        # On a slow wire: else all of it is in before the cancel is.
        [[ $phase == writing ]] && simctl set 1-1 wire-packet-us 20000 >/dev/null
        at "$phase" flash --erase=full "$data/hello-2.hex"
        rm -f "$session/hold"
        is "cancelled at $phase: exit status" "$status" 11
        backup_is_safe "cancelled at $phase"
done

# The service killed right after the backup: what a power cut leaves.
ready "service killed"
act='disown "$fwd_pid"; kill -KILL "$fwd_pid"'
at "erasing" flash --erase=full "$data/hello-2.hex"
is "service killed: exit status" "$status" 75
fwd_pid=''
fwd_start
is "service killed: the backup is listed after the restart" "$(n_backups)" 1
is "service killed: and is the configuration" "$(grep -v '^#' "$session"/state/backups/*/"$(newest).txt" |
        grep -vE '^(board_name|manufacturer_id|mcu_id|signature)')" "$(<"$session/before.txt")"

# --- authorisation
slow 0
check "a fresh board" fresh
polkit_answer org.fwctl1.backup deny
check_exit "who may not read does not" 4 fwctl backup
polkit_answer org.fwctl1.backup allow
polkit_answer org.fwctl1.restore deny
check_exit "who may not write does not" 4 fwctl restore "$session/a.txt"
polkit_answer org.fwctl1.restore allow
is "nothing was changed" "$(config)" "$(<"$session/before.txt")"

done_testing
