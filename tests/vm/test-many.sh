#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A bench full of boards: 32 on four of the kernel's controllers, 16 of them flashed at once.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

machine
out=$(guest '
        for bus in 1 3 5 7; do
                for port in 1 2 3 4 5 6 7 8; do simctl plug stm32-f405 $bus-$port & done
        done
        wait
        for bus in 1 3 5 7; do
                for port in 1 2 3 4 5 6 7 8; do simctl wait $bus-$port bootloader 60; done
        done
        await 300 sh -c "[ \$(fwctl list --no-legend | grep -c bootloader) -eq 32 ]"
        fwctl list --no-legend | grep -c bootloader')
is "32 boards are on the bus" "$(tail -n 1 <<<"$out")" 32
out=$(vm_timeout=400 guest '
        for n in 1 2 3 4 5 6 7 8; do
                fwctl flash 1-$n $data/hello-1.hex >/tmp/1-$n.out 2>&1 3>&- &
                fwctl flash 3-$n $data/hello-2.hex >/tmp/3-$n.out 2>&1 3>&- &
        done
        wait
        for n in 1 2 3 4 5 6 7 8; do
                grep -l "flashed and verified" /tmp/1-$n.out /tmp/3-$n.out
                simctl dump 1-$n /tmp/f; cmp -n 256 /tmp/f $data/hello-1.bin && echo same
                simctl dump 3-$n /tmp/f; cmp -n 16384 /tmp/f $data/hello-2.bin && echo same
                simctl dump 5-$n /tmp/f; cmp -s -n 256 /tmp/f $data/hello-1.bin || echo untouched
        done')
is "16 at once, each with its own image" "$(grep -c '^same$' <<<"$out")" 16
is "and was told to be verified" "$(grep -c '^/tmp/[13]-[1-8]\.out$' <<<"$out")" 16
is "the others are untouched" "$(grep -c '^untouched$' <<<"$out")" 8
[ "$(grep -c '^same$' <<<"$out")" = 16 ] || tap_diag "$(guest 'tail -n 3 /tmp/?-?.out')"
done_scenario
