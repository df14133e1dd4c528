#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may: polkit is asked before anything changes, never waited for, and obeyed.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
session_start bus polkit sim
stub_start
simctl plug betaflight-f405 1-1
simctl wait 1-1 firmware
simctl plug stm32-f405 1-2
simctl wait 1-2 bootloader
fwd_start
watch_start
one=$(device_path 1-1) two=$(device_path 1-2)
echo firmware >"$session/firmware-7.bin"
flash() { bus-talk flash "$two" "read:$session/firmware-7.bin" leave b false "$@"; }
refused='^org.fwctl1.Error.NotAuthorized You are not allowed'
until [ "$(get "$one" $device Variant)" = BTFL ]; do seen 'Variant=BTFL' || break; done
: >"$FWD_STUB_DIR/calls"

# --- what is asked
check "an allowed flash" flash
like "polkit was asked for the right action, with the board and the image" "$(polkit_asked)" \
        '"action": "org.fwctl1.flash", "details": \{"board": "1-2 \(.*\)", "image": "firmware-7.bin"\}, "flags": 0, "subject": "system-bus-name"'
wait_job $root/job/1 >/dev/null
polkit_forget
check "by force" flash force b true
like "is another action" "$(polkit_asked)" '"action": "org.fwctl1.flash-force"'
wait_job $root/job/2 >/dev/null
polkit_forget
FWD_TEST_INTERACTIVE=1 flash >/dev/null
like "a caller that may be asked for a password" "$(polkit_asked)" '"flags": 1'
wait_job $root/job/3 >/dev/null

# Whatever is asked names the board, and the file if there is one: the question is made of them.
asked_for() { # NAME ACTION DETAILS COMMAND…
        local name=$1 want="\"action\": \"$2\", \"details\": \\{$3\\}"
        polkit_forget
        job_path=$("${@:4}" 2>&1 | sed -n 's/^o "\(.*\)"$/\1/p')
        like "$name" "$(polkit_asked)" "$want"
        [ -z "$job_path" ] || wait_job "$job_path" >/dev/null
}
printf '# stub\n# Board: STUB405\nset stub = 1\nsave\n' >"$session/config-7.txt"
board_one='"board": "1-1 \(STUB405\)"' board_two='"board": "1-2 \(STM32 [^"]*\)"'
for method in Identify Leave; do
        asked_for "$method: which board" org.fwctl1.${method,,} "$board_one" call "$one" $device $method 'a{sv}' 0
done
asked_for "RebootToBootloader: which board" org.fwctl1.reboot "$board_two" call "$two" $device RebootToBootloader 'a{sv}' 0
asked_for "BackupConfig: which board" org.fwctl1.backup "$board_one" call "$one" $device BackupConfig 'a{sv}' 0
backup=$(fwctl backups --json=short | sed -n 's/.*"Id":"\([^"]*\)".*/\1/p' | head -n 1)
asked_for "GetBackup: whose" org.fwctl1.backup '"board": "STUB405 \([^"]*\)"' call $root $manager GetBackup 'sa{sv}' "$backup" 0
asked_for "RestoreConfig: which board, which file" org.fwctl1.restore "$board_one, \"image\": \"config-7.txt\"" \
        fwctl restore 1-1 "$session/config-7.txt"
asked_for "RestoreConfig by force is another action" org.fwctl1.restore-force "$board_one, \"image\": \"config-7.txt\"" \
        fwctl restore 1-1 --force "$session/config-7.txt"
asked_for "ReadFlash: which board, which file" org.fwctl1.read "$board_two, \"image\": \"read-7.bin\"" \
        fwctl read 1-2 "$session/read-7.bin"
asked_for "Erase: which board" org.fwctl1.erase "$board_two" call "$two" $device Erase 'a{sv}' 0
asked_for "Unprotect: which board" org.fwctl1.unprotect "$board_two" call "$two" $device Unprotect 'a{sv}' 0
asked_for "a plan only asks the board" org.fwctl1.identify "$board_two" call "$two" $device Erase 'a{sv}' 1 dry-run b true
asked_for "that of a restore, too" org.fwctl1.identify "$board_one, \"image\": \"config-7.txt\"" \
        fwctl restore --dry-run 1-1 "$session/config-7.txt"
asked_for "with force, too" org.fwctl1.identify "$board_one, \"image\": \"config-7.txt\"" \
        fwctl restore --dry-run --force 1-1 "$session/config-7.txt"
asked_for "ApplyCustomDefaults: which board, and what" org.fwctl1.restore "$board_one, \"image\": \"custom defaults\"" \
        call "$one" $device ApplyCustomDefaults 'a{sv}' 0
asked_for "that of custom defaults, too" org.fwctl1.identify "$board_one, \"image\": \"custom defaults\"" \
        call "$one" $device ApplyCustomDefaults 'a{sv}' 1 dry-run b true

