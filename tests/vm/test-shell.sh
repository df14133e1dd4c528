#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/vm/shell, as a person has it: boards to plug, people to be, and what each line ended with.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

out=$("$(dirname "$0")/shell" 2>&1 <<'END'
simctl kinds
simctl plug betaflight-f405 1-1 && simctl wait 1-1 firmware && await 100 identified 1-1
as_pilot fwctl flash 1-1 $data/hello-1.hex
as_remote 'fwctl list'
fwctl show 9-9
END
)
is "it ends well" $? 0
like "there are boards to plug" "$out" $'\nstm32-f405\n'
like "which whoever sits at the machine flashes" "$out" 'flashed and verified'
like "and is seen over ssh" "$out" '1-1 +firmware +SPEEDYBEEF405V4'
like "the exit status is told" "$out" '\(exit status 3\)'
[ "$tap_failed" -eq 0 ] || tap_diag "$out"
done_testing
