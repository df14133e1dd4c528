#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A state directory that cannot be written: all goes on but what needs a backup, which is refused before anything is
# touched; and that too, without a restart, when it can be written again. A file in its place stands for the read-only disk,
# which root would not notice otherwise; the real one is in tests/vm/test-life.sh.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
data=$tests_dir/data
session_start bus sim
: >"$session/disk"
FWD_ENV=(FWD_STATE_DIR="$session/disk/state")
fwd_start
like "it starts, and says what is missing" "$(fwd_log)" 'disk/state cannot be used, so no configuration can be kept: Not a directory'
simctl plug betaflight-f405 1-1
check "a board is known" wait_for 1-1 Variant BTFL
check_exit "and listed" 0 fwctl list
simctl dump 1-1 "$session/before"
before=$(simctl stats 1-1 | grep -o '"enumerations":[^,]*')

check_exit "a flash that keeps the configuration is refused" 1 fwctl -j flash --keep-config "$data/hello-1.hex"
like "by name, with the state of the board and what to do" "$output" '"name":"StorageFailed".*nothing was flashed.*untouched'
like "where the place is" "$output" '/var/lib/fwd'
check_exit "a backup too" 1 fwctl -j backup "$session/config.txt"
like "by the same name" "$output" '"name":"StorageFailed"'
simctl dump 1-1 "$session/after"
same_bytes "the board is what it was" "$session/after" "$session/before"
is "it was never asked for its bootloader" "$(simctl stats 1-1 | grep -o '"enumerations":[^,]*')" "$before"
check_exit "what is kept: an error of that name" 1 fwctl backups
check_exit "a flash that needs no backup goes through" 0 fwctl flash --no-keep-config "$data/hello-1.hex"

rm "$session/disk"
mkdir "$session/disk"
check_exit "writable again, without a restart" 0 fwctl -j flash --keep-config "$data/hello-2.hex"
like "it is kept" "$output" '"Config":"kept"'
is "and listed" "$(fwctl backups --no-legend | wc -l)" 1
done_testing
