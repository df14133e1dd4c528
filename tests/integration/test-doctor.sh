#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl doctor where no machine has to be broken for it: files below a root of the test's own, a bus, a service and
# boards of the test's own. What takes a whole machine is in tests/vm/test-doctor.sh.
#
# From the environment (meson.build): UNITDIR, UDEVDIR, PREFIX.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"

session_start sim
export FWD_DOCTOR_ROOT=$session/root
rules=$UDEVDIR/rules.d/70-fwd.rules hwdb=$UDEVDIR/hwdb.d/70-fwd.hwdb

# A machine with fwd's package from apt, as far as files tell.
install_root() {
        local file
        rm -rf "$FWD_DOCTOR_ROOT"
        for file in "$rules" "$hwdb" "$UNITDIR/fwd.service" "$PREFIX/libexec/fwd/fwd" "$PREFIX/libexec/fwd/fwd-worker" \
                "$PREFIX/share/dbus-1/system.d/org.fwctl1.conf" "$PREFIX/share/dbus-1/system-services/org.fwctl1.service" \
                "$PREFIX/share/polkit-1/actions/org.fwctl1.policy" \
                /usr/bin/apt-get /var/lib/dpkg/info/fwd.list /run/systemd/system/x /sys/module/cdc_acm/x /sys/module/usbhid/x; do
                mkdir -p "$FWD_DOCTOR_ROOT$(dirname "$file")"
                echo "# of the package" >"$FWD_DOCTOR_ROOT$file"
        done
}
put() { mkdir -p "$FWD_DOCTOR_ROOT$(dirname "$1")" && printf '%s\n' "$2" >"$FWD_DOCTOR_ROOT$1"; }

# doctor: what it finds goes to $found (JSON), its exit status to $status
doctor() {
        found=$(with_boards fwctl doctor --json=short 2>"$session/doctor.log")
        status=$?
}
# json EXPRESSION: of f(ID), the first finding of that id or {}, and findings
json() {
        /usr/bin/python3 -c 'import json, sys
findings = json.loads(sys.argv[1])
def f(id): return next((x for x in findings if x["id"] == id), {})
result = eval(sys.argv[2])
print(result if result is not None else "")' "$found" "$1"
}
# finds NAME ID LEVEL COMMAND-REGEX
finds() {
        doctor
        is "$1" "$(json "f('$2').get('level')")" "$3"
        like "$1: and what mends it" "$(json "f('$2').get('command') or f('$2').get('action')")" "$4"
}
# clean NAME ID…: none of them is there
clean() {
        local id
        doctor
        for id in "${@:2}"; do [ "$(json "f('$id')")" = '{}' ] || { not_ok "$1" "$found"; return; }; done
        ok "$1"
}
sudo='' # what is printed in front of commands
[ "$(id -u)" = 0 ] || sudo='sudo '
install_root

# ---- Without a bus ------------------------------------------------------------------------------------------

export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$session/nothing
finds "without a bus that is told" bus-unreachable problem "^${sudo}systemctl start dbus.socket$"
is "with exit status 1" "$status" 1
check "each finding has all the keys, and the levels there are" json "all(
        set(x) == {'id', 'level', 'port', 'message', 'meaning', 'command', 'action'} and
        x['level'] in ('ok', 'note', 'problem') and x['id'].replace('-', '').islower() and x['message'] for x in findings) or sys.exit(1)"
check "each problem says what to do" json "all(x['command'] or x['action'] for x in findings if x['level'] == 'problem') or sys.exit(1)"
is "nothing is on standard error" "$(cat "$session/doctor.log")" ''

rm -r "$FWD_DOCTOR_ROOT/run"
finds "in a rescue system without systemd too" bus-unreachable problem 'host'
touch "$FWD_DOCTOR_ROOT/.dockerenv"
rm "$FWD_DOCTOR_ROOT$rules"
finds "a container is seen for one" container note ''
is "and its files are not looked at" "$(json "f('rules-missing')")" '{}'
install_root

output=$(fwctl doctor)
like "text has the level, the message and the command" "$output" $'problem The system bus.*\n +run: '"${sudo}systemctl start dbus.socket"
like "and ends with a sum" "$output" $'\n[0-9]+ problems?, [0-9]+ notes?\.$'
like "-q has only what is wrong" "$(fwctl doctor -q)" '^(note|problem) '
unlike "no colour in a file" "$output" $'\033'
check_exit "another argument is refused" 2 fwctl doctor now
check_exit "an option of another verb too" 2 fwctl doctor --force
like "by its name" "$output" 'does not take --force'
check_exit "--json=pretty is JSON too" 1 fwctl doctor --json=pretty

