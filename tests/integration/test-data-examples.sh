#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-data-examples.sh FIRMWARE: the examples in docs/examples do what they say, on a simulated board.
set -u
here=$(dirname "$(realpath "$0")")
# shellcheck source=tests/lib/session.sh
. "$here/../lib/session.sh"
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
firmware=$(realpath "$1")
examples=$source_dir/docs/examples

SIM_TIME_SCALE=1 session_start bus polkit sim
# A board that is known and cannot be flashed, by a profile of the administrator's.
mkdir -p "$session/etc"
export FWD_PROFILE_PATH="$session/etc:$source_dir/daemon/board/profiles"
fwd_start
simctl plug betaflight-f405 1-1 >/dev/null
simctl wait 1-1 firmware >/dev/null

if output=$(/usr/bin/python3 "$examples/flash.py" 1-1 "$firmware" 2>&1); then
        ok "flash.py runs"
else
        not_ok "flash.py runs" "$output"
fi
case $output in
*"success: the board's firmware is verified"*) ok "it says that the board is verified" ;;
*) not_ok "it says that the board is verified" "$output" ;;
esac
case $output in
*erasing:*%*|*writing:*%*) ok "it shows how it goes" ;;
*) not_ok "it shows how it goes" "$output" ;;
esac

check_exit "flash.py fails for a port without a board" 1 /usr/bin/python3 "$examples/flash.py" 1-9 "$firmware"
case $output in
org.fwctl1.Error.NotFound:*) ok "… and says why" ;;
*) not_ok "… and says why" "$output" ;;
esac

check_exit "reboot.sh runs" 0 "$examples/reboot.sh" 1-1
case $output in
*success*) ok "… and brings the board into its bootloader" ;;
*) not_ok "… and brings the board into its bootloader" "$output" ;;
esac

# The administrator says: not this kind of board.
cat >"$session/etc/betaflight.board" <<-END
	[Board]
	Title=Our boards
	Identify=asked
	[Firmware]
	Flash=no
	[Bootloader]
	Hint=Ask the workshop.
END
simctl plug betaflight-f405 1-2 >/dev/null
simctl wait 1-2 firmware >/dev/null
check_exit "a profile in /etc/fwd with Flash=no keeps a board from being flashed" 1 \
        /usr/bin/python3 "$examples/flash.py" 1-2 "$firmware"
case $output in
*"Our boards"*"Ask the workshop."*) ok "… and says what to do instead" ;;
*) not_ok "… and says what to do instead" "$output" ;;
esac

done_testing