# --- what is refused leaves everything as it was
polkit_answer '*' deny
: >"$FWD_STUB_DIR/calls"
jobs_before=$(call $root $manager ListJobs)
like "a flash" "$(flash)" "$refused .*org.fwctl1.flash"
like "and whoever asks learns what to ask for" "$(flash)" 'Nothing was changed\. .*administrator.* polkit rule'
like "Device.Flash" "$(bus-talk device-flash "$two" "read:$session/firmware-7.bin")" "$refused"
for method in RebootToBootloader Identify Leave; do
        like "$method" "$(call "$one" $device $method 'a{sv}' 0)" 'You are not allowed'
done
like "Manager.RebootToBootloader" "$(call $root $manager RebootToBootloader 'oa{sv}' "$one" 0)" 'You are not allowed'
is "no worker was started" "$(cat "$FWD_STUB_DIR/calls")" ''
is "no job was made" "$(call $root $manager ListJobs)" "$jobs_before"
is "the board has none" "$(get "$two" $device Job)" /
polkit_answer '*' challenge
like "a password would be needed" "$(flash)" '^org.fwctl1.Error.NotAuthorized You must authenticate'
polkit_forget
like "bad arguments" "$(flash color s red)" '^org.fwctl1.Error.InvalidArgument'
is "are refused without asking anybody" "$(polkit_asked)" ''
check "reading is free" call $root $manager ListDevices
check "so is inspecting" bus-talk inspect "read:$session/firmware-7.bin"
is "polkit was not asked" "$(polkit_asked)" ''

# --- while somebody types a password, everything goes on
polkit_answer '*' hang
FWD_TEST_INTERACTIVE=1 flash >"$session/flash" &
asking=$!
until [ -n "$(polkit_asked)" ]; do :; done
check "the service answers others meanwhile" call $root $manager ListDevices
is "nothing has begun" "$(get "$two" $device Job)" /
# The board goes: the answer comes too late for it.
simctl unplug 1-2
seen "^DeviceRemoved $two"
polkit_answer '*' allow
wait $asking
like "the board went while one was asked" "$(cat "$session/flash")" '^org.fwctl1.Error.NotFound'
simctl replug 1-2
seen "^DeviceAdded $two"

# --- two at once are asked for, one gets the board
polkit_answer '*' hang
polkit_forget
bus-talk many 2 "$two" "read:$session/firmware-7.bin" >"$session/two" &
asking=$!
until [ "$(polkit_asked | wc -l)" -eq 2 ]; do :; done
stub inspect 'hold held'
polkit_answer '*' allow
wait $asking
is "one gets the board" "$(grep -c '^/org/fwctl1/job/' "$session/two")" 1
is "the other is told that it is busy" "$(grep -c '^org.fwctl1.Error.Busy' "$session/two")" 1

# --- cancel: one's own is free
polkit_answer '*' deny
polkit_forget
job_path=$(get "$two" $device Job)
is "one's own job can be cancelled" "$(call "$job_path" $job Cancel)" ''
is "nobody is asked" "$(polkit_asked)" ''
like "and it is" "$(wait_job "$job_path")" '^cancelled'

# --- another's is not
if [ "$(id -u)" -eq 0 ]; then
        as_other() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@" 2>&1; }
        chmod 711 "$session"
        polkit_answer '*' allow
        job_path=$(flash)
        seen "^JobAdded $job_path"
        polkit_answer '*' deny
        polkit_forget
        like "another's job" "$(as_other busctl --system call org.fwctl1 "$job_path" $job Cancel)" 'You are not allowed'
        like "polkit was asked, and told whose board" "$(polkit_asked)" "\"action\": \"org.fwctl1.cancel-others\", \"details\": \\{$board_two\\}"
        is "it still runs" "$(get "$job_path" $job Result)" ''
        polkit_answer '*' allow
        is "with permission it can be cancelled" "$(as_other busctl --system call org.fwctl1 "$job_path" $job Cancel)" ''
        like "and it is" "$(wait_job "$job_path")" '^cancelled'
        like "another's job can be watched" "$(as_other busctl --system call org.fwctl1 "$job_path" $job Wait)" '^s'
else
        skip "another's job" "only root can be two users"
fi

# --- one user's open questions do not keep others out, and are bounded
polkit_answer '*' hang
polkit_forget
: >"$session/many"
bus-talk many 20 "$two" "read:$session/firmware-7.bin" >>"$session/many" &
asking=$!
until [ "$(grep -c LimitExceeded "$session/many")" -eq 4 ]; do :; done
is "sixteen are asked for" "$(polkit_asked | wc -l)" 16
polkit_answer '*' deny
wait $asking
is "all are answered" "$(wc -l <"$session/many")" 20

# --- no polkit: root and the service's own user, nobody else
for pid in "${session_pids[@]}"; do
        if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q mock-polkit; then
                kill "$pid"
                wait "$pid" 2>/dev/null
        fi
done
job_path=$(flash)
like "without polkit root and the service's user may" "$job_path" '^/org/fwctl1/job/'
if [ "$(id -u)" -eq 0 ]; then
        like "nobody may not" "$(as_other busctl --system call org.fwctl1 "$one" $device Identify 'a{sv}' 0)" 'You are not allowed'
        like "nor cancel" "$(as_other busctl --system call org.fwctl1 "$job_path" $job Cancel)" 'You are not allowed'
fi
call "$job_path" $job Cancel
wait_job "$job_path" >/dev/null
done_testing