# ---- A bus, no service --------------------------------------------------------------------------------------

bus_start
finds "a name that the bus does not know" activation-not-loaded problem 'ReloadConfig$'
check "polkit is missed" test "$(json "f('polkit-missing')['command']")" = "${sudo}apt-get install --reinstall polkitd"
check_exit "other verbs point here" 75 fwctl list
like "by name" "$output" 'fwctl doctor'

# ---- The files ----------------------------------------------------------------------------------------------

for id in rules-missing:$rules hwdb-missing:$hwdb "unit-missing:$UNITDIR/fwd.service" \
        "activation-missing:$PREFIX/share/dbus-1/system-services/org.fwctl1.service" \
        "policy-missing:$PREFIX/share/dbus-1/system.d/org.fwctl1.conf" "program-missing:$PREFIX/libexec/fwd/fwd-worker"; do
        rm "$FWD_DOCTOR_ROOT${id#*:}"
        finds "${id#*:} that is not there" "${id%%:*}" problem "^${sudo}apt-get install --reinstall fwd$"
        install_root
done
rm "$FWD_DOCTOR_ROOT/var/lib/dpkg/info/fwd.list" "$FWD_DOCTOR_ROOT$rules"
finds "what came from no package" rules-missing problem 'meson install'
install_root

ln -s /dev/null "$FWD_DOCTOR_ROOT/mask"
mkdir -p "$FWD_DOCTOR_ROOT/etc/udev/rules.d"
mv "$FWD_DOCTOR_ROOT/mask" "$FWD_DOCTOR_ROOT/etc/udev/rules.d/70-fwd.rules"
finds "rules that are masked" rules-masked problem "^${sudo}rm /etc/udev/rules.d/70-fwd.rules && .*udevadm trigger"
rm "$FWD_DOCTOR_ROOT/etc/udev/rules.d/70-fwd.rules"
put /etc/udev/rules.d/70-fwd.rules '# mine'
finds "rules that are replaced, with no board that suffers" rules-replaced note 'mv .*70-fwd.rules.off'
put /etc/udev/rules.d/70-fwd.rules "$(cat "$FWD_DOCTOR_ROOT$rules")"
clean "a copy of the same rules is none" rules-replaced rules-masked rules-missing
install_root
put /run/udev/hwdb.d/70-fwd.hwdb '# other'
finds "a hwdb that is replaced" hwdb-replaced note 'systemd-hwdb'
install_root

# ---- Drivers ------------------------------------------------------------------------------------------------

release=$(uname -r)
rm -r "$FWD_DOCTOR_ROOT/sys"
simctl plug betaflight-f405 1-1 && simctl wait 1-1 firmware
finds "a kernel whose modules are gone" kernel-modules-gone problem "^${sudo}systemctl reboot$"
put "/lib/modules/$release/modules.dep" 'kernel/drivers/usb/class/cdc-wdm.ko: '
finds "a kernel without the driver" driver-missing problem "^${sudo}apt-get install --reinstall linux-"
put "/lib/modules/$release/modules.dep" 'kernel/drivers/usb/class/cdc-acm.ko: '
put /etc/modprobe.d/mine.conf 'blacklist cdc-acm'
finds "a driver that is forbidden" driver-forbidden problem "sed .*/etc/modprobe.d/mine.conf && ${sudo}modprobe cdc_acm$"
put /etc/modprobe.d/mine.conf '# blacklist cdc-acm'
put /proc/cmdline 'quiet module_blacklist=cdc_acm'
finds "by the command line too" driver-forbidden problem 'boot loader'
put /proc/cmdline 'quiet'
put "/lib/modules/$release/modules.builtin" 'kernel/drivers/usb/class/cdc-acm.ko'
clean "a driver that is built in is fine" driver-forbidden driver-missing kernel-modules-gone
install_root
simctl driver 1-1 none
finds "a driver that was taken off a board" driver-not-bound problem "^echo 1-1:1.0 \\| ${sudo}tee /sys/bus/usb/drivers_probe$"
simctl driver 1-1 usbfs
finds "a program that has claimed a board" interface-claimed problem '"sudo fuser -v /dev/bus/usb/00'
simctl driver 1-1 bound
clean "without it all is well" driver-not-bound interface-claimed

