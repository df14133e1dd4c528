#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl doctor on a real system: the machine is broken in one way after the other, what is broken is named, and the
# command that is printed is run as it stands and mends it.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

# json EXPRESSION: of the findings in $found; f(ID) is the first one of that id
json() {
        printf '%s' "$found" | python3 -c 'import json, sys
findings = json.load(sys.stdin)
def f(id): return next((x for x in findings if x["id"] == id), {})
result = eval(sys.argv[1])
print(result if result is not None else "")' "$1"
}
doctor='fwctl doctor --json=short'

# breaks NAME ID SCRIPT: after it, the finding is there as $level (problem); $doctor looks
breaks() {
        found=$(guest "{ $3
        } >/tmp/break.log 2>&1; $doctor" 2>&1)
        broken="$(json "f('$2').get('level')" 2>&1)"
        is "$1: it is named" "$broken" "${level:-problem}"
        [ "$broken" = "${level:-problem}" ] || tap_diag "$found"$'\n'"$(guest 'cat /tmp/break.log')"
}
# gone NAME ID SCRIPT: it succeeds, and then the finding is not there any more; with $settle, a moment later: polkit reads a new rule
# when it hears of the file, and may have to read it again when it has all of it.
gone() {
        local out
        out=$(guest "{ $3
        } >/tmp/mend.log 2>&1 || echo \"exit status \$?\"
        is_gone() { ! $doctor | grep -q '\"id\":\"$2\"'; }
        [ -z '${settle:-}' ] || await 100 is_gone
        $doctor" 2>&1)
        found=$(tail -n 1 <<<"$out")
        if [ "$out" = "$found" ] && [ "$(json "f('$2')" 2>&1)" = '{}' ]; then
                ok "$1"
        else
                not_ok "$1" "$3"$'\n'"$out"$'\n'"$(guest 'cat /tmp/mend.log')"
        fi
}
# mends NAME ID SCRIPT: broken by the script, mended by the command that is printed
mends() {
        breaks "$1" "$2" "$3"
        local command
        command=$(json "f('$2').get('command')")
        gone "$1: \"${command:-no command}\" mends it" "$2" "${command:-false}"
}
# mends_all NAME SCRIPT ID…: several at once, where a look takes long; each with its own command
mends_all() {
        local name=$1 ids=("${@:3}") id command commands='' broken
        found=$(guest "{ $2
        } >/tmp/break.log 2>&1; $doctor" 2>&1)
        broken=$found
        for id in "${ids[@]}"; do
                like "$name: $id is named" "$(json "f('$id').get('level')" 2>&1)" '^(problem|note)$'
                command=$(json "f('$id').get('command')")
                commands+="${command:-false} || echo 'failed: $id'"$'\n'
        done
        found=$(guest "{ $commands } >/tmp/mend.log 2>&1; $doctor" 2>&1)
        is "$name: the commands run" "$(guest 'grep ^failed: /tmp/mend.log')" ''
        for id in "${ids[@]}"; do
                command=$(found=$broken json "f('$id').get('command')")
                is "$name: \"$command\" mends it" "$(json "f('$id')" 2>&1)" '{}'
        done
}
# acts NAME ID SCRIPT MEND: what no command mends; the second script is what the person does
acts() {
        breaks "$1" "$2" "$3"
        like "$1: what to do is told" "$(json "f('$2').get('action')")" '[A-Z].*\.'
        gone "$1: and that mends it" "$2" "$4"
}
# logged TEXT N: until the kernel has said it so often
logged() { echo "await 300 sh -c '[ \"\$(dmesg | grep -c \"$1\")\" -ge $2 ]'"; }

# without FILE 'COMMAND': a script that runs it while the file is not there and nobody sees that it comes back: its folder is another
# one meanwhile, so that whoever watches folders watches that one.
without() {
        local folder=${1%/*}
        echo "rm -rf /root/other; cp -a $folder /root/other; rm /root/other/${1##*/}
                mount --bind /root/other $folder; $2; umount -l $folder"
}

