# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A private machine for a test: a bus, polkit, simulated boards, fwd. Source it, then
#
#   session_start [bus] [polkit] [sim] [fwd]     what is named, in that order; all if nothing is
#
# and everything is up, waited for by events, and taken down again when the shell ends. The logs are printed if
# the test failed or a sanitizer said something; then the test fails, whatever it thinks itself.
#
#   $session                 a directory of the test's own
#   simctl …                 see simctl --help; boards appear when `simctl wait PORT MODE` returns
#   fwctl …                  the client, against the private bus
#   with_boards COMMAND…     a program that sees the simulated boards (dfu-util, fwd-worker)
#   wait_for PORT PROPERTY VALUE   until fwd knows it of the board there; wait_gone PORT: of none
#   polkit_answer ACTION ANSWER, polkit_asked, polkit_forget
#   fwd_start, fwd_stop, fwd_log; sim_start, sim_stop
#   fwd_launch               as fwd_start, but does not wait for its name
#   fwd_activatable          the bus starts it, whenever it is called; fwd_run_ended waits for the end of such a run,
#                            and has its exit status in $fwd_status then
#   SIM_HWDB=FILE            what udev knows instead of the shipped hwdb
#   SIM_TIME_SCALE=X         chip times: 1 as on hardware, 0 (the default) none
#   FWD_COMMAND, FWD_ENV     arrays: what is put before fwd, what is put into its environment

tests_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_dir=$(dirname "$tests_dir")
build_dir=${FWD_BUILD_DIR:-$source_dir/build-tests}
export PATH="$build_dir/tests/sim:$build_dir/client:$PATH"

fwd_program=$build_dir/daemon/service/fwd
worker_program=$build_dir/daemon/worker/fwd-worker
session='' session_pids=() sim_pid='' fwd_pid='' bus_pid='' n_buses=0
session_logs=yes
FWD_COMMAND=() FWD_ENV=()

# A test that hangs shall end by itself and say where.
WAIT_S=${WAIT_S:-30}

export ASAN_OPTIONS="detect_leaks=1:exitcode=99:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS:-}"

session_die() {
        echo "Bail out! $*"
        exit 1
}

# The value of LD_PRELOAD for a program: libasan must come first where the program was built with it.
preload_for() {
        local asan
        asan=$(ldd "$1" 2>/dev/null | sed -n 's/.*libasan[^ ]* => \([^ ]*\) .*/\1/p')
        echo "${asan:+$asan:}libumockdev-preload.so.0"
}

with_boards() {
        local program
        program=$(command -v "$1") || session_die "no such program: $1"
        # The mock names the socket of a udev monitor by its fd, so that a second listener with the same fd takes
        # the events of the first (fwd's). One that begins at fd 100 does not.
        (
                ulimit -n 1024
                for ((fd = 10; fd < 100; fd++)); do eval "exec $fd</dev/null"; done
                exec env LD_PRELOAD="$(preload_for "$program")" "$program" "${@:2}"
        )
}

