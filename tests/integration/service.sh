# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # it uses session.sh's variables, and its own are for the tests
# What the tests of the service's bus share. Source it after tap.sh and session.sh.
#
#   stub_start             the worker is tests/integration/stub-worker from here on (before fwd_start)
#   stub OPERATION SHELL   what it does; OPERATION@PORT for one board alone
#   release                lets one stub go on that waits in `hold held`
#   watch_start            collects signals; seen REGEX waits for one that was not seen yet, in order; seen_both for
#                          two in any order; saw NAME REGEX is a check of it
#   call PATH INTERFACE METHOD ARGS…, get PATH INTERFACE PROPERTY, wait_job JOB
#   device_path PORT

PATH=$build_dir/tests/integration:$PATH
manager=org.fwctl1.Manager device=org.fwctl1.Device job=org.fwctl1.Job root=/org/fwctl1

call() { busctl --system --timeout=60 -- call org.fwctl1 "$1" "$2" "$3" "${@:4}" 2>&1; }
get() {
        busctl --system --json=short get-property org.fwctl1 "$1" "$2" "$3" |
                /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin)["data"]
print(" ".join("%s=%s" % (k, v["data"]) for k, v in d.items()) if isinstance(d, dict) else d)'
}
device_path() { call $root $manager GetDevice s "$1" | sed -n 's/^o "\(.*\)"$/\1/p'; }
# The result and the details, as key=value.
wait_job() {
        busctl --system --json=short --timeout=60 call org.fwctl1 "$1" $job Wait |
                /usr/bin/python3 -c 'import json, sys; r, d = json.load(sys.stdin)["data"]
print(r, *("%s=%s" % (k, v["data"]) for k, v in d.items()))'
}

stub_start() {
        export FWD_STUB_DIR=$session/stub FWD_WORKER=$tests_dir/integration/stub-worker
        mkdir "$FWD_STUB_DIR"
        : >"$FWD_STUB_DIR/calls"
        mkfifo "$FWD_STUB_DIR/held"
        # Open at both ends for good: no writer is kept waiting, and no reader is let go by another's writer.
        exec {held_fd}<>"$FWD_STUB_DIR/held"
}
stub() { echo "$2" >"$FWD_STUB_DIR/$1"; }
unstub() { rm -f "$FWD_STUB_DIR/$1"; }
calls() { cut -d' ' -f1,2 "$FWD_STUB_DIR/calls" | paste -sd' '; }
release() { echo >&"$held_fd"; }

watch_start() {
        coproc watch { exec bus-talk watch; }
        session_pids+=("$watch_PID")
        exec {watch_fd}<&"${watch[0]}"
        local line
        read -r -t "$WAIT_S" -u "$watch_fd" line && [ "$line" = ready ] || session_die "bus-talk watch did not come up"
}
# seen REGEX: reads signals up to the first that fits; the ones before it go to $skipped, it itself to $signal.
seen() {
        local line
        skipped='' signal=''
        while read -r -t "$WAIT_S" -u "$watch_fd" line; do
                signal=${line#* }
                [[ $signal =~ $1 ]] && return 0
                skipped+=$signal$'\n'
        done
        signal=''
        return 1
}
# seen_both REGEX REGEX: in whichever order
seen_both() {
        seen "$1|$2" || return
        if [[ $signal =~ $1 ]]; then seen "$2"; else seen "$1"; fi
}
saw() {
        if seen "$2"; then ok "$1"; else not_ok "$1" "no signal like $2, only:"$'\n'"$skipped"; fi
}
