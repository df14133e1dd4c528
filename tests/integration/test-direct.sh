#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl --direct: everything without a bus and without a service, on a machine whose udev knows nothing of boards; and how
# it and the service keep out of each other's way.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
data=$tests_dir/data
no_bus=unix:path=/nonexistent
export DBUS_SYSTEM_BUS_ADDRESS=$no_bus
export FWD_SERVICE=$fwd_program FWD_WORKER=$worker_program FWD_HWDB=$build_dir/udev/hwdb.bin \
        FWD_PROFILE_PATH=$source_dir/daemon/board/profiles
SIM_HWDB=$tests_dir/integration/no-boards.hwdb
SIM_TIME_SCALE=0.2 # so slow that there is a middle
session_start sim
export FWD_STATE_DIR=$session/deep/state
preload=$(preload_for "$build_dir/client/fwctl")
direct() { LD_PRELOAD=$preload command fwctl --direct "$@"; }
# until nobody has the state directory
free() { flock --timeout "$WAIT_S" "$FWD_STATE_DIR/lock" true; }

# --- every verb
simctl plug betaflight-f405 1-1
simctl wait 1-1 firmware
check_exit "list" 0 direct list --no-legend
like "has the board, which was asked what it is" "$output" '^1-1 +firmware +SPEEDYBEEF405V4 +BTFL'
check_exit "show" 0 direct -j show 1-1
like "as JSON too" "$output" '"Board":"betaflight"'
check_exit "inspect" 0 direct inspect "$data/hello-1.hex"
check_exit "version" 0 direct version
like "tells the service's" "$output" 'fwd [0-9]'
check_exit "a dry run" 0 direct flash --dry-run "$data/hello-1.hex"
check_exit "flash" 0 direct -j flash "$data/hello-1.hex"
like "is verified, and keeps the configuration" "$output" '"state":"verified".*"Config":"kept"'
simctl dump 1-1 "$session/flash" 0x08000000 "$(stat -c %s "$data/hello-1.bin")"
same_bytes "the board has the firmware" "$session/flash" "$data/hello-1.bin"
check_exit "backup" 0 direct backup "$session/config.txt"
check_exit "backups" 0 direct backups --no-legend
is "has both" "$(wc -l <<<"$output")" 2
check_exit "restore" 0 direct restore 1-1 "$session/config.txt"
check_exit "identify" 0 direct identify
check_exit "reboot" 0 direct reboot
check_exit "read" 0 direct read --range=0x08000000+1K "$session/read.bin"
check_exit "erase" 0 direct erase --yes --range=0x08080000+128K
check_exit "leave" 0 direct leave
check_exit "history" 0 direct history --no-legend
like "has the jobs of the commands before" "$output" 'erase.*flash'
check_exit "who is not there" 3 direct show 9-9
check_exit "jobs" 0 direct jobs --no-legend
is "are those of this command alone: none" "$output" ''
check_exit "so there is none to wait for" 3 direct wait 1
check_exit "or to cancel" 3 direct cancel 1

# --- every guard, as by the service
dump() { simctl dump "$1" "$session/$2" >/dev/null; }
dump 1-1 before
check_exit "a file for elsewhere is refused" 6 direct flash "$build_dir/tests/data/bad/over-the-end.hex"
like "and why is said" "$output" 'nothing was changed|untouched'
dump 1-1 after
same_bytes "the board is as it was" "$session/before" "$session/after"
simctl remove 1-1
simctl plug crazyflie 1-1
simctl wait 1-1 firmware
dump 1-1 before
check_exit "a file for another board, too" 6 direct flash 1-1 "$build_dir/tests/data/crazyflie/cf21bl.bin"
like "and why is said" "$output" 'C21B'
check_exit "the loader that a board has of its own is not written by a flash" 9 direct flash 1-1 "$data/hello-1.hex"
dump 1-1 after
same_bytes "it is as it was" "$session/before" "$session/after"
check_exit "but it is by recover-bootloader" 0 direct recover-bootloader 1-1 "$build_dir/tests/data/crazyflie/loader.bin"
simctl remove 1-1
simctl plug stm32-f405 1-1 rdp=1
simctl wait 1-1 bootloader
check_exit "a chip that is read protected" 9 direct flash --no-leave 1-1 "$data/hello-1.hex"
check_exit "unprotect" 0 direct unprotect --yes 1-1
check_exit "after which it is not any more" 0 direct flash --no-leave 1-1 "$data/hello-1.hex"
simctl remove 1-1