machine
guest 'echo "deb [trusted=yes] file:$data/repository ./" >/etc/apt/sources.list
        rm -rf /etc/apt/sources.list.d/*; apt-get -q update; plug betaflight-f405 1-1 && await 100 identified 1-1' >/dev/null
out=$(guest 'fwctl doctor')
is "a machine in order has no problem" $? 0
like "and hears so" "$out" 'Nothing stands in the way of a flash'
like "ModemManager is told of, with its version and policy" "$out" 'ok +ModemManager 1\.[0-9.]+ runs \(filter policy strict\)'
like "and fwupd" "$out" 'ok +fwupd (runs|is installed)'
like "a board is told of, and how far it got" "$out" 'ok +SPEEDYBEEF405V4 at 1-1: firmware BTFL .*, its port is free'

# ---- What was installed -------------------------------------------------------------------------------------

missing=(rules-missing:/lib/udev/rules.d/70-fwd.rules hwdb-missing:/lib/udev/hwdb.d/70-fwd.hwdb
        unit-missing:/lib/systemd/system/fwd.service program-missing:/usr/libexec/fwd/fwd-worker
        activation-missing:/usr/share/dbus-1/system-services/org.fwctl1.service
        policy-missing:/usr/share/dbus-1/system.d/org.fwctl1.conf
        polkit-actions-missing:/usr/share/polkit-1/actions/org.fwctl1.policy)
breaks "an installation with holes" rules-missing "rm -f ${missing[*]#*:}; systemctl restart polkit"
for hole in "${missing[@]}"; do
        is "${hole#*:} is named" "$(json "f('${hole%%:*}').get('level')")" problem
done
gone "one command for all" policy-missing "$(json "f('rules-missing')['command']")"
for hole in "${missing[@]}"; do
        is "${hole#*:} is there again" "$(json "f('${hole%%:*}')")" '{}'
done

mends_all "what is masked" 'ln -s /dev/null /etc/udev/rules.d/70-fwd.rules; ln -s /dev/null /etc/udev/hwdb.d/70-fwd.hwdb' \
        rules-masked hwdb-masked
level=note mends "rules that the administrator replaced" rules-replaced \
        'mkdir -p /etc/udev/rules.d; echo "# mine" >/etc/udev/rules.d/70-fwd.rules'
breaks "a board that came while they were replaced" board-not-given \
        'echo "# mine" >/etc/udev/rules.d/70-fwd.rules; udevadm control --reload; simctl unplug 1-1; simctl remove 1-1
         plug betaflight-f405 1-1; udevadm settle'
is "then they are a problem" "$(json "f('rules-replaced')['level']")" problem
gone "and the board is given with them" board-not-given "$(json "f('rules-replaced')['command']")"
level=note mends "a hwdb that the administrator replaced" hwdb-replaced \
        'mkdir -p /etc/udev/hwdb.d; echo "# mine" >/etc/udev/hwdb.d/70-fwd.hwdb'
mends "a hwdb that was not compiled" hwdb-not-built \
        'mv /lib/udev/hwdb.d/70-fwd.hwdb /tmp; systemd-hwdb --usr update; mv /tmp/70-fwd.hwdb /lib/udev/hwdb.d'
mends "a board that udev did not look up" board-not-looked-up \
        'mv /lib/udev/hwdb.d/70-fwd.hwdb /tmp; systemd-hwdb --usr update; udevadm control --reload; simctl remove 1-1
         insert 1-1 plug betaflight-f405 1-1; mv /tmp/70-fwd.hwdb /lib/udev/hwdb.d; systemd-hwdb --usr update'

# ---- The service and the bus --------------------------------------------------------------------------------

mends "a service that is masked" service-masked 'systemctl mask --now fwd'
guest 'systemctl start fwd; await 100 identified 1-1'
mends "a change to the unit that is wrong" unit-refused \
        'mkdir -p /etc/systemd/system/fwd.service.d; printf "[Service]\nExecStart=\n" >/etc/systemd/system/fwd.service.d/x.conf
         systemctl daemon-reload; systemctl stop fwd'
# systemd gives up after some starts within ten seconds, which a slow machine does not come to; and when they are over, the bus starts
# the service again.
guest 'mkdir -p /run/systemd/system/fwd.service.d
        printf "[Unit]\nStartLimitIntervalSec=1h\n" >/run/systemd/system/fwd.service.d/limit.conf; systemctl daemon-reload'
mends "a service that failed" service-failed \
        'until systemctl is-failed fwd; do systemctl kill -s KILL fwd || :; systemctl start fwd || :; done'
mends "a service that hangs" service-silent 'systemctl kill -s STOP fwd'
mends "a policy of the administrator's" policy-overridden \
        'printf "%s" "<busconfig><policy context=\"mandatory\"><deny send_destination=\"org.fwctl1\"/></policy></busconfig>" \
                >/etc/dbus-1/system.d/no.conf; systemctl reload dbus'
reload='busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig'
mends "a policy that the bus has not read" policy-not-loaded "$(without /usr/share/dbus-1/system.d/org.fwctl1.conf "$reload")"
mends "a user that is gone, so that systemd gave up" user-missing \
        'systemctl stop fwd; userdel fwd; until systemctl is-failed fwd; do systemctl start fwd || :; done'
guest 'rm /run/systemd/system/fwd.service.d/limit.conf; systemctl daemon-reload'
# It runs from before the package was replaced.
level=note mends "a service of another version" service-other-version \
        'systemctl reset-failed fwd; cp /usr/libexec/fwd/fwd /root/fwd-old
         version=$(fwctl --version | sed -n "s/^fwctl *//p"); LC_ALL=C sed -i "s/$version/$(echo "$version" | tr 0-9 9)/g" /root/fwd-old
         mount --bind /root/fwd-old /usr/libexec/fwd/fwd; systemctl restart fwd; umount -l /usr/libexec/fwd/fwd'
