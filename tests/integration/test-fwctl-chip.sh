#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl read, erase and unprotect, --dry-run and --save-old, on simulated boards through the whole stack.
# shellcheck disable=SC2317 # some functions are called by check
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
here=$(cd "$(dirname "$0")" && pwd)
data=$build_dir/tests/data
export SIM_TIME_SCALE=0.02 LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS
FWD_ENV=("FWD_AWAIT_MS=3000,1000")
session_start bus polkit
# A board of the administrator's own, with plain DFU 1.1: a hwdb line and a profile.
hwdb_compile
printf 'usb:v1209p0001*\n FWD_MODE=bootloader\n FWD_BOARD=bench-device\n' >"$session/hwdb/etc/udev/hwdb.d/90-bench.hwdb"
systemd-hwdb --root="$session/hwdb" update
mkdir "$session/profiles"
printf '[Board]\nTitle=Bench device\nIdentify=never\n\n[Bootloader]\nHint=Hold its button.\n' >"$session/profiles/bench-device.board"
export FWD_PROFILE_PATH=$session/profiles:$source_dir/daemon/board/profiles
sim_start
fwd_start

dump() { rm -f "$1"; simctl dump 1-1 "$1" >/dev/null; }
# unchanged NAME MODE: the flash is as in $session/before, and the board is in that mode
unchanged() {
        dump "$session/after"
        same_bytes "$1: the flash is as it was" "$session/before" "$session/after"
        is "$1: the board is in its $2" "$(fwctl show 1-1 -p Mode --value)" "$2"
}
blank() { # START END in the dump: nothing but 0xFF
        dump "$session/after"
        [ "$(tail -c +$(($1 + 1)) "$session/after" | head -c $(($2 - $1)) | tr -d '\377' | wc -c)" = 0 ]
}

check "a board" simctl plug betaflight-f405 1-1
simctl load 1-1 "$data/hello-1.bin" >/dev/null
check "it is known" wait_for 1-1 BoardName SPEEDYBEEF405V4
dump "$session/before"

# --- plans: from the chip's name, without a step of the board
check_exit "dry run of a flash" 0 fwctl flash --dry-run "$data/hello-2.hex"
like "it tells sectors, blocks, bytes and seconds" "$output" \
        "would erase [0-9]+ sectors \([0-9]+ bytes\), write [0-9]+ bytes in [0-9]+ blocks, in about [0-9]+ s"
like "and that nothing was changed" "$output" "Nothing was changed"
unchanged "dry run of a flash" firmware
check_exit "dry run of an erase, as JSON" 0 fwctl -j erase --dry-run
like "the plan is in the details" "$output" '"PlanSectors": ?"12"'
unchanged "dry run of an erase" firmware
check_exit "dry run of a file for elsewhere" 6 fwctl flash --dry-run "$data/bad/over-the-end.hex"
unchanged "dry run of a file for elsewhere" firmware

# --- reading, from the firmware and back
check_exit "read" 0 fwctl read "$session/flash.bin"
same_bytes "all of the flash is in the file" "$session/before" "$session/flash.bin"
unchanged "read" firmware
check_exit "a file that is there is not overwritten" 2 fwctl read "$session/flash.bin"
like "and what to do is said" "$output" "is there already"
check_exit "but with --force it is" 0 fwctl read --force --range=0x08008000+16K 1-1 "$session/flash.bin"
tail -c +$((0x8001)) "$session/before" | head -c 16384 >"$session/part"
same_bytes "with the range, and no more" "$session/part" "$session/flash.bin"
unchanged "read of a range" firmware
check_exit "--no-leave" 0 fwctl read --no-leave --force --range=0x08008000+16K 1-1 "$session/flash.bin"
is "leaves the board in its bootloader" "$(fwctl show 1-1 -p Mode --value)" bootloader
check_exit "from where it is started" 0 fwctl leave 1-1
check_exit "a range that is no memory" 6 fwctl read --range=0x20000000+16 "$session/none.bin"
is "leaves no file" "$(ls "$session/none.bin" 2>/dev/null)" ""
unchanged "a range that is no memory" firmware
check_exit "a range that is none" 2 fwctl read --range=all "$session/none.bin"
check_exit "a directory that is not there" 2 fwctl read "$session/no/file.bin"
is "the board was not moved for it" "$(fwctl show -p Mode --value)" firmware

