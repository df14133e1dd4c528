#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every action by everybody: who sits at the machine, who comes over ssh, nobody, and an administrator with and without a
# terminal to be asked on. Who may not changes nothing.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

# The boards: 1-1 in its firmware, 1-2 in one that has custom defaults, 3-1 a bare chip, 5-1 with a loader of its own.
machine
guest '
        plug betaflight-f405 1-1 && plug betaflight-f405 1-2 version=4.3.1 custom-defaults=1 uid=0011223344556677889900aa
        MODE=bootloader plug stm32-f405 3-1 && plug crazyflie 5-1 && await 100 identified 1-1 && await 100 identified 1-2
        may_ssh remote && may_ssh admin
        echo admin:Up-and-away | chpasswd
        cp $data/hello-1.bin /tmp
        fwctl backup 1-1 /tmp/config.txt && chmod 644 /tmp/config.txt
        fwctl backups --json=short | sed "s/.*\"Id\":\"\([^\"]*\)\".*/\1/" >/tmp/backup-id
        # Each action in turn, as whoever runs it: its name and how fwctl ended. With a terminal fwctl may ask on it.
        cat >/tmp/actions <<\END
me=$(id -un)
say() {
        name=$1
        shift
        if [ -t 0 ]; then "$@" >/tmp/$me-$name.out; else "$@" </dev/null >/tmp/$me-$name.out 2>&1; fi
        echo "$name:$?"
}
say list fwctl list
say inspect fwctl inspect /tmp/hello-1.bin
say identify fwctl identify 1-1
say backup fwctl backup 1-1 /tmp/$me-config.txt
say kept-backup fwctl restore 1-1 "$(cat /tmp/backup-id)"
say restore fwctl restore 1-1 /tmp/config.txt
say restore-force fwctl restore --force 1-1 /tmp/config.txt
say restore-plan fwctl restore --dry-run --force 1-1 /tmp/config.txt
say defaults-plan fwctl restore --dry-run --custom-defaults 1-2
say defaults fwctl restore --custom-defaults 1-2
say reboot fwctl reboot 1-1
say leave fwctl leave 1-1
say read fwctl read --no-leave 3-1 /tmp/$me-flash.bin
say flash fwctl flash --no-leave --address=0x08000000 3-1 /tmp/hello-1.bin
say flash-force fwctl flash --force --no-leave --address=0x08000000 3-1 /tmp/hello-1.bin
say dry-run fwctl erase --dry-run --yes 3-1
say erase fwctl erase --yes 3-1
say unprotect fwctl unprotect --yes 3-1
say recover-bootloader fwctl recover-bootloader 5-1 /tmp/hello-1.bin
END
        cat >/tmp/state <<\END
for port in 1-1 1-2 3-1 5-1; do simctl dump $port /tmp/dump && sha256sum </tmp/dump; done
fwctl jobs --no-legend | wc -l
END' >/dev/null

