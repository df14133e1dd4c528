#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-install.sh BUILD-DIR: what "meson install" puts where, and whether systemd takes it.
# From the environment (meson.build): UNITDIR, UDEVDIR, SYSUSERSDIR, TMPFILESDIR, PREFIX.
set -eu

build=$1
here=$(dirname "$(realpath "$0")")
n=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $1"; printf '%s\n' "$2" | sed 's/^/# /'; }
check() { # DESCRIPTION COMMAND…: fine if it succeeds
        description=$1
        shift
        if out=$("$@" 2>&1); then ok "$description"; else not_ok "$description" "$out"; fi
}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root meson install -C "$build" --no-rebuild --quiet >"$root.log" 2>&1 || {
        not_ok "meson install" "$(cat "$root.log")"
        rm -f "$root.log"
        echo "1..$n"
        exit 0
}
rm -f "$root.log"

# ---- The files ----------------------------------------------------------------------------------------------

sed -n "s,^[^#],&,p" "$here/installed-files.txt" |
        sed "s,@UNITDIR@,$UNITDIR,; s,@UDEVDIR@,$UDEVDIR,; s,@SYSUSERSDIR@,$SYSUSERSDIR,
             s,@TMPFILESDIR@,$TMPFILESDIR,; s,@PREFIX@,$PREFIX," | sort >"$root.wanted"
(cd "$root" && find . ! -type d | sed 's,^\.,,' | sort) >"$root.found"
check "exactly the expected files are there" diff -u "$root.wanted" "$root.found"
rm -f "$root.wanted" "$root.found"

odd_modes() {
        odd=$(find "$root" ! -type d ! -perm 644 ! -perm 755; find "$root" -type f -perm 755 \
                ! -path '*/bin/*' ! -path '*/libexec/*')
        [ -z "$odd" ] || { echo "$odd"; return 1; }
}
check "programs are 0755, all else 0644" odd_modes

left_over() { # an @NAME@ that nobody replaced
        ! grep -rnE '@[A-Z_]+@' "$root$UNITDIR" "$root$SYSUSERSDIR" "$root$TMPFILESDIR" "$root$UDEVDIR"
}
check "no placeholder is left" left_over

check "the XML files are well-formed" xmllint --nonet --noout "$root$PREFIX/share/dbus-1/interfaces/org.fwctl1.xml" \
        "$root$PREFIX/share/dbus-1/system.d/org.fwctl1.conf" "$root$PREFIX/share/polkit-1/actions/org.fwctl1.policy" "$root$PREFIX/share/metainfo/org.fwctl1.fwctl.metainfo.xml"
check "software centres know a bootloader by its id" grep -q '<modalias>usb:v0483pDF11d' \
        "$root$PREFIX/share/metainfo/org.fwctl1.fwctl.metainfo.xml"

check "the bus starts the unit" grep -qx "SystemdService=fwd.service" \
        "$root$PREFIX/share/dbus-1/system-services/org.fwctl1.service"

# ---- Another distribution's directories ----------------------------------------------------------------------

no_file_is_a_directory() { # with the program directory of Arch
        meson setup --prefix=/usr -Dlibexecdir=lib "$root.lib" "$here/../.." >/dev/null &&
                meson introspect --installed "$root.lib" | python3 -c '
import json, os, sys
files = set(json.load(sys.stdin).values())
wrong = {f for f in files for g in files if os.path.dirname(g) == f}
print(*wrong)
sys.exit(1 if wrong or not files else 0)'
}
check "with /usr/lib for programs too, no file is in the place of a directory" no_file_is_a_directory
rm -rf "$root.lib"

# ---- systemd ------------------------------------------------------------------------------------------------

unit=$root$UNITDIR/fwd.service
# The targets and slices that the unit wants are the machine's.
cp -r /lib/systemd/system/. "$root$UNITDIR/"
verify() {
        out=$(systemd-analyze verify --man=no --root="$root" "$UNITDIR/fwd.service" 2>&1) || { echo "$out"; return 1; }
        # Complaints about other units of the machine are not ours.
        ! printf '%s\n' "$out" | grep -F fwd.service
}
check "systemd-analyze verify" verify
check "the unit is exposed by 1.5 at most" systemd-analyze security --offline=true --threshold=15 "$unit"
can_work() { # what would blind the service
        ! grep -nE '^(PrivateDevices|PrivateNetwork|PrivateUsers)=(yes|true|1|on)' "$unit" &&
                grep -qx 'RestrictAddressFamilies=AF_UNIX AF_NETLINK' "$unit" &&
                grep -qx 'User=fwd' "$unit" && grep -qx 'CapabilityBoundingSet=' "$unit"
}
check "the unit has no capability and still sees udev and devices" can_work
exec_is_there() {
        program=$(sed -n 's/^ExecStart=//p' "$unit")
        test -x "$root$program"
}
check "the program that the unit starts is installed" exec_is_there

users=$(mktemp -d)
mkdir -p "$users/etc" "$users$SYSUSERSDIR"
cp "$root$SYSUSERSDIR/fwd.conf" "$users$SYSUSERSDIR/"
sysusers() {
        systemd-sysusers --root="$users" --dry-run "$users$SYSUSERSDIR/fwd.conf" >"$users/log" 2>&1 || { cat "$users/log"; return 1; }
        if ! grep -qi "creat.*user 'fwd'" "$users/log" || ! grep -q "$SERIAL_GROUP" "$users/log"; then
                cat "$users/log"
                return 1
        fi
}
check "sysusers makes the user and puts it into the group of serial ports" sysusers
rm -rf "$users"

tmpfiles() {
        printf 'd %s 0755 root root -\nd %s 0700 fwd fwd -\n' "$CONFDIR" "$STATEDIR" |
                diff - "$root$TMPFILESDIR/fwd.conf.plain"
}
grep -v '^#' "$root$TMPFILESDIR/fwd.conf" >"$root$TMPFILESDIR/fwd.conf.plain"
check "tmpfiles makes the state directory for the service alone" tmpfiles
echo "1..$n"
