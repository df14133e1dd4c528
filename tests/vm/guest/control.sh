#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# In the guest, as root: takes one base64 line with a shell script from the host, runs it, sends its output and then
# a line \001EXIT N. The port can be opened once only, hence the one descriptor; reading gives end of file for as long as
# no host client is connected.
exec 3<>/dev/virtio-ports/fwd.control
while :; do
        IFS= read -r line <&3 || { sleep 0.1; continue; }
        [ -n "$line" ] || continue
        printf '%s' "$line" | base64 -d >/run/vm-control.sh
        sh /run/vm-control.sh </dev/null >&3 2>&1 3>&-
        printf '\001EXIT %d\n' $? >&3
done
