#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# In the guest, as root: takes one line from the host, how many seconds it may take and a shell script in base64, runs it, sends its
# output and then a line \001EXIT N. The port can be opened once only, hence the one descriptor; reading gives end of file for as
# long as no host client is connected.
exec 3<>/dev/virtio-ports/fwd.control

# overdue SECONDS: if its input has no end by then, what goes on in the machine. (Not read -t, for which it is late when the clock is set.)
overdue() {
        timeout "$1" cat >/dev/null
        [ $? -eq 124 ] || return
        echo "--- not done after $1 s. What runs:"
        ps -e -o pid,ppid,etimes,stat,args --forest | grep -v '\]$'
        echo "--- The journal's end:"
        journalctl -b -n 40 -o short-precise --no-pager
}

while :; do
        IFS=' ' read -r limit line <&3 || { sleep 0.1; continue; }
        [ -n "$line" ] || continue
        printf '%s' "$line" | base64 -d >/run/vm-control.sh
        exec 4> >(overdue "$limit" >&3 2>&1)
        overdue_pid=$!
        # It and what it runs are a group of processes, which ends as one; what it started in an earlier line is not of it.
        timeout --kill-after=10 $((limit + 10)) sh /run/vm-control.sh </dev/null >&3 2>&1 3>&- 4>&-
        status=$?
        [ $status -ne 124 ] || status=1 # which says on the host that nothing came back at all
        exec 4>&-
        wait $overdue_pid
        printf '\001EXIT %d\n' $status >&3
done