# --- monitor. That it is up is told by a board that is there already: to try the lock is to hold it, in the monitor's way.
simctl plug stm32-f411 1-3
simctl wait 1-3 bootloader
exec {events}< <(exec env LD_PRELOAD="$preload" fwctl --direct --json=short monitor 2>&1)
monitor=$!
seen_event() { while read -r -u "$events" -t "$WAIT_S" line; do [[ $line != *"$1"* ]] || return 0; done; return 1; }
check "monitor tells of a board that is there" seen_event '"event":"device-added"'
simctl plug stm32-f405 1-2
check "and of one that comes" seen_event '"event":"device-added"'
check_exit "a second one at the same time" 5 direct list
like "is refused" "$output" 'Another fwctl --direct'
fwd_state=$FWD_STATE_DIR
kill "$monitor"
exec {events}<&-
check "it ends with its client" free
simctl remove 1-3

# --- the client is killed in mid-write
# killed_when GLOB SIGNAL: it is sent when the client says that
killed_when() {
        local progress pid line
        exec {progress}< <(exec env LD_PRELOAD="$preload" fwctl --direct flash 1-2 --no-leave --erase=full "$data/hello-2.hex" 2>&1 </dev/null)
        pid=$!
        # shellcheck disable=SC2053 # it is a glob
        while read -r -u "$progress" -t "$WAIT_S" line && [[ $line != $1 ]]; do :; done
        kill "-$2" "$pid"
        refused=$(direct list 2>&1)
        cat <&"$progress" >/dev/null
        exec {progress}<&-
}
for signal in KILL TERM; do
        simctl remove 1-2
        simctl plug stm32-f405 1-2
        killed_when "*erasing, *%" $signal
        like "SIG$signal in mid-write: until that has ended, another one is refused" "$refused" 'Another fwctl --direct.*brought to the end'
        check "it ends" free
        simctl dump 1-2 "$session/flash" 0x08000000 "$(stat -c %s "$data/hello-2.bin")"
        same_bytes "and the board has the firmware" "$session/flash" "$data/hello-2.bin"
done
check_exit "the next one is not refused" 0 direct list

# --- beside the service
check_exit "--no-block" 2 direct flash --no-block "$data/hello-1.hex"
check_exit "doctor" 2 direct doctor
bus_start
FWD_ENV=(FWD_STATE_DIR="$fwd_state" FWD_IDLE_EXIT_MS=0)
fwd_start
check_exit "while the service runs" 5 direct list
like "it is refused, with advice" "$output" 'The service fwd runs on this machine.*systemctl stop'
check_exit "and where its bus cannot be seen, too" 5 env DBUS_SYSTEM_BUS_ADDRESS=$no_bus LD_PRELOAD="$preload" fwctl --direct list
fwd_stop
exec {events}< <(exec env LD_PRELOAD="$preload" DBUS_SYSTEM_BUS_ADDRESS=$no_bus fwctl --direct --json=short monitor 2>&1)
monitor=$!
seen_event device-added
fwd_launch
tail=$(timeout "$WAIT_S" grep -m1 'waiting for its end' < <(exec tail --pid=$$ -n +1 -f "$session/fwd.log"))
like "a service that is started meanwhile waits" "$tail" 'is in use by another process: waiting'
kill "$monitor"
check "and is there then" wait_for_name org.fwctl1 "$fwd_pid"
exec {events}<&-
fwd_stop

# --- what is not there
export DBUS_SYSTEM_BUS_ADDRESS=$no_bus
check_exit "no service to be started" 75 env FWD_SERVICE=/nonexistent/fwd LD_PRELOAD="$preload" fwctl --direct list
like "is told" "$output" '/nonexistent/fwd could not be started.*No such file'
: >"$session/file"
check_exit "a state directory that cannot be" 0 env FWD_STATE_DIR="$session/file/state" LD_PRELOAD="$preload" fwctl --direct list
like "is told, and no more" "$output" 'state cannot be used .Not a directory.*1-2'
check_exit "the service's option is not for people" 1 "$fwd_program" --direct=77
check_exit "nor without a number" 2 "$fwd_program" --direct=x
done_testing