session_start() {
        local part
        session=$(mktemp -d "${TMPDIR:-/tmp}/fwd-test.XXXXXX")
        trap session_end EXIT
        trap 'exit 1' INT TERM HUP
        [ $# -gt 0 ] || set -- bus polkit sim fwd
        for part; do "${part}_start"; done
}

# A second call makes a second bus, which DBUS_SYSTEM_BUS_ADDRESS then names.
bus_start() {
        local bus=$session/bus$((++n_buses))
        # The shipped policy, with the user of the test in the place of fwd's; beyond it, what mocks need.
        sed "s/user=\"fwd\"/user=\"$(id -un)\"/" "$source_dir/dbus/org.fwctl1.conf" >"$bus.policy"
        cat >"$bus.conf" <<-END
	<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
	 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
	<busconfig>
	  <type>system</type>
	  <listen>unix:path=$bus</listen>
	  <auth>EXTERNAL</auth>
	  <servicedir>$session/services</servicedir>
	  <policy context="default">
	    <allow user="*"/>
	    <deny own="*"/>
	    <deny send_type="method_call"/>
	    <allow send_type="signal"/>
	    <allow send_requested_reply="true" send_type="method_return"/>
	    <allow send_requested_reply="true" send_type="error"/>
	    <allow receive_type="method_call"/>
	    <allow receive_type="method_return"/>
	    <allow receive_type="error"/>
	    <allow receive_type="signal"/>
	    <allow send_destination="org.freedesktop.DBus"/>
	    <allow own="org.freedesktop.PolicyKit1"/>
	    <allow send_destination="org.freedesktop.PolicyKit1"/>
    <allow own="org.freedesktop.ModemManager1"/>
    <allow send_destination="org.freedesktop.ModemManager1" send_interface="org.freedesktop.DBus.ObjectManager"/>
    <allow own="org.freedesktop.login1"/>
    <allow own="org.freedesktop.fwupd"/>
    <allow send_destination="org.freedesktop.fwupd" send_interface="org.freedesktop.DBus.Properties" send_member="Get"/>
    <allow own="org.freedesktop.systemd1"/>
    <allow send_destination="org.freedesktop.systemd1" send_interface="org.freedesktop.systemd1.Manager"
           send_member="ListUnitsByPatterns"/>
    <allow send_destination="org.freedesktop.systemd1" send_interface="org.freedesktop.systemd1.Manager" send_member="Subscribe"/>
    <allow send_destination="org.freedesktop.login1" send_interface="org.freedesktop.login1.Manager" send_member="Inhibit"/>
	  </policy>
	  <include>$bus.policy</include>
	</busconfig>
	END
        mkdir -p "$session/services"
        mkfifo "$bus.up"
        dbus-daemon --config-file="$bus.conf" --nofork --print-address=1 \
                >"$bus.up" 2>"$bus.log" &
        bus_pid=$!
        session_pids+=("$bus_pid")
        read -r -t "$WAIT_S" DBUS_SYSTEM_BUS_ADDRESS <"$bus.up" || session_die "the bus did not come up"
        export DBUS_SYSTEM_BUS_ADDRESS
}

# wait_for_name NAME PID: until the process has the bus name
wait_for_name() {
        local waiter
        gdbus wait --system --timeout "$WAIT_S" "$1" >/dev/null 2>&1 &
        waiter=$!
        if ! wait -n "$waiter" "$2" || ! kill -0 "$2" 2>/dev/null; then
                kill "$waiter" 2>/dev/null
                return 1
        fi
}

polkit_start() {
        /usr/bin/python3 "$tests_dir/lib/mock-polkit.py" >"$session/polkit.log" 2>&1 &
        session_pids+=($!)
        wait_for_name org.freedesktop.PolicyKit1 $! || session_die "the mock polkit did not come up"
}

polkit_call() {
        gdbus call --system --dest org.freedesktop.PolicyKit1 --object-path /org/freedesktop/PolicyKit1/Authority \
                --method "org.fwctl1.test.Polkit.$1" "${@:2}" >/dev/null
}
polkit_answer() { polkit_call Answer "$1" "$2"; }
polkit_forget() { polkit_call Forget; }
polkit_asked() {
        busctl --system --json=short call org.freedesktop.PolicyKit1 /org/freedesktop/PolicyKit1/Authority \
                org.fwctl1.test.Polkit Asked |
                /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][0])'
}

# The shipped hwdb, compiled for this session.
hwdb_compile() {
        mkdir -p "$session/hwdb/etc/udev/hwdb.d"
        cp "${SIM_HWDB:-$source_dir/udev/70-fwd.hwdb}" "$session/hwdb/etc/udev/hwdb.d/"
        systemd-hwdb --root="$session/hwdb" update
}

sim_start() {
        local line=''
        [ -f "$session/hwdb/etc/udev/hwdb.bin" ] || hwdb_compile
        export FWD_SIM_CONTROL=$session/sim
        [ -p "$session/sim.up" ] || mkfifo "$session/sim.up"
        TMPDIR=$session fwd-sim --control="$FWD_SIM_CONTROL" --time-scale="${SIM_TIME_SCALE:-0}" \
                --hwdb="$session/hwdb/etc/udev/hwdb.bin" >"$session/sim.up" 2>>"$session/sim.log" &
        sim_pid=$!
        read -r -t "$WAIT_S" line <"$session/sim.up" || session_die "fwd-sim did not come up"
        export "${line?}" # UMOCKDEV_DIR=…
}

sim_stop() {
        [ -n "$sim_pid" ] || return 0
        simctl quit 2>/dev/null || kill "$sim_pid" 2>/dev/null
        wait "$sim_pid" 2>/dev/null
        sim_pid=''
}