# --- the old flash, before a new one
check_exit "flash --save-old" 0 fwctl flash --save-old="$session/old.bin" "$data/hello-2.hex"
same_bytes "the old flash is in the file" "$session/before" "$session/old.bin"
like "and the new one is in" "$output" "flashed and verified"
check_exit "not into a file that is there" 2 fwctl flash --force --save-old="$session/old.bin" "$data/hello-1.hex"
dump "$session/before"

# --- erasing
check_exit "erase asks, and nobody can be asked here" 2 fwctl erase </dev/null
like "so it says how" "$output" "--yes"
unchanged "erase without a word" firmware
check_exit "on a terminal it asks, and no is no" 11 "$here/pty-talk.py" "expect:Type yes" 'send:no\n' -- fwctl erase
unchanged "erase with a no" firmware
polkit_answer org.fwctl1.erase deny
check_exit "who may not erase does not" 4 fwctl erase --yes
unchanged "who may not erase" firmware
polkit_answer org.fwctl1.erase allow
check_exit "half a sector" 2 fwctl erase --yes --range=0x08004000+1K
unchanged "half a sector" firmware
check_exit "erase one sector" 0 fwctl erase --yes --range=0x08004000+16K
check "it is blank" blank 0x4000 0x8000
is "the others are as they were" "$(tail -c +$((0x8001)) "$session/after" | sha256sum)" \
        "$(tail -c +$((0x8001)) "$session/before" | sha256sum)"
is "the board is in its bootloader" "$(fwctl show -p Mode --value)" bootloader
check_exit "and its firmware can be started" 0 fwctl leave
check_exit "erase all, after a yes on a terminal" 0 "$here/pty-talk.py" "expect:Type yes" 'send:yes\n' \
        "expect:erased and blank" -- fwctl erase
check "all of it is blank" blank 0 0x100000
check_exit "a dry run in the bootloader asks the chip" 0 fwctl erase --dry-run
like "and has its plan" "$output" "would erase 12 sectors \(1048576 bytes\)"

# --- read protection
simctl remove 1-1 >/dev/null
check "a protected chip" simctl plug stm32-f405 1-1 rdp=1
check "is seen" wait_for 1-1 Mode bootloader
dump "$session/before"
check_exit "identify" 0 fwctl identify
like "it is protected" "$output" "ReadProtected: (yes|true)"
like "what takes that off is the board's hint" "$(fwctl show -p Hint --value)" "fwctl unprotect.*erases all"
check_exit "read is refused" 9 fwctl read "$session/none.bin"
like "and what takes the protection off is said" "$output" "fwctl unprotect"
is "there is no file" "$(ls "$session/none.bin" 2>/dev/null)" ""
check_exit "flash is refused" 9 fwctl flash "$data/hello-1.hex"
check_exit "erase is refused" 9 fwctl erase --yes
unchanged "a protected chip" bootloader
check_exit "unprotect asks" 2 fwctl unprotect </dev/null
polkit_answer org.fwctl1.unprotect deny
check_exit "who may not unprotect does not" 4 fwctl unprotect --yes
unchanged "who may not unprotect" bootloader
polkit_answer org.fwctl1.unprotect allow
check_exit "a dry run of it" 0 fwctl unprotect --dry-run
like "says that all goes" "$output" "erases all 1048576 bytes"
unchanged "a dry run of unprotect" bootloader
check_exit "unprotect" 0 fwctl unprotect --yes
like "it is open now" "$output" "not read protected any more"
is "the service knows" "$(fwctl show -p ReadProtected --value)" "$(fwctl show -j | /usr/bin/python3 -c 'import json, sys; print("no" if not json.load(sys.stdin)["ReadProtected"] else "yes")')"
is "and has no hint any more" "$(fwctl show -p Hint --value)" ""
like "and shows the option bytes, level 0" "$(fwctl show -p OptionBytes --value)" "^efaa"
check "the chip is blank" blank 0 0x100000
check_exit "it can be flashed" 0 fwctl flash --no-leave "$data/hello-1.hex"
dump "$session/before"
check_exit "unprotect once more does nothing" 0 fwctl unprotect --yes
unchanged "unprotect of an open chip" bootloader