# ---- The service --------------------------------------------------------------------------------------------

polkit_start
fwd_start
wait_for 1-1 Variant BTFL
doctor
is "the service answers" "$(json "f('service')['level']")" ok
is "the board is told" "$(json "f('board')['port'] + ' ' + f('board')['level']")" '1-1 ok'
like "and how far it got" "$(json "f('board')['message']")" 'SPEEDYBEEF405V4 at 1-1: firmware BTFL .*, its port is free'
is "polkit knows the actions" "$(json "f('polkit')['level']")" ok
polkit_answer enumerate deny
finds "actions that polkit has not read" polkit-actions-not-loaded problem "^${sudo}systemctl restart polkit.service$"
simctl plug stm32-f405 1-2 && wait_for 1-2 Mode bootloader
doctor
like "a chip in its bootloader" "$(json "next(x['message'] for x in findings if x['port'] == '1-2')")" 'in its bootloader, ready'
simctl plug dfu11 1-3 && simctl wait 1-3 bootloader
finds "a bootloader that fwd does not know" unknown-bootloader note "usb:v1209p0001\*.*71-local.hwdb.*systemd-hwdb"
simctl remove 1-1 && simctl remove 1-2 && simctl remove 1-3
finds "no board" no-board note 'cable'

bus_policy=$session/bus$n_buses.policy reload='busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig'
cp "$bus_policy" "$session/policy"
grep -v '<allow send_destination="org.fwctl1"' "$session/policy" >"$bus_policy"
$reload
finds "a policy that the bus has not read" policy-not-loaded problem "^${sudo}${reload}$"
cp "$session/policy" "$bus_policy"
check "the command runs" bash -c "${reload}"
clean "and mends it" policy-not-loaded
kill -STOP "$fwd_pid"
finds "a service that hangs" service-silent problem "^${sudo}systemctl restart fwd.service$"
kill -CONT "$fwd_pid"

fwd_stop

# ---- A service that does not see a board, an old ModemManager, a service that cannot be started ---------------

# What is allowed here is not asked.
cat >"$session/open.conf" <<-END
	<busconfig>
	  <type>system</type>
	  <listen>unix:path=$session/open</listen>
	  <auth>EXTERNAL</auth>
	  <servicedir>$session/services</servicedir>
	  <policy context="default">
	    <allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
	  </policy>
	</busconfig>
END
mkdir "$session/services"
printf '[D-BUS Service]\nName=org.fwctl1\nExec=/bin/false\n' >"$session/services/org.fwctl1.service"
mkfifo "$session/open.up"
dbus-daemon --config-file="$session/open.conf" --nofork --print-address=1 >"$session/open.up" 2>"$session/open.log" &
session_pids+=($!)
read -r -t "$WAIT_S" DBUS_SYSTEM_BUS_ADDRESS <"$session/open.up" || session_die "the bus did not come up"
finds "a service that the bus cannot start" service-not-started problem "^${sudo}systemctl restart fwd.service$"

/usr/bin/python3 "$tests_dir/integration/mock-fwctl1.py" >"$session/mock.log" 2>&1 &
session_pids+=($!)
wait_for_name org.fwctl1 $! || session_die "the mock service did not come up"
simctl plug betaflight-f405 1-7 && simctl wait 1-7 firmware
finds "a board that the service has missed" board-not-seen problem "^${sudo}systemctl restart fwd.service$"
is "it has its port" "$(json "f('board-not-seen')['port']")" 1-7
finds "a service of another version" service-other-version note "^${sudo}systemctl restart fwd.service$"

MOCK_VERSION=1.10.4 /usr/bin/python3 "$tests_dir/lib/mock-modem-manager.py" --filter-policy=strict >"$session/mm.log" 2>&1 &
session_pids+=($!)
wait_for_name org.freedesktop.ModemManager1 $! || session_die "the mock ModemManager did not come up"
finds "a ModemManager that heeds no mark" modem-manager-old problem "^${sudo}systemctl disable --now ModemManager.service$"
like "with its version and policy" "$(json "f('modem-manager-old')['message']")" '1\.10\.4 \(filter policy strict\)'
done_testing