# It leaves when it has nothing to do only where a test wants that: most look at it when they like.
fwd_launch() {
        mkdir -p "$session/state"
        FWD_IDLE_EXIT_MS=0 FWD_STATE_DIR=$session/state FWD_PROFILE_PATH=${FWD_PROFILE_PATH:-$source_dir/daemon/board/profiles} \
                FWD_WORKER=${FWD_WORKER:-$worker_program} FWD_LOG_LEVEL=${FWD_LOG_LEVEL:-debug} \
                LD_PRELOAD=$(preload_for "$fwd_program") \
                "${FWD_COMMAND[@]}" env "${FWD_ENV[@]}" "$fwd_program" >>"$session/fwd.log" 2>&1 &
        fwd_pid=$!
}

fwd_start() {
        fwd_launch
        wait_for_name org.fwctl1 "$fwd_pid" || session_die "fwd did not come up"
}

fwd_activatable() {
        mkdir -p "$session/state"
        [ -p "$session/runs" ] || mkfifo "$session/runs"
        exec {fwd_runs}<>"$session/runs"
        {
                echo '#!/bin/sh'
                printf 'export %s=%q\n' FWD_STATE_DIR "$session/state" FWD_WORKER "${FWD_WORKER:-$worker_program}" \
                        FWD_PROFILE_PATH "${FWD_PROFILE_PATH:-$source_dir/daemon/board/profiles}" FWD_LOG_LEVEL debug \
                        DBUS_SYSTEM_BUS_ADDRESS "$DBUS_SYSTEM_BUS_ADDRESS" UMOCKDEV_DIR "${UMOCKDEV_DIR:-}"
                [ ${#FWD_ENV[@]} -eq 0 ] || printf 'export %q\n' "${FWD_ENV[@]}"
                printf 'LD_PRELOAD=%q %q >>%q 2>&1\n' "$(preload_for "$fwd_program")" "$fwd_program" "$session/fwd.log"
                printf 'echo $? >%q\n' "$session/runs"
        } >"$session/fwd-activated"
        chmod +x "$session/fwd-activated"
        printf '[D-BUS Service]\nName=org.fwctl1\nExec=%s\n' "$session/fwd-activated" >"$session/services/org.fwctl1.service"
        gdbus call --system --dest org.freedesktop.DBus --object-path /org/freedesktop/DBus \
                --method org.freedesktop.DBus.ReloadConfig >/dev/null
}
# shellcheck disable=SC2034 # for the tests
fwd_run_ended() { read -r -t "$WAIT_S" -u "$fwd_runs" fwd_status; }

# wait_for PORT PROPERTY VALUE: until the service has it, by its own events
wait_for() {
        local events line seen=1
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        local monitor=$!
        while read -r -u "$events" -t "$WAIT_S" line; do
                [ "$(fwctl show "$1" -p "$2" --value 2>/dev/null)" = "$3" ] && seen=0 && break
        done
        kill "$monitor" 2>/dev/null
        exec {events}<&-
        return "$seen"
}

# wait_gone PORT: until the service knows of no board there
wait_gone() {
        local events line
        exec {events}< <(exec fwctl monitor --json=short 2>/dev/null)
        local monitor=$!
        if fwctl show "$1" >/dev/null 2>&1; then
                while read -r -u "$events" -t "$WAIT_S" line; do
                        [[ $line == *device-removed* ]] && break
                done
        fi
        kill "$monitor" 2>/dev/null
        exec {events}<&-
}

fwd_log() { cat "$session/fwd.log"; }

# Its exit status.
fwd_stop() {
        local pid=$fwd_pid
        [ -n "$pid" ] || return 0
        fwd_pid=''
        kill "$pid" 2>/dev/null
        wait "$pid"
}

session_end() {
        local status=$? pid log bad=''
        trap - EXIT
        fwd_stop || {
                bad="fwd ended with status $?"
                status=1
        }
        sim_stop
        for pid in "${session_pids[@]}"; do kill "$pid" 2>/dev/null; done
        wait 2>/dev/null
        if grep -qsE 'ERROR: (Address|Leak)Sanitizer|runtime error:|CRITICAL' "$session"/*.log; then
                bad="a log has the report of a sanitizer"
                status=1
        fi
        [ "$status" -eq 0 ] || [ "$session_logs" = no ] || for log in "$session"/*.log; do
                [ -s "$log" ] || continue
                printf '# --- %s\n' "$(basename "$log")"
                sed 's/^/# /' "$log"
        done
        [ -z "$bad" ] || echo "Bail out! $bad"
        rm -rf "$session"
        exit "$status"
}
