#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The service leaves when nobody needs it and is there when somebody does; and what it does when its bus is gone.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/lib/events.sh
. "$(dirname "$0")/../lib/events.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
data=$tests_dir/data
session_start bus sim

# Ten times the idle time that is set below, by the boards' own clock.
a_while() { simctl wait 1-9 firmware 1 >/dev/null 2>&1 || :; }
FWD_ENV=(FWD_IDLE_EXIT_MS=100)
# left NAME STATUS
left() {
        local status
        wait "$fwd_pid"
        status=$?
        fwd_pid=''
        is "$1" "$status" "$2"
}
runs() { kill -0 "$fwd_pid" 2>/dev/null; }
# logged REGEX: until the service has said so
logged() {
        local tail status
        exec {tail}< <(exec tail -n +1 -f "$session/fwd.log")
        local reader=$!
        timeout "$WAIT_S" grep -qE -m1 "$1" <&"$tail"
        status=$?
        kill "$reader"
        exec {tail}<&-
        return $status
}

# --- nobody needs it
fwd_launch
left "alone, it leaves by itself" 0
like "and says why" "$(fwd_log)" 'No board, no job and no client: leaving'

# --- a board, somebody who listens
simctl plug stm32-f405 1-1
simctl wait 1-1 bootloader
fwd_start
a_while
check "with a board it stays" runs
events_start
wait_event device-added 1-1
simctl unplug 1-1
wait_event device-removed
a_while
check "with a client on the bus it stays" runs
events_stop
left "when that has gone too, it leaves" 0

# --- a job that has ended can be read for ten minutes
simctl replug 1-1
simctl wait 1-1 bootloader
fwd_start
check "a job" fwctl flash 1-1 "$data/hello-1.hex" --no-leave
simctl unplug 1-1
a_while
check "with a job that can still be read it stays" runs
like "and tells it" "$(fwctl jobs --no-legend)" 'success'
fwd_stop
is "and can be stopped" $? 0

# --- the moment in which it has begun to leave: systemd is played by the test
export NOTIFY_SOCKET=$session/notify
notify_start() { # COMMAND
        rm -f "$NOTIFY_SOCKET"
        exec {notify}< <(exec /usr/bin/python3 "$tests_dir/integration/notify-listen.py" "$NOTIFY_SOCKET" "$1")
        notify_pid=$!
        session_pids+=("$notify_pid")
        read -r -t "$WAIT_S" -u "$notify"
}
notify_stop() {
        kill "$notify_pid"
        exec {notify}<&-
}
line=''
exec {monitored}< <(exec dbus-monitor --system --profile 2>/dev/null)
monitor=$!
until [[ $line == *NameLost ]]; do read -r -t "$WAIT_S" -u "$monitored" line || break; done
notify_start "bus-talk inspect 'read:$data/hello-1.hex' >'$session/inspected' & fwctl list --json=short >'$session/listed'
        gdbus call --system --dest org.fwctl1 --object-path /org/fwctl1 --method org.freedesktop.DBus.Peer.Ping >'$session/pinged'"
fwd_launch
left "a call that comes when it leaves does not hold it" 0
is "it is answered" "$(cat "$session/listed" "$session/pinged")" $'[]\n()'
notify_stop
# dbus-daemon throws away what it has not read of a connection that it cannot write to, so that the service asks it something last.
# A line is TYPE TIME SERIAL FROM TO PATH INTERFACE MEMBER, of an answer TYPE TIME SERIAL FROM TO CALL.
gdbus call --system --dest org.freedesktop.DBus --object-path /org/freedesktop/DBus --method org.freedesktop.DBus.ListActivatableNames >/dev/null
last_words=$(while read -r -t "$WAIT_S" -u "$monitored" line && [[ $line != *ListActivatableNames ]]; do echo "$line"; done |
        awk -F'\t' '$8 == "ReleaseName" { name = $4 }
                $4 == name && ($1 == "mr" || $1 == "err") { said = said "answers " }
                $4 == name && $8 == "GetId" { said = said "asks "; question = $3 }
                $5 == name && $6 == question { said = said "hears " }
                END { print said }')
like "and before it goes it knows that the bus has read that" "$last_words" '^(answers )*asks hears $'
kill "$monitor"
exec {monitored}<&-
notify_start "simctl replug 1-1 >&2; simctl wait 1-1 bootloader >&2"
fwd_launch
left "a board that comes when it leaves: it wants to be started again" 75
notify_stop
fwd_start
is "and then it is there" "$(get "$(device_path 1-1)" $device Mode)" bootloader
fwd_stop
unset NOTIFY_SOCKET
simctl remove 1-1

# --- started by the bus
fwd_activatable
like "a call starts it" "$(fwctl --version)" 'fwd +[0-9]'
fwd_run_ended
is "and it leaves again" "$fwd_status" 0
simctl plug betaflight-f405 1-1
simctl wait 1-1 firmware
events_start
wait_event '"Variant":"BTFL"'
simctl unplug 1-1
wait_event device-removed
events_stop
fwd_run_ended
is "it met a board, which has gone: it leaves" "$fwd_status" 0
simctl replug 1-1 boot-pin=1
simctl wait 1-1 bootloader
is "the next one knows it in its bootloader" "$(fwctl show 1-1 -p Remembered -p Variant --value | paste -sd' ')" 'yes BTFL'
simctl remove 1-1
fwd_run_ended

# --- callers without an end, each gone at once; it leaves whenever it can
FWD_ENV=(FWD_IDLE_EXIT_MS=1)
fwd_activatable
for round in 1 2 3; do
        callers=()
        for caller in 1 2 3; do
                bus-talk hammer 100 >"$session/hammer-$caller" 2>&1 &
                callers+=($!)
        done
        wait "${callers[@]}"
        like "round $round: every call has its answer" "$(cat "$session"/hammer-?)" \
                '^100 answers by [0-9]+ services.100 answers by [0-9]+ services.100 answers by [0-9]+ services$'
done
done_testing
