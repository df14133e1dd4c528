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

# insert PORT WORD…: simctl WORD… puts something there; returns when udev is through with it. What was there before may be seen for a
# moment longer, and is not taken for it.
insert() {
        insert_port=$1 insert_before=$(devnum "$1")
        shift
        simctl "$@" && simctl wait "$insert_port" "${MODE:-firmware}" && await 100 inserted "$insert_port" "$insert_before"
}
inserted() {
        [ -e "/sys/bus/usb/devices/$1:1.0" ] && [ "$(devnum "$1")" != "$2" ] && udevadm settle
}
devnum() {
        cat "/sys/bus/usb/devices/$1/devnum" 2>/dev/null
}

# plug KIND PORT [KEY=VALUE…], replug PORT [KEY=VALUE…]: return when the service has the board
plug() {
        insert "$2" plug "$@" && await 100 known "$2"
}
replug() {
        insert "$1" replug "$@" && await 100 known "$1"
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

# over_ssh USER 'COMMAND', without a terminal
over_ssh() {
        ssh -q -o StrictHostKeyChecking=no -o BatchMode=yes "$1@127.0.0.1" "$2"
}

# may_ssh USER: lets root in the guest be that user over ssh
may_ssh() {
        mkdir -p "/home/$1/.ssh"
        cp /root/.ssh/id_ed25519.pub "/home/$1/.ssh/authorized_keys"
        chown -R "$1:" "/home/$1/.ssh"
        chmod 700 "/home/$1/.ssh"
}

# at_terminal USER PASSWORD 'COMMAND': over ssh with a terminal, where the password is typed whenever it is asked for;
# output and exit status are the command's. Who asks turns the echo off after the question, and what was typed until then is thrown
# away: so the echo is what is waited for.
at_terminal() {
        bash -s -- "$@" <<'END'
coproc ssh { exec ssh -q -tt -o StrictHostKeyChecking=no -o BatchMode=yes "$1@127.0.0.1" "tty; $3"; }
pid=$ssh_PID line=''
exec {from}<&"${ssh[0]}" {to}>&"${ssh[1]}"
IFS=$'\r' read -r tty <&"$from"
while IFS= read -r -d '' -n 1 -u "$from" c; do
        [ "$c" = $'\r' ] || printf %s "$c"
        line+=$c
        [ "$c" != $'\n' ] || line=''
        [[ $line = *"Password: " ]] || continue
        line=''
        while kill -0 "$pid" && [[ $(stty -F "$tty" -a) != *" -echo "* ]]; do sleep 0.05; done 2>/dev/null
        printf '%s\n' "$2" >&"$to"
done
wait "$pid"
END
}

# slow_boards: a second bench, whose chips take the time that real ones take. slow VERB… is its simctl.
slow_boards() {
        FWD_SIM_CONTROL=/run/slow.sock setsid fwd-usbip /run/slow.sock 1 </dev/null >/run/slow.log 2>&1 3>&- &
        await 100 test -S /run/slow.sock
}
slow() {
        FWD_SIM_CONTROL=/run/slow.sock simctl "$@"
}

# changing PORT: its job has begun to change it
changing() {
        fwctl jobs --no-legend | grep -qE "^[0-9]+ +$1 .*(erasing|writing)"
}

# claim PORT: takes its first USB interface from the kernel's driver, as programs do that drive USB devices themselves
# (USBDEVFS_DISCONNECT_CLAIM); the service "claim" has it until it is stopped
claim() {
        cat >/run/claim.py <<'END'
import fcntl, os, signal, struct, subprocess, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(fd, 0x8108551B, bytearray(struct.pack("II256s", 0, 0, b"")))
subprocess.run(["systemd-notify", "--ready"], check=True)
signal.pause()
END
        systemd-run --quiet --collect --unit=claim --service-type=notify --property=NotifyAccess=all \
                python3 /run/claim.py "$(node "$1")"
}

# node PORT: of the board's USB device
node() {
        echo "/dev/$(udevadm info -q name "/sys/bus/usb/devices/$1")"
}

# fwupd_sees_usb: the daemon of Debian 13's fwupd in the place of Debian 12's, whose USB side is dead (tests/vm/build has why),
# under the same unit, with its confinement and its configuration; also when the bus starts it
fwupd_sees_usb() {
        mkdir -p /run/systemd/system/fwupd.service.d
        printf '[Service]\nRootDirectory=/opt/debian-13\nMountAPIVFS=yes\nBindPaths=/run\n' \
                >/run/systemd/system/fwupd.service.d/debian-13.conf
        systemctl daemon-reload
        systemctl restart fwupd
}
