# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# In the guest, sourced by each scenario: boards to plug, people to be.
export FWD_SIM_CONTROL=/run/sim.sock
export data=/usr/local/share/fwd-test

# await TENTHS COMMAND…: until it succeeds. The last resort: where there is an event to wait for, wait for that. TENTHS of a second are
# what it may take on an idle machine; on a busy one it may be six times as much.
await() {
        tries=$(($1 * 6))
        shift
        until "$@" >/dev/null 2>&1; do
                tries=$((tries - 1))
                [ $tries -gt 0 ] || { echo "gave up waiting for: $*" >&2; return 1; }
                sleep 0.1
        done
}

# plug KIND PORT [KEY=VALUE…]: returns when udev is through with it
plug() {
        simctl plug "$@" && simctl wait "$2" "${MODE:-firmware}" && await 100 known "$2"
}

# known PORT: the service has it
known() {
        fwctl --json=short show "$1"
}

property() {
        fwctl show "$1" -p "$2" --value
}

# identified PORT: its firmware was asked what it is
identified() {
        [ -n "$(property "$1" FirmwareVersion)" ]
}

# as_pilot COMMAND…: in a session of pilot's at the machine's own console, which is the active one
as_pilot() {
        systemd-run --quiet --wait --pipe --property=User=pilot --property=PAMName=login --property=TTYPath=/dev/tty1 \
                --setenv=XDG_SEAT=seat0 --setenv=XDG_VTNR=1 --setenv=XDG_SESSION_CLASS=user --setenv=XDG_SESSION_TYPE=tty \
                "$@"
}

# as_remote 'COMMAND': over ssh, so in a session without a seat
as_remote() {
        ssh -q -o StrictHostKeyChecking=no -o BatchMode=yes remote@127.0.0.1 "$@"
}
