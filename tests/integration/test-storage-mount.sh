#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A disk under the state directory that is full, and one that is read-only: what is said, that nothing is lost, and that all is
# well again without anybody's doing when the cause goes. It has mounts of its own, and so has the service, as systemd gives it.
[ -n "${FWD_TEST_MOUNTS:-}" ] || {
        export FWD_TEST_MOUNTS=1
        unshare -rm true 2>/dev/null && exec unshare -rm "$0" "$@"
        unshare -m true 2>/dev/null && exec unshare -m "$0" "$@"
        echo "1..0 # SKIP no mount namespaces here"
        exit 0
}
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
data=$tests_dir/data
SIM_TIME_SCALE=1 # for the one board whose job has a middle
session_start bus sim
state=$session/state
mkdir "$state"
mount -t tmpfs -o size=160k tmpfs "$state"
# untouched NAME: the board is what it was before
before() { simctl dump 1-1 "$session/before"; }
untouched() {
        simctl dump 1-1 "$session/after"
        same_bytes "$1" "$session/after" "$session/before"
}
# ended NAME: the service leaves by itself, and wants to be started again
ended() {
        timeout "$WAIT_S" tail --pid="$fwd_pid" -s 0.1 -f /dev/null && wait "$fwd_pid"
        is "$1" $? 75
        [ "$(jobs -rp | grep -cx "$fwd_pid")" = 1 ] || fwd_pid=''
        fwd_stop
}

# --- full
fwd_start
simctl plug betaflight-f405 1-1 time-scale=0
check "a board is known" wait_for 1-1 Variant BTFL
dd if=/dev/zero of="$state/full" bs=1k 2>/dev/null
before
check_exit "the disk is full: a flash that keeps the configuration is refused" 1 fwctl -j flash --keep-config "$data/hello-1.hex"
like "by name, with the state of the board" "$output" '"name":"StorageFailed".*No space left.*untouched'
untouched "which is true"
check_exit "a backup too" 1 fwctl backup 1-1 "$session/config.txt"
check_exit "a flash that needs no backup goes through" 0 fwctl flash --no-keep-config "$data/hello-1.hex"
like "the journal says once that jobs are not written down" "$(grep -c 'history of jobs .* cannot be written' "$session/fwd.log")" '^1$'
is "nothing is left lying half written" "$(find "$state" -name '*.new' -o -name '*-journal')" ''
rm "$state/full"
output=$(fwctl history --no-legend)
is "with room, all jobs of that time are in the history" "$(wc -l <<<"$output")" 3
like "as they ended" "$output" 'success.*failed.*failed'
check_exit "and the configuration is kept" 0 fwctl -j flash --keep-config "$data/hello-2.hex"
like "which is said" "$output" '"Config":"kept"'
fwd_stop

# --- read-only when the service starts, which has a copy of the mount for itself
exec {systemd}< <(exec /usr/bin/python3 "$tests_dir/lib/mock-systemd.py")
systemd_pid=$!
session_pids+=("$systemd_pid")
heard() { read -r -t "$WAIT_S" -u "$systemd" line && [ "$line" = "$1" ]; }
heard ready
FWD_COMMAND=(unshare -m --propagation slave)
mount -o remount,ro "$state"
fwd_start
check "the disk is read-only: the service wants to hear of mounts" heard subscribed
check "a board is known" wait_for 1-1 Variant BTFL
before
check_exit "a flash that keeps the configuration is refused" 1 fwctl -j flash --keep-config "$data/hello-1.hex"
like "by name" "$output" '"name":"StorageFailed".*Read-only file system.*untouched'
untouched "the board is what it was"
check_exit "what was kept can be read" 0 fwctl backups
kill -USR1 "$systemd_pid"
check_exit "another mount changed: that is nothing to it" 0 fwctl list
mount -o remount,rw "$state"
kill -USR1 "$systemd_pid"
ended "it can be written: without a call the service asks to be started again"
like "and says why" "$(fwd_log)" "$state is not read-only any more"
fwd_start
check "then it is there" wait_for 1-1 Variant BTFL
check_exit "and keeps the configuration" 0 fwctl -j flash --keep-config "$data/hello-1.hex"
like "which is said" "$output" '"Config":"kept"'
fwd_stop

# --- a job runs when it becomes writable, and systemd says nothing
simctl remove 1-1
kill "$systemd_pid"
wait "$systemd_pid"
mount -o remount,ro "$state"
fwd_start
simctl plug stm32-f405 1-2 time-scale=10
simctl wait 1-2 bootloader
exec {progress}< <(exec fwctl flash --no-leave 1-2 "$data/hello-2.hex" 2>&1)
flash=$!
# shellcheck disable=SC2053 # it is a glob
while read -r -u "$progress" -t "$WAIT_S" line && [[ $line != *erasing* ]]; do :; done
mount -o remount,rw "$state"
check_exit "a job runs: the service stays" 0 fwctl list
like "for it" "$(fwctl jobs --no-legend)" '1-2 +flash +erasing'
simctl set 1-2 time-scale 0
wait "$flash"
is "the job comes to its end" $? 0
exec {progress}<&-
ended "then the service asks to be started again"
simctl remove 1-2

# --- a mount that is meant to be read-only: its file system is not
mkdir "$session/look"
mount --bind "$state" "$session/look"
mount -o remount,bind,ro "$session/look"
FWD_ENV=(FWD_STATE_DIR="$session/look")
fwd_start
check_exit "a mount that is meant to be read-only stays" 0 fwctl list
check_exit "and so does the service" 0 fwctl list
fwd_stop
umount "$session/look"
umount "$state"
done_testing
