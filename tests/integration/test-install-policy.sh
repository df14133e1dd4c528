#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-install-policy.sh NAME-OWNER XML BUS-POLICY POLKIT-POLICY: who may say what, tried on a real bus.
#
# A private bus daemon reads the shipped policy, in which the service's user is made the one that runs the test. Every
# method of the contract must pass, and what is not in it must not. The name's owner here (name-owner.c) answers
# every call that reaches it with one error.
set -eu

name_owner=$1 xml=$2 bus_policy=$3 polkit_policy=$4
n=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $1"; printf '%s\n' "$2" | sed 's/^/# /'; }

dir=$(mktemp -d)
daemon='' owner=''
cleanup() {
        [ -z "$owner" ] || kill "$owner" 2>/dev/null || :
        [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || :
        rm -rf "$dir"
}
trap cleanup EXIT

sed "s/user=\"fwd\"/user=\"$(id -un)\"/" "$bus_policy" >"$dir/policy.conf"
# As the system bus: nobody owns a name, nobody calls a method, unless a policy says so.
cat >"$dir/bus.conf" <<EOF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=$dir/socket</listen>
  <auth>EXTERNAL</auth>
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
  </policy>
  <include>$dir/policy.conf</include>
</busconfig>
EOF
mkfifo "$dir/address"
dbus-daemon --config-file="$dir/bus.conf" --nofork --print-address=3 3>"$dir/address" 2>"$dir/bus.log" &
daemon=$!
read -r address <"$dir/address"
export DBUS_SYSTEM_BUS_ADDRESS="$address"

mkfifo "$dir/ready"
"$name_owner" org.fwctl1 >"$dir/ready" 2>"$dir/owner.log" &
owner=$!
read -r state <"$dir/ready"
if [ "$state" = ready ]; then
        ok "the service's user may own the name"
else
        not_ok "the service's user may own the name" "$(cat "$dir/owner.log")"
        echo "1..$n"
        exit 0
fi
if "$name_owner" org.fwctl1.Other >"$dir/other" 2>&1; then
        not_ok "it may own no other name" "$(cat "$dir/other")"
else
        ok "it may own no other name"
fi

# passes PATH INTERFACE METHOD: true if the call reached the owner, false if the bus refused it; else the test is wrong.
passes() {
        answer=$(busctl --system --timeout=10 call org.fwctl1 "$1" "$2" "$3" 2>&1) || :
        case $answer in
        *Reached*) return 0 ;;
        *"not authorized"* | *"Access denied"*) return 1 ;;
        esac
        echo "# $2.$3: $answer"
        exit 1
}

list_methods() { # of the contract: INTERFACE METHOD lines
        sed -n 's/^ *<interface name="\([^"]*\)".*/I \1/p; s/^ *<method name="\([^"]*\)".*/M \1/p' "$xml" |
                awk '$1 == "I" { i = $2 } $1 == "M" { print i, $2 }'
}

refused=''
for method in $(list_methods | tr ' ' :); do
        passes /org/fwctl1 "${method%:*}" "${method#*:}" || refused="$refused $method"
done
for method in Properties:Get Properties:GetAll Introspectable:Introspect ObjectManager:GetManagedObjects Peer:Ping; do
        passes /org/fwctl1 "org.freedesktop.DBus.${method%:*}" "${method#*:}" || refused="$refused $method"
done
if [ -z "$refused" ]; then ok "every method of the contract passes"; else not_ok "every method of the contract passes" "$refused"; fi

passed=''
for method in org.fwctl1.Manager:Erase org.fwctl1.Device:MassErase org.fwctl1.Job:Delete org.fwctl1.Debug:Dump \
        org.freedesktop.DBus.Properties:Set org.freedesktop.DBus.Peer:Other org.freedesktop.systemd1.Manager:Exit; do
        ! passes /org/fwctl1 "${method%:*}" "${method#*:}" || passed="$passed $method"
done
if [ -z "$passed" ]; then ok "nothing else does"; else not_ok "nothing else does" "$passed"; fi

allowed=$(sed -n 's/.*send_interface="\(org\.fwctl1\.[^"]*\)" send_member="\([^"]*\)".*/\1 \2/p' "$bus_policy" | sort)
if [ "$allowed" = "$(list_methods | sort)" ]; then
        ok "the policy lists the methods of the contract, and no others"
else
        not_ok "the policy lists the methods of the contract, and no others" "$allowed"
fi

# polkit: what it reads, and that the risky actions are never free.
actions=$(xmllint --nonet --xpath '//action/@id' "$polkit_policy" | tr -d ' ' | sed 's/id="org.fwctl1.\(.*\)"/\1/' | sort | xargs)
if [ "$actions" = "backup cancel-others erase flash flash-force identify leave read reboot recover-bootloader restore restore-force unprotect" ]; then
        ok "polkit has the actions that there are"
else
        not_ok "polkit has the actions that there are" "$actions"
fi
owners=$(xmllint --nonet --xpath 'count(//action[annotate[@key="org.freedesktop.policykit.owner"]="unix-user:fwd"])' "$polkit_policy")
if [ "$owners" = "$(echo "$actions" | wc -w)" ]; then ok "the service's user may ask about each"; else not_ok "the service's user may ask about each" "$owners"; fi
free=$(xmllint --nonet --xpath 'count(//action[(@id="org.fwctl1.flash-force" or @id="org.fwctl1.restore-force" or @id="org.fwctl1.cancel-others" or @id="org.fwctl1.recover-bootloader" or @id="org.fwctl1.erase" or @id="org.fwctl1.unprotect") and defaults/*!="auth_admin"])' "$polkit_policy")
away=$(xmllint --nonet --xpath 'count(//action/defaults[allow_any="yes" or allow_inactive="yes"])' "$polkit_policy")
if [ "$free $away" = "0 0" ]; then
        ok "force, loaders, erasing, unprotecting and other people's jobs always take a password, and so does all from afar"
else
        not_ok "force, loaders, erasing, unprotecting and other people's jobs always take a password, and so does all from afar" "$free $away"
fi
# The details that the service gives: board always, image where there is a file.
unknown=$(grep -o '\$([^)]*)' "$polkit_policy" | sort -u | xargs)
bare=$(xmllint --nonet --xpath 'count(//action[not(contains(message, "$(board)"))])' "$polkit_policy")
if [ "$unknown $bare" = '$(board) $(image) 0' ]; then ok "each question names the board"; else not_ok "each question names the board" "$unknown $bare"; fi
dtd=/usr/share/polkit-1/policyconfig-1.dtd
if out=$(xmllint --nonet --noout --dtdvalid "$dtd" "$polkit_policy" 2>&1); then
        ok "polkit's own DTD takes the file"
else
        not_ok "polkit's own DTD takes the file" "$out"
fi
echo "1..$n"