mends "a service that has missed a board" board-not-seen \
        'mkdir -p /run/systemd/system/fwd.service.d; printf "[Service]\nTemporaryFileSystem=/run/udev\n" >/run/systemd/system/fwd.service.d/blind.conf
         systemctl daemon-reload; systemctl reset-failed fwd; systemctl restart fwd; rm /run/systemd/system/fwd.service.d/blind.conf; systemctl daemon-reload'
mends "a user without the serial ports" user-not-in-serial-group 'gpasswd -d fwd dialout'

# ---- polkit, people -----------------------------------------------------------------------------------------

mends "polkit that is masked" polkit-masked 'systemctl mask --now polkit'
mends "polkit that has not read the actions" polkit-actions-not-loaded \
        "$(without /usr/share/polkit-1/actions/org.fwctl1.policy 'systemctl restart polkit; pkaction >/dev/null')"
mends "polkit that hangs" polkit-silent 'busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus StartServiceByName su \
                org.freedesktop.PolicyKit1 0; systemctl kill -s STOP polkit'
mends "polkit that is not installed" polkit-missing 'systemctl stop polkit; dpkg --force-depends -r polkitd'
guest 'systemctl restart polkit'

pilot='as_pilot fwctl doctor --json=short' remote='as_remote fwctl doctor --json=short' admin=$doctor
doctor=$pilot
found=$(guest "$doctor")
like "who sits at the machine may flash" "$(json "f('may-flash')['message']")" 'at the machine: you may flash'
is "what he may not see is told" "$(json "f('kernel-log-closed')['command']")" 'sudo fwctl doctor'
found=$(guest "cd /; $(json "f('kernel-log-closed')['command']") --json=short")
is "and the command shows it" "$(json "f('kernel-log')['level']")" ok
level=note mends "a person in the service's group" person-in-service-group 'usermod -aG fwd pilot'
acts "a rule that refuses" flash-refused 'printf "%s" "polkit.addRule(function(a, s) { if (a.id == \"org.fwctl1.flash\") return \"no\"; });" \
                >/etc/polkit-1/rules.d/00-no.rules; systemctl restart polkit' \
        'rm /etc/polkit-1/rules.d/00-no.rules; systemctl restart polkit'
