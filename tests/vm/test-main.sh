#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job on a real system, from the installed package, for each kind of person.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
out=$(guest 'systemctl show fwd -p User -p NRestarts; stat -c "%U %a" /var/lib/fwd')
like "the service runs as its own user" "$out" 'User=fwd'
like "it started at the first try" "$out" 'NRestarts=0'
like "nobody else reads its state" "$out" 'fwd 700'

# At the seat, without sudo
guest 'plug betaflight-f405 1-1 && await 100 identified 1-1'
out=$(guest 'as_pilot fwctl list')
like "a Betaflight board is listed for the person at the seat" "$out" '1-1 +firmware +SPEEDYBEEF405V4 +BTFL'
out=$(guest 'cp $data/hello-1.hex /tmp; as_pilot fwctl flash 1-1 /tmp/hello-1.hex')
is "who flashes it without sudo" $? 0
like "and hears that it was verified" "$out" 'flashed and verified'
out=$(guest 'fwctl list')
like "the board is back" "$out" '1-1 +firmware +SPEEDYBEEF405V4'
guest 'simctl dump 1-1 /tmp/flash.bin; cmp -n "$(stat -c %s $data/hello-1.bin)" /tmp/flash.bin $data/hello-1.bin'
is "its flash has the file's bytes" $? 0
fetch /tmp/flash.bin "$scenario_files/flash.bin"
check "and they boot" "$tests_dir/data/boot" "$scenario_files/flash.bin" 'fwd test firmware 1'

# Over ssh: asked to be an administrator, until a rule says otherwise
guest 'MODE=bootloader plug stm32-f405 3-1; simctl dump 3-1 /tmp/before.bin; cp $data/hello-1.bin /home/remote/'
out=$(guest 'as_remote fwctl --no-ask-password flash 3-1 hello-1.bin --address=0x08000000' 2>&1)
is "over ssh a stranger may not" $? 4
like "and hears what to ask for" "$out" 'authenticate.*org\.fwctl1\.flash'
guest 'simctl dump 3-1 /tmp/after.bin; cmp /tmp/before.bin /tmp/after.bin'
is "and nothing has changed" $? 0
guest 'groupadd -f fwd-operators; usermod -aG fwd-operators remote; cp $data/50-fwd-operators.rules /etc/polkit-1/rules.d/
        systemctl restart polkit'
out=$(guest 'as_remote fwctl --no-ask-password flash 3-1 hello-1.bin --address=0x08000000' 2>&1)
is "with the example rule a group may, over ssh" $? 0
like "a bare chip is flashed and verified" "$out" 'flashed and verified'
guest 'simctl dump 3-1 /tmp/flash.bin; cmp -n "$(stat -c %s $data/hello-1.bin)" /tmp/flash.bin $data/hello-1.bin'
is "it has the file's bytes" $? 0

# Listing needs no question at all
guest_ok "anybody may list" 'runuser -u nobody -- fwctl list'

# Re-enumeration: unplugged in the middle
guest 'plug betaflight-f405 5-1 && await 100 identified 5-1; simctl set 5-1 unplug-byte 100'
out=$(guest 'fwctl flash 5-1 $data/hello-1.hex' 2>&1)
is "a board pulled in mid-write is DeviceLost" $? 8
like "and its state is told" "$out" 'partly written|erased'

done_scenario
