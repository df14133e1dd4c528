#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The bus goes in the middle of a job, with the real worker: a board that is being changed is brought to the end, the
# service goes by itself, and the next one, on the next bus, finds all of it.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
data=$tests_dir/data
# So slow that there is a middle.
SIM_TIME_SCALE=0.2
session_start bus sim fwd
simctl plug betaflight-f405 1-1
check "a board" wait_for 1-1 Variant BTFL

# lose_bus GLOB COMMAND…: the bus goes when the client speaks of that; its last words are in $rest, its status in $client
lose_bus() {
        local glob=$1 line pid progress
        shift
        exec {progress}< <(exec "$@" 2>&1 </dev/null)
        pid=$!
        # shellcheck disable=SC2053 # it is a glob
        while read -r -u "$progress" -t "$WAIT_S" line && [[ $line != $glob ]]; do :; done
        kill "$bus_pid"
        rest=$(cat <&"$progress")
        exec {progress}<&-
        wait "$pid"
        client=$?
        wait "$fwd_pid"
        fwd_status=$?
        fwd_pid=''
}
new_bus() {
        bus_start
        fwd_start
        wait_for 1-1 Variant BTFL
}

# --- in mid-write
lose_bus "*erasing, *%" fwctl flash --erase=full --keep-config "$data/hello-1.hex"
is "the client ends with 75" "$client" 75
like "and says what happens to the board" "$rest" 'The bus went away during job 1 on 1-1.* goes on alone if it has begun to change the board'
is "the service ends by itself, to be started again" "$fwd_status" 75
like "it says why" "$(fwd_log)" 'The connection to the bus was lost\. Boards that are being changed are brought to the end first'
like "after the job, whose end is in the journal" "$(fwd_log)" 'connection to the bus was lost.*Job 1 \(flash\) done'
simctl dump 1-1 "$session/flash" 0x08000000 "$(stat -c %s "$data/hello-1.bin")"
same_bytes "the board has the firmware" "$session/flash" "$data/hello-1.bin"
new_bus
is "on another bus, another service knows the board" $? 0
is "and its backup" "$(fwctl backups --no-legend | wc -l)" 1

# --- before anything was changed
simctl dump 1-1 "$session/before"
fwd_stop
stub_start # which holds the job where nothing has begun
stub inspect 'say X.Format=ihex; hold held'
fwd_start
lose_bus "*checking the file*" fwctl flash "$data/hello-2.hex"
unset FWD_WORKER
is "not begun yet: the client ends with 75" "$client" 75
is "the service too" "$fwd_status" 75
like "the job was cancelled" "$(fwd_log)" 'Job 1 \(flash\) cancelled: .*untouched'
simctl dump 1-1 "$session/after"
same_bytes "and the board is what it was" "$session/after" "$session/before"
new_bus
is "it is there for the next service" $? 0

# --- without a job
kill "$bus_pid"
wait "$fwd_pid"
is "without a job it ends at once" $? 75
fwd_pid=''
check_exit "without a bus" 75 fwctl list
like "the client says so" "$output" 'system bus cannot be reached'
new_bus
is "and then all is well" $? 0
check "a flash" fwctl flash --no-keep-config "$data/hello-2.hex"
done_testing