doctor=$remote
mends "no agent over ssh" agent-missing 'rm /usr/bin/pkttyagent'
level=note settle=yes mends "somebody over ssh" password-needed ':'
like "who may flash then" "$(json "f('may-flash')['message']")" 'over the network .*: you may flash'
doctor=$admin

# ---- Others -------------------------------------------------------------------------------------------------

guest 'systemctl start ModemManager; plug betaflight-f405 1-1 || :'
mends "a rule that hands a board to ModemManager" modem-manager-forced \
        'echo "SUBSYSTEM==\"tty\", ATTRS{idVendor}==\"0483\", ENV{ID_MM_DEVICE_PROCESS}=\"1\"" >/etc/udev/rules.d/90-mine.rules
         udevadm control --reload; udevadm trigger --settle --action=add --subsystem-match=tty'
mends "a rule that takes the mark off" modem-manager-not-kept-off \
        'echo "ATTRS{idVendor}==\"0483\", ENV{ID_MM_DEVICE_IGNORE}=\"\"" >/etc/udev/rules.d/91-mine.rules
         udevadm control --reload; udevadm trigger --settle --action=add --subsystem-match=usb --subsystem-match=tty'
# Debian's brltty has no rules: it looks at each chip that a display could have.
mends "brltty that finds a CH340" brltty \
        'systemctl unmask brltty.service; systemctl start brltty.service; simctl plug ch340 1-2
         await 300 sh -c "dmesg | grep -q \"converter now disconnected from ttyUSB\""; udevadm settle'
is "the chip has its port again" "$(guest 'await 100 test -e /dev/ttyUSB0 && systemctl is-active brltty.service')" inactive
mends "brltty that finds a CP210x" brltty \
        'simctl unplug 1-2; systemctl enable --now brltty.service; simctl plug cp2102 1-3
         await 300 sh -c "dmesg | grep -q \"cp210x converter now disconnected from ttyUSB\""; udevadm settle'
is "it has its port again, too" "$(guest 'await 100 test -e /dev/ttyUSB0 && systemctl is-active brltty.service; simctl remove 1-3')" inactive
# A line as the generic rules of brltty before 6.5 have it.
mends "brltty that takes a CH340" brltty \
        'echo "SUBSYSTEM==\"usb\", ENV{PRODUCT}==\"1a86/7523/*\", ENV{BRLTTY_BRAILLE_DRIVER}=\"bm\"" >/lib/udev/rules.d/85-brltty.rules
         udevadm control --reload; insert 1-2 replug 1-2; await 50 test -e /dev/ttyUSB0; udevadm settle'
mends "a driver that was taken off a board" driver-not-bound 'echo 1-1:1.0 >/sys/bus/usb/drivers/cdc_acm/unbind; udevadm settle'
mends "a program that has claimed a board" interface-claimed 'claim 1-1; udevadm settle'
mends "a driver that is not loaded" driver-not-loaded 'rmmod cdc_acm'
mends "a driver that is forbidden" driver-forbidden 'echo "blacklist cdc_acm" >/etc/modprobe.d/mine.conf; rmmod cdc_acm'
# What the machine of this test cannot do for real (another kernel, 70 MB of one's drivers) is named, and undone by hand.
breaks "modules of another kernel" kernel-modules-gone 'mv /lib/modules/$(uname -r) /lib/modules/new; rmmod cdc_acm'
is "and the command" "$(json "f('kernel-modules-gone')['command']")" 'systemctl reboot'
gone "with the modules of this kernel it is gone" kernel-modules-gone 'mv /lib/modules/new /lib/modules/$(uname -r)'
breaks "a kernel without a driver" driver-missing \
        'cd /lib/modules/$(uname -r)/kernel/drivers/usb/class; mv cdc-acm.ko /tmp; depmod; ! grep -q ^cdc_acm /proc/modules || rmmod cdc_acm'
