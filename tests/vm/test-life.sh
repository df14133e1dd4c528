#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The service's life under systemd: it leaves, and is there again with the next board or call; the bus restarted in mid-job; a
# state directory that cannot be written; a reboot of the machine.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
# idle_after MS [MORE]: how long it stays; MORE goes into the unit, too
idle_after() {
        guest "mkdir -p /etc/systemd/system/fwd.service.d
                printf '%s\n' '${2:-}' '[Service]' 'Environment=FWD_IDLE_EXIT_MS=$1' >/etc/systemd/system/fwd.service.d/test.conf
                systemctl daemon-reload; systemctl restart fwd"
}
inactive='[ "$(systemctl show fwd -p ActiveState --value)" = inactive ]'

# --- nobody needs it
idle_after 2500
guest_ok "with nothing to do it leaves" "left() { $inactive; }; await 200 left"
out=$(guest 'systemctl show fwd -p Result -p NRestarts -p ExecMainStatus; systemctl is-enabled fwd; systemctl --failed --no-legend')
is "that is no failure, and no reason to start it again" "$out" $'Result=success\nNRestarts=0\nExecMainStatus=0\nenabled'

# --- a board starts it: nobody calls here, so that it is not the bus that does
guest 'mkdir -p /etc/fwd; printf "[Aliases]\nbay1 = 1-1\n" >/etc/fwd/aliases; simctl plug betaflight-f405 1-1'
guest_ok "a board starts it" 'await 200 systemctl is-active -q fwd'
guest_ok "and is known" 'await 200 identified bay1'
out=$(guest 'sleep 3; systemctl is-active fwd') # a time in which it would have left
is "with a board it stays" "$out" active
guest_ok "a backup is made" 'fwctl backup 1-1'
guest 'simctl unplug 1-1'
guest_ok "a job that has ended can still be read" 'fwctl jobs --no-legend | grep -q success'
guest 'systemctl stop fwd'

# --- a call starts it
out=$(guest 'fwctl list --no-legend; fwctl backups --no-legend')
like "a call starts it, and the backup is there" "$out" 'SPEEDYBEEF405V4'
guest_ok "then it leaves again" "left() { $inactive; }; await 200 left"
guest 'simctl replug 1-1 boot-pin=1; simctl wait 1-1 bootloader'
guest_ok "the board, now in its bootloader, starts it" 'await 200 systemctl is-active -q fwd'
out=$(guest 'await 100 known bay1; property bay1 Remembered; property bay1 BoardName; property 1-1 Alias')
is "and is known again, by its alias too" "$out" $'yes\nSPEEDYBEEF405V4\nbay1'
guest 'simctl remove 1-1'

# --- boards that come in the very moment in which it leaves
idle_after 1 $'[Unit]\nStartLimitIntervalSec=0'
guest_ok "boards that come while it leaves are all seen" '
        seen() { busctl --auto-start=no --timeout=5 call org.fwctl1 /org/fwctl1 org.fwctl1.Manager GetDevice s "$1"; }
        simctl plug stm32-f405 3-1 && simctl wait 3-1 bootloader
        for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
                await 100 seen 3-1 || { echo "round $round"; exit 1; }
                simctl replug 3-1 boot-pin=1
        done
        await 100 seen 3-1 && simctl remove 3-1'
out=$(guest 'for i in $(seq 40); do fwctl list >/dev/null 2>&1 || echo "call $i"; done')
is "and calls that come while it leaves are all answered" "$out" ''
out=$(guest "left() { $inactive; }; await 200 left; systemctl show fwd -p Result --value")
is "after all that it has left, well" "$out" success

done_scenario
