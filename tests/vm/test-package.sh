#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The package's life: upgraded in mid-job, removed, installed again, purged without a trace.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

check "lintian has nothing to say" lintian --pedantic --display-info --fail-on error,warning,info,pedantic --allow-root \
        "$vm_cache"/package/fwd_*_amd64.changes

machine
guest 'plug betaflight-f405 1-1 && await 100 identified 1-1'
out=$(guest '
        fwctl --json=short flash 1-1 $data/hello-2.hex >/tmp/flash.json 2>&1 3>&- &
        flash=$!
        simctl wait 1-1 bootloader 60
        simctl reset-stats 1-1
        simctl wait 1-1 transfers=60 60 # it erases or writes by then
        dpkg -i $data/fwd-next.deb
        wait $flash
        echo "flash $?"
        dpkg-query -W -f "\${Version}\n" fwd')
like "an upgrade in mid-job goes through" "$out" '\+next'
like "and the job came to its end" "$out" 'flash 0'
guest 'simctl wait 1-1 firmware; simctl dump 1-1 /tmp/flash.bin; cmp -n 16384 /tmp/flash.bin $data/hello-2.bin'
is "the board has the new firmware" $? 0
guest_ok "and is seen by the new service" 'await 100 known 1-1 && fwctl list | grep -q "1-1 *firmware"'

# An administrator's hwdb, made in /etc, is read instead of the distribution's: it has to be made again, too.
guest 'mkdir -p /etc/udev/hwdb.d; echo "# mine" >/etc/udev/hwdb.d/90-mine.hwdb; systemd-hwdb update'
guest 'plug ffbeast-wheel 5-1'
guest_ok "the package is removed" 'test -e /etc/udev/hwdb.bin && dpkg -r fwd'
out=$(guest 'systemctl list-unit-files fwd.service --no-legend; udevadm settle; udevadm info /sys/bus/usb/devices/1-1 | grep FWD_
        systemd-hwdb query usb:v0483p5740:SPEEDYBEEF405V4; ls -d /var/lib/fwd')
unlike "udev has forgotten the boards" "$out" 'FWD_'
unlike "and has nothing of them in its hwdb" "$out" 'ID_MM_DEVICE_IGNORE'
like "what people saved stays until a purge" "$out" '/var/lib/fwd'
is "their nodes belong to root again" "$(guest 'stat -c "%U:%G" "$(node 1-1)" /dev/hidraw0')" $'root:root\nroot:root'
guest_ok "it is installed again" 'dpkg -i $data/fwd.deb && systemctl is-active fwd && await 100 known 1-1'
out=$(guest 'dpkg -P fwd; find / -xdev \( -path "*fwd*" -o -path "*fwctl*" \) -not -path "/usr/local/*" -not -path "/proc/*" -not -path "/root/*" \
        -not -path "/tmp/*" -not -path "/var/log/*" -not -path "/run/systemd/*" -not -path "/etc/modules-load.d/fwd-vm.conf" -not -name "nft_fwd_*" -print
        find /dev -xdev -nogroup
        getent passwd fwd; getent group fwd')
is "purged, nothing is left" "$out" "$(grep -E '^\(Reading|^Removing|^Purging|^Processing' <<<"$out")"

done_scenario
