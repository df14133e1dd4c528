# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the service tells, in its order, for tests that wait: one `fwctl monitor` for the whole test, read forward.
# Source it after session.sh; call events_start when the service is up, events_stop before the test ends.

events_start() {
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        events_pid=$!
}

events_stop() {
        kill "$events_pid" 2>/dev/null
        exec {events}<&-
}

# wait_event PART…: until a line has all the parts; it is in $event then, and what came before it is behind us
event=''
wait_event() {
        local line part
        while read -r -u "$events" -t "$WAIT_S" line; do
                for part; do [[ $line == *"$part"* ]] || continue 2; done
                # shellcheck disable=SC2034 # for who asked
                event=$line
                return 0
        done
        echo "no event with: $*"
        return 1
}

# wait_board PORT KEY VALUE
wait_board() { wait_event "\"Port\":\"$1\"" "\"$2\":\"$3\""; }