like "and the command" "$(json "f('driver-missing')['command']")" '^apt-get install --reinstall linux-image-[0-9].*-amd64$'
gone "with the driver it is gone" driver-missing 'cd /lib/modules/$(uname -r)/kernel/drivers/usb/class; mv /tmp/cdc-acm.ko .; depmod; modprobe cdc_acm'
mends "a port that the kernel may not use" device-not-authorized 'echo 0 >/sys/bus/usb/devices/1-1/authorized; udevadm settle'

# ---- Boards -------------------------------------------------------------------------------------------------

guest 'simctl remove 1-2; await 100 test -e /dev/ttyACM0; udevadm settle'
mends "a service that has a port open" port-held \
        'systemd-run --quiet --unit=holder --property=Type=exec --property=StandardInput=file:/dev/ttyACM0 sleep 1000'
mends "a program that has a port open" port-held \
        'systemd-run --quiet --scope sh -c "exec sleep 1000 </dev/ttyACM0" >/dev/null 2>&1 3>&- &
         await 50 sh -c "ls -l /proc/[0-9]*/fd | grep -q ttyACM0"'
acts "a program that has a bootloader open" bootloader-held \
        'MODE=bootloader plug stm32-f405 1-10
         systemd-run --quiet --unit=writer --property=Type=exec --property=StandardInput=file:"$(node 1-10)" sleep 1000' \
        'systemctl stop writer; simctl remove 1-10'
level=note mends "a bootloader that fwd does not know" unknown-bootloader 'MODE=bootloader insert 1-4 plug dfu11 1-4'

acts "a board that gets no address" device-no-address \
        "simctl plug betaflight-f405 1-5 mute=yes; $(logged 'usb1-port5: unable to enumerate' 1)" \
        'simctl unplug 1-5; simctl remove 1-5; plug betaflight-f405 1-5'
breaks "a bootloader that is kept off USB" device-no-address \
        "await 100 identified 1-5; simctl set 1-5 mute bootloader; fwctl --no-block reboot 1-5; $(logged 'usb1-port5: unable to enumerate' 2)
         await 100 sh -c 'fwctl doctor | grep -q \"Hold its BOOT\"'"
like "it says what was there" "$(json "f('device-no-address')['meaning']")" 'A board was there before.*receiver'
like "with the board's own hint" "$(json "f('device-no-address')['action']")" 'fwd knows of the board there: .*Hold its BOOT'
gone "and with a hand it comes" device-no-address 'MODE=bootloader insert 1-5 replug 1-5 mute=no boot-pin=yes'
acts "a port with too much current" port-over-current "echo 'usb usb1-port6: over-current condition' >/dev/kmsg; $(logged 'port6: over-current' 1)" \
        'plug betaflight-f405 1-6'
# What vhci_hcd's ports cannot do. A device that comes to the port ends it.
breaks "what else the kernel says of ports" port-no-link 'echo "usb usb1-port7: Cannot enable. Maybe the USB cable is bad?" >/dev/kmsg
        echo "usb 1-8: rejected 1 configuration due to insufficient available bus power" >/dev/kmsg
        echo "usb 1-9: can'"'"'t set config #1, error -110" >/dev/kmsg; '"$(logged '1-9: can.t set config' 1)"
is "a hub without enough current" "$(json "f('port-power')['port']")" 1-8
is "a device that cannot be set up" "$(json "f('device-not-configured')['port']")" 1-9
gone "they are gone with a device that comes" port-no-link \
        'for port in 1-7 1-8 1-9; do plug betaflight-f405 $port; simctl remove $port; done'
is "one as the other" "$(json "str(f('port-power')) + str(f('device-not-configured'))")" '{}{}'
level=note acts "no board" no-board 'for port in 1-1 1-4 1-5 1-6; do simctl unplug $port; simctl remove $port; done
        await 100 sh -c "! ls -d /sys/bus/usb/devices/*-*:1.0 | grep -v -- -0:"; udevadm settle' 'plug betaflight-f405 1-1'
acts "no USB" no-usb 'simctl quit; await 50 rmmod vhci_hcd' 'modprobe vhci_hcd'
mends "no bus" bus-unreachable 'systemctl stop dbus.socket dbus.service'
done_scenario