# denied_all NAME 'AS WHOM': sees all, touches nothing
free="list:0 inspect:0"
denied="$free identify:4 backup:4 kept-backup:4 restore:4 restore-force:4 restore-plan:4 defaults-plan:4 defaults:4 \
reboot:4 leave:4 read:4 flash:4 flash-force:4 dry-run:4 erase:4 unprotect:4 recover-bootloader:4"
denied_all() {
        local out
        out=$(guest "
                before=\$(sh /tmp/state)
                $2
                [ \"\$before\" = \"\$(sh /tmp/state)\" ] && echo untouched" 2>&1)
        is "$1: reads, and may do nothing else" "$(grep -E '^[a-z-]+:[0-9]+$' <<<"$out" | xargs)" "$denied"
        is "$1: nothing has changed, and no job was made" "$(grep -x untouched <<<"$out")" untouched
}
denied_all "over ssh" 'over_ssh remote "sh /tmp/actions"'
denied_all "nobody" 'runuser -u nobody -- sh /tmp/actions'
denied_all "an administrator who cannot be asked" 'over_ssh admin "sh /tmp/actions"'
like "who is refused learns what to ask for" "$(guest 'cat /tmp/remote-flash.out')" \
        'authenticate for that \(org\.fwctl1\.flash\).*Nothing was changed.*ssh -t.*polkit rule'

# --- at the seat
out=$(guest 'as_pilot sh /tmp/actions' 2>&1)
is "at the seat: all that costs no board, nothing else" "$(grep -E '^[a-z-]+:[0-9]+$' <<<"$out" | xargs)" \
        "$free identify:0 backup:0 kept-backup:0 restore:0 restore-force:4 restore-plan:0 defaults-plan:0 \
defaults:0 reboot:0 leave:0 read:0 flash:0 flash-force:4 dry-run:0 \
erase:4 unprotect:4 recover-bootloader:4"
guest 'simctl dump 3-1 /tmp/dump; cmp -n "$(stat -c %s /tmp/hello-1.bin)" /tmp/dump /tmp/hello-1.bin'
is "at the seat: the chip is flashed, and was not erased after it" $? 0

# --- an administrator, on a terminal
guest 'await 100 identified 1-1'
out=$(vm_timeout=300 guest 'at_terminal admin Up-and-away "sh /tmp/actions"' 2>/dev/null)
is "an administrator's password opens all" "$(grep -E '^[a-z-]+:[0-9]+$' <<<"$out" | xargs)" \
        "$free identify:0 backup:0 kept-backup:0 restore:0 restore-force:0 restore-plan:0 defaults-plan:0 \
defaults:0 reboot:0 leave:0 read:0 flash:0 flash-force:0 dry-run:0 \
erase:0 unprotect:0 recover-bootloader:0"
is "each action is asked for" "$(sed -n 's/.*==== AUTHENTICATING FOR \(.*\) ====.*/\1/p' <<<"$out" | sort -u | xargs)" \
        "$(printf 'org.fwctl1.%s ' backup erase flash flash-force identify leave read reboot recover-bootloader restore restore-force unprotect | sed 's/ $//')"
like "the question names the board and the file" "$out" 'to flash "hello-1\.bin" to board 3-1 \(STM32 in its bootloader\)'
like "a backup of the service's own is called that" "$out" 'to write the configuration "kept backup" to board 1-1'
like "and the custom defaults are called that" "$out" 'to write the configuration "custom defaults" to board 1-2'
like "also of what is not kept" "$out" 'to erase the flash of board 3-1 \(STM32 in its bootloader\)'
unlike "no name is left open" "$out" '\$\('
[ "$tap_failed" -eq 0 ] || tap_diag "$out"

out=$(guest 'at_terminal admin Up-and-away "for n in 1 2; do
        fwctl flash --no-leave --address=0x08000000 3-1 /tmp/hello-1.bin
        fwctl flash --force --no-leave --address=0x08000000 3-1 /tmp/hello-1.bin
done
rm -f /tmp/again.txt
fwctl backup 1-1 /tmp/again.txt"' 2>/dev/null)
# polkit keeps a right for the process that asked: two calls of one fwctl.
is "a right that is kept is asked for once" "$(grep -c 'AUTHENTICATING FOR org.fwctl1.backup ====' <<<"$out")" 1
is "the right to force is asked for each time" "$(grep -c 'AUTHENTICATING FOR org.fwctl1.flash-force ====' <<<"$out")" 2
is "all four were flashed" "$(grep -c 'flashed and verified' <<<"$out")" 4

out=$(guest 'at_terminal remote Up-and-away "fwctl flash --no-leave --address=0x08000000 3-1 /tmp/hello-1.bin"; echo "exit: $?"' 2>/dev/null)
like "over ssh an administrator can type the password for somebody else" "$out" 'Authenticating as: admin.*flashed and verified.*exit: 0'
out=$(guest 'simctl load 3-1 $data/hello-2.bin; simctl dump 3-1 /tmp/before
        at_terminal remote wrong "fwctl flash --force --no-leave --address=0x08000000 3-1 /tmp/hello-1.bin"; echo "exit: $?"
        simctl dump 3-1 /tmp/after; cmp /tmp/before /tmp/after && echo untouched' 2>/dev/null)
like "a wrong password opens nothing" "$out" 'AUTHENTICATION FAILED.*exit: 4.*untouched'

# --- whose job it is
out=$(guest '
        slow_boards
        FWD_SIM_CONTROL=/run/slow.sock MODE=bootloader plug stm32-f405 7-1
        fwctl flash --no-block --no-leave --address=0x08000000 7-1 $data/hello-2.bin
        await 300 changing 7-1
        kill -STOP $(pidof fwd-worker)
        job=$(fwctl jobs --no-legend | sed -n "s/^\([0-9]*\) *7-1 .*/\1/p")
        as_pilot fwctl cancel --no-block $job </dev/null; echo "pilot: $?"
        over_ssh remote "fwctl cancel --no-block $job"; echo "remote: $?"
        runuser -u nobody -- fwctl cancel --no-block $job </dev/null; echo "nobody: $?"
        over_ssh admin "fwctl cancel --no-block $job"; echo "admin: $?"
        changing 7-1 && echo "runs on"
        at_terminal admin Up-and-away "fwctl cancel --no-block $job"; echo "admin, asked: $?"
        kill -CONT $(pidof fwd-worker)
        fwctl wait $job; echo "wait: $?"
        as_pilot sh -c "fwctl flash --no-block --no-leave --address=0x08000000 7-1 $data/hello-2.bin
                fwctl cancel \$(fwctl jobs --no-legend | sed -n \"s/^\([0-9]*\) *7-1 .*-\\\$/\1/p\") </dev/null"; echo "own: $?"
        fwctl jobs' 2>&1)
is "another's job: nobody cancels it without a password" "$(grep -E '^(pilot|remote|nobody|admin): ' <<<"$out" | xargs)" \
        'pilot: 4 remote: 4 nobody: 4 admin: 4'
like "it runs on" "$out" 'runs on'
like "an administrator may, and is told whose board it is" "$out" 'cancel a job of another user on board 7-1 \(.*admin, asked: 0'
like "then it ends" "$out" 'wait: 11'
like "one's own job is cancelled without a question" "$out" 'own: (0|11)'
[ "$tap_failed" -eq 0 ] || tap_diag "$out"
done_scenario
