#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Does tests/demo show what it promises? Run by tests/run, not by meson: the demo makes a build of its own.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

check_exit "tests/demo succeeds" 0 ./tests/demo
# shellcheck disable=SC2154 # check_exit sets it
shown=$output
like "the board is in firmware mode" "$shown" $'\n1-1 +firmware +'
like "it is flashed and verified" "$shown" 'flashed and verified, 65956 bytes'
like "the bytes in the chip are the file's" "$shown" 'All 65956 bytes of the file are in the flash\.'
like "they boot, and greet" "$shown" $'\nfwd test firmware 2 on STM32F405'

output=$(./tests/demo --shell 2>&1 <<-'END'
	simctl plug stm32-h743v 1-2.3
	wait_for 1-2.3 Mode bootloader
	with_boards dfu-util -l
	simctl plug stm32-f405 1-3
	wait_for 1-3 Mode bootloader
	fwctl list
	exit
	END
)
is "tests/demo --shell ends well" $? 0
like "other programs see the boards" "$output" 'Found DFU: \[0483:df11\].*path="1-2.3"'
like "and fwd goes on seeing new ones" "$output" $'\n1-3 +bootloader +'

# The tests are built with sanitizers, which need exceptions from the worker's confinement; the demo is a release build.
check "the confinement of a release build is built" ninja -C build-demo tests/unit/worker/test-confinement
check "and holds without exceptions" build-demo/tests/unit/worker/test-confinement

check_exit "an unknown option is told" 1 ./tests/demo --nonsense
like "by its name" "$output" 'unknown option --nonsense'
done_testing
