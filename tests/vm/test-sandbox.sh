#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl where there is next to nothing: in a container with the socket of the bus, and behind a sandbox's proxy that lets it
# talk to one bus name.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
guest '
        plug betaflight-f405 1-1 && MODE=bootloader plug stm32-f405 3-1 && await 100 identified 1-1
        # A root of fwctl and its libraries, and nothing else: no /dev, /proc, /sys, no udev.
        mkdir -p /tmp/box/run/dbus /tmp/box/data
        : >/tmp/box/run/dbus/system_bus_socket
        ldd /usr/bin/fwctl | grep -o "/[^ ]*" | xargs cp --parents -L -t /tmp/box /usr/bin/fwctl
        cp $data/hello-1.hex $data/hello-1.bin $data/hello-2.bin /tmp/box/data
        cat >/tmp/in-box <<\END
# in-box SOCKET COMMAND…: as root of a user namespace, which is the caller outside
socket=$1
shift
exec bwrap --unshare-all --uid 0 --gid 0 --ro-bind /tmp/box / --bind "$socket" /run/dbus/system_bus_socket "$@"
END
        dpkg-deb -x $data/repository/libglib2.0-bin_*.deb /tmp/glib && cp /tmp/glib/usr/bin/gdbus /tmp/box/usr/bin
        ldd /tmp/box/usr/bin/gdbus | grep -o "/[^ ]*" | xargs cp --parents -L -t /tmp/box
        cat >/tmp/behind-proxy <<\END
# behind-proxy METHOD ARGUMENT…: a GLib program in a sandbox, with a proxy for as long as it runs, which says by its first
# byte that it is there. OBJECT and FILE (its descriptor 3) are in the environment.
rm -f /tmp/proxy-*.sock /tmp/proxy-up
mkfifo /tmp/proxy-up
xdg-dbus-proxy --fd=9 unix:path=/run/dbus/system_bus_socket /tmp/proxy-$$.sock --filter --talk=org.fwctl1 9>/tmp/proxy-up &
proxy=$!
exec 8</tmp/proxy-up 3<"${FILE:-/dev/null}"
head -c 1 <&8 >/dev/null
method=$1
shift
bwrap --unshare-all --ro-bind /tmp/box / --bind /tmp/proxy-$$.sock /run/dbus/system_bus_socket gdbus call \
        --address unix:path=/run/dbus/system_bus_socket --timeout 300 --dest "${DEST:-org.fwctl1}" \
        --object-path "${OBJECT:-/org/fwctl1}" --method "$method" "$@"
status=$?
kill $proxy
exit $status
END' >/dev/null

# --- the bus's socket, and nothing else
run='as_pilot sh /tmp/in-box /run/dbus/system_bus_socket'
out=$(guest "$run fwctl list" 2>&1)
like "container: boards are listed" "$out" '1-1 +firmware +SPEEDYBEEF405V4 +BTFL'
out=$(guest "$run fwctl flash 1-1 /data/hello-1.hex" 2>&1)
is "container: a board is flashed, by the right of who sits at the machine" $? 0
like "container: its progress comes through" "$out" '1-1: (opening|erasing|writing|verifying)'
like "container: so does its end" "$out" 'flashed and verified'
guest 'simctl dump 1-1 /tmp/flash.bin; cmp -n "$(stat -c %s $data/hello-1.bin)" /tmp/flash.bin $data/hello-1.bin'
is "container: it has the file's bytes" $? 0
out=$(guest "$run fwctl read --no-leave --range=0x08000000+16K 3-1 /data/flash.bin" 2>&1)
is "container: a file that cannot be written is told" $? 2
out=$(guest "$run fwctl erase --yes 3-1; echo \"exit \$?\"" 2>&1)
like "container: what takes an administrator still does" "$out" 'org\.fwctl1\.erase.*exit 4'
# Podman's mark: there are others, and none that is everywhere.
out=$(guest ": >/tmp/box/run/.containerenv; $run fwctl doctor --json=short" 2>&1)
like "container: the doctor knows where it is, and what to do" "$out" '"id":"container".*run fwctl doctor there too'
out=$(guest "$run fwctl --direct list; echo \"exit \$?\"" 2>&1)
like "container: --direct is refused, as the service runs outside" "$out" 'The service fwd runs on this machine.*exit 5'

# --- one bus name
guest 'simctl load 1-1 $data/hello-2.bin; replug 1-1; await 100 identified 1-1' >/dev/null
out=$(guest '
        proxied() { as_pilot env "$@" 2>&1; }
        proxied sh /tmp/behind-proxy org.fwctl1.Manager.ListDevices
        device=$(proxied sh /tmp/behind-proxy org.fwctl1.Manager.GetDevice 1-1 | cut -d "'\''" -f 2)
        job=$(proxied FILE=$data/hello-1.hex sh /tmp/behind-proxy org.fwctl1.Manager.Flash "$device" 3 {} | cut -d "'\''" -f 2)
        echo "job: $job"
        proxied OBJECT="$job" sh /tmp/behind-proxy org.fwctl1.Job.Wait; echo "wait: $?"
        simctl dump 1-1 /tmp/flash.bin; cmp -n "$(stat -c %s $data/hello-1.bin)" /tmp/flash.bin $data/hello-1.bin; echo "same: $?"
        device=$(proxied sh /tmp/behind-proxy org.fwctl1.Manager.GetDevice 3-1 | cut -d "'\''" -f 2)
        proxied OBJECT="$device" sh /tmp/behind-proxy org.fwctl1.Device.Erase {}; echo "erase: $?"
        proxied DEST=org.freedesktop.login1 OBJECT=/org/freedesktop/login1 sh /tmp/behind-proxy \
                org.freedesktop.login1.Manager.ListSessions; echo "logind: $?"')
like "proxy: boards are listed" "$out" "'BoardName': <'SPEEDYBEEF405V4'>"
like "proxy: a board is flashed, by the right of who sits at the machine" "$out" "job: /org/fwctl1/.*\('success', .*wait: 0"
like "proxy: it has the file's bytes" "$out" 'same: 0'
like "proxy: what takes an administrator still does" "$out" 'org\.fwctl1\.Error\.NotAuthorized.*erase: 1'
like "proxy: it lets nothing else through" "$out" 'logind: 1'

out=$(guest 'runuser -u remote -- sh /tmp/in-box /run/dbus/system_bus_socket fwctl flash --no-leave --address=0x08000000 3-1 /data/hello-1.bin; echo "exit $?"
        groupadd -f fwd-operators; usermod -aG fwd-operators remote; cp $data/50-fwd-operators.rules /etc/polkit-1/rules.d/
        systemctl restart polkit
        runuser -u remote -- sh /tmp/in-box /run/dbus/system_bus_socket fwctl flash --no-leave --address=0x08000000 3-1 /data/hello-1.bin; echo "exit $?"' 2>&1)
like "a container of somebody elsewhere may not, and is told what to ask for" "$out" 'polkit rule.*exit 4.*exit'
like "with the example rule it may" "$out" 'flashed and verified.*exit 0$'

out=$(guest 'as_pilot bwrap --unshare-all --ro-bind /tmp/box / fwctl list; echo "exit $?"' 2>&1)
like "without any bus it is told that there is none" "$out" 'exit 75'
[ "$tap_failed" -eq 0 ] || tap_diag "$out"
done_scenario
