# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # its variables are for the tests, theirs for it
# What the tests of fwctl share: its verbs are run against a service that does what it is told (mock-fwctl1.py), on a
# bus of the test's own. Sourced by tests with the argument PATH-OF-FWCTL.
#
#     start_bus, start_mock          in this order
#     mock METHOD [KEY VALUE]        how the service is to behave, or what it was asked
#     run EXIT-CODE ARGUMENT…        fwctl, into $out and $err
#     has, hasnt, is, json           what must be true of them
#     last_job                       its number
#     check NAME                     runs test_NAME; checked: the end

set -u
fwctl=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/fwctl-test.XXXXXX)
n=0 failed=0
unset NO_COLOR COLUMNS
export LC_ALL=C.UTF-8 TERM=xterm

cleanup() {
        [[ -n ${mock_pid-} ]] && kill "$mock_pid" 2>/dev/null
        [[ -n ${bus_pid-} ]] && kill "$bus_pid" 2>/dev/null
        rm -rf "$dir"
}
trap cleanup EXIT

# A bus without policy and without activation.
cat >"$dir/bus.conf" <<END
<busconfig>
  <type>system</type>
  <listen>unix:path=$dir/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus

start_bus() {
        exec {bus_ready}< <(exec dbus-daemon --config-file="$dir/bus.conf" --nofork --print-address 2>/dev/null)
        bus_pid=$!
        read -r -u "$bus_ready" -t 20 || { echo "Bail out! no bus"; exit 1; }
}

start_mock() {
        exec {mock_ready}< <(exec /usr/bin/python3 "$here/mock-fwctl1.py")
        mock_pid=$!
        read -r -u "$mock_ready" -t 20 || { echo "Bail out! no mock service"; exit 1; }
}

mock() {
        local method=$1
        shift
        busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" call org.fwctl1 /mock org.fwctl1.Mock "$method" \
                ${1+"ss" "$@"}
}

# run EXIT-CODE ARGUMENT…: runs fwctl; its output is in $out and $err.
run() {
        local expected=$1 got
        shift
        "$fwctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null
        got=$?
        out=$(<"$dir/out") err=$(<"$dir/err")
        [[ $got == "$expected" ]] && return
        why="fwctl $* ended with $got, not $expected"
        return 1
}

has() { # TEXT PART
        [[ $1 == *"$2"* ]] && return
        why="\"$2\" is not in: $1"
        return 1
}

hasnt() {
        [[ $1 != *"$2"* ]] && return
        why="\"$2\" is in: $1"
        return 1
}

is() {
        [[ $1 == "$2" ]] && return
        why="\"$1\" is not \"$2\""
        return 1
}

# json EXPRESSION: is true of the value j, the JSON in $out
json() {
        printf '%s' "$out" | /usr/bin/python3 -c "import json, sys
j = json.load(sys.stdin)
sys.exit(0 if ($1) else 1)" && return
        why="not true of the JSON: $1: $out"
        return 1
}

check() { # NAME, then a function of that name is run
        n=$((n + 1))
        why=""
        mock Reset >/dev/null 2>&1
        if "test_$1"; then
                echo "ok $n - $1"
        else
                echo "not ok $n - $1"
                echo "# $why" | tr '\n' ' '
                echo
                printf '%s\n' "${err-}" | sed 's/^/# stderr: /'
                failed=$((failed + 1))
        fi
}

printf 'GOOD%.0s' {1..2500} >"$dir/good.bin" # 10000 bytes
printf 'BAD' >"$dir/bad.bin"
: >"$dir/empty.bin"
mkfifo "$dir/pipe"

last_job() { "$fwctl" jobs --no-legend | tail -1 | cut -d' ' -f1; }

checked() {
        echo "1..$n"
        exit $((failed > 0))
}