# --- a board that was never seen with its firmware
simctl remove 1-1 >/dev/null
check "a board in its bootloader" simctl plug stm32-f405 1-1 uid=00aa00bb00cc00dd00ee00ff
check "is seen" wait_for 1-1 Mode bootloader
dump "$session/before"
check_exit "firmware for another chip" 6 fwctl flash "$source_dir/tests/data/hello-5.hex"
like "is refused by what the chip is" "$output" "for STM32F722.*chip of this board is an STM32F405"
unchanged "firmware for another chip" bootloader
check_exit "in a dry run, too" 6 fwctl flash --dry-run "$source_dir/tests/data/hello-5.hex"
check_exit "firmware for the chip" 0 fwctl flash --no-leave "$source_dir/tests/data/hello-4.hex"
like "is taken, and that nobody knows its board is said" "$output" "board called MATEKF405TE.*could not be checked"
check_exit "firmware that names no board" 0 fwctl flash --no-leave "$source_dir/tests/data/hello-1.hex"
unlike "needs no such words" "$output" "could not be checked"
check_exit "--force" 0 fwctl flash --force --no-leave "$source_dir/tests/data/hello-5.hex"

# --- plain DFU 1.1: no addresses, and no more than the device gives
simctl remove 1-1 >/dev/null
check "a device with plain DFU" simctl plug dfu11 1-1
check "is seen" wait_for 1-1 Mode bootloader
head -c 5000 /dev/urandom >"$session/firmware.bin"
simctl load 1-1 "$session/firmware.bin" 0 >/dev/null
check_exit "read" 0 fwctl read "$session/plain.bin"
like "tells how much it was" "$output" "read, 65536 bytes"
same_bytes "it is what the device has" "$session/firmware.bin" <(head -c 5000 "$session/plain.bin")
check_exit "a part of it cannot be read" 1 fwctl read --range=0x0+1K "$session/part.bin"
like "and why" "$output" "no addresses"
head -c 7000 /dev/urandom >"$session/next.bin"
check_exit "flash, with the old one kept" 0 fwctl flash --address=0 --save-old="$session/plain-old.bin" "$session/next.bin"
same_bytes "what was kept is what was there" "$session/plain.bin" "$session/plain-old.bin"
simctl remove 1-1 >/dev/null
check "one that cannot be read" simctl plug dfu11 1-1 no-upload=yes
check "is seen" wait_for 1-1 Mode bootloader
check_exit "read is refused" 1 fwctl read "$session/none.bin"
like "and why" "$output" "cannot be read"
is "there is no file" "$(ls "$session/none.bin" 2>/dev/null)" ""
check_exit "so is a flash that is to keep the old one" 1 fwctl flash --address=0 --save-old="$session/none.bin" "$session/next.bin"
like "before anything is written" "$output" "untouched"
simctl remove 1-1 >/dev/null
check "a chip again" simctl plug stm32-f405 1-1
check "is seen" wait_for 1-1 Mode bootloader

# --- unplugged
check_exit "a board pulled while it is read" 8 bash -c 'simctl set 1-1 unplug-upload 300 >/dev/null; exec fwctl read "$1"' _ "$session/none.bin"
is "leaves no file" "$(ls "$session/none.bin" 2>/dev/null)" ""
simctl remove 1-1 >/dev/null
check "a chip" simctl plug stm32-f405 1-1 unplug-erase=3
check "is seen" wait_for 1-1 Mode bootloader
check_exit "pulled while it is erased" 8 fwctl erase --yes
like "what is left of it is told" "$output" "is erased: it has no firmware now"
simctl remove 1-1 >/dev/null
check "a protected chip" simctl plug stm32-f405 1-1 rdp=1 unplug-dnload=2
check "is seen" wait_for 1-1 Mode bootloader
check_exit "pulled while its protection is taken off" 8 fwctl unprotect --yes
like "it is told" "$output" "removing the read protection: the board went away"
simctl set 1-1 clear-faults 1 >/dev/null
simctl replug 1-1 >/dev/null
check "it is back" wait_for 1-1 Mode bootloader
check_exit "and can be freed" 0 fwctl unprotect --yes

done_testing
