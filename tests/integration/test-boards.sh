#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every kind of board, as boards.list has them: from its firmware into its bootloader, flashed, verified, and back, with
# its configuration, or its own loader, as it was. At the end, that no row of docs/boards.md was left out.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/lib/events.sh
. "$(dirname "$0")/../lib/events.sh"
list=$(dirname "$0")/boards.list
data=$source_dir/tests/data
export LC_ALL=C.UTF-8
session_start
events_start

# A GD32VF103 starts at the first byte of its flash: "j ." and some more.
riscv() {
        /usr/bin/python3 -B - "$data" <<-END
	import sys
	sys.path.insert(0, sys.argv[1])
	import make_bad
	print((make_bad.ihex([(0x08000000, b"\x6f\x00\x00\x00" + bytes(range(1, 253)) * 16)]) + make_bad.END).decode(), end="")
	END
}
riscv >"$session/riscv.hex"
"$tests_dir/data/make_x32.py" >"$session/x32.hex"

# An ODrive's names itself, and the board that it is for.
{
        cat "$data/hello-1.bin"
        printf 'ODrive 3.6 CDC Interface\0'
} >"$session/ODriveFirmware_v3.6-56V.bin"

# kept FILE: the part of the flash that a flash leaves alone
kept() {
        [ "$kept" = - ] || simctl dump "$port" "$1" "${kept%+*}" "${kept#*+}" >/dev/null
}

# The person holds BOOT until the bootloader is there.
into_bootloader() {
        [ "$way" = hand ] || return 0
        simctl replug "$port" boot-pin=1 >/dev/null
        check "$name: it comes in its bootloader" wait_board "$port" Mode bootloader
        simctl set "$port" boot-pin 0 >/dev/null
        is "$name: as its chip" "$(fwctl show "$port" -p Board --value)" "$bootloader"
}

# Which profile the hwdb has for the chip's bootloader: one that was asked keeps the profile of its firmware.
went_by_bootloader() {
        [ "$way" = itself ] || return 0
        local ids id went=no
        wait_board "$port" Mode bootloader && went=yes
        is "$name: it went by its bootloader" "$went" yes
        read -ra ids < <(sed -n 's/.*"VendorId":\([0-9]*\),"ProductId":\([0-9]*\),.*/\1 \2/p' <<<"$event")
        id=$(printf 'usb:v%04Xp%04X*' "${ids[@]}")
        is "$name: which is the chip's" \
                "$(grep -F -A3 "$id" "$source_dir/udev/70-fwd.hwdb" | sed -n 's/^ FWD_BOARD=//p')" "$bootloader"
}

find_image() { # NAME
        local dir
        for dir in "$data" "$build_dir/tests/data/crazyflie" "$session"; do
                [ -e "$dir/$1" ] && echo "$dir/$1" && return
        done
        session_die "no image $1"
}

# Every byte of the file is in the flash: by another file of the same name with addresses, or where the profile puts it.
flash_has() { # FILE
        local hex=${1%.*}.hex start=0x08000000
        [[ $kind != *x32* ]] || start=0x15000000
        if [ -e "$hex" ]; then
                simctl dump "$port" "$session/after" "$start" >/dev/null
                check "$name: every byte is in its flash" "$tests_dir/lib/flash-has.py" "$hex" "$session/after" "$start"
        else
                start=$(sed -n 's/^RawAddress=//p' "$source_dir/daemon/board/profiles/$profile.board")
                simctl dump "$port" "$session/after" "$start" "$(stat -c %s "$1")" >/dev/null
                same_bytes "$name: every byte is in its flash" "$1" "$session/after"
        fi
        rm -f "$session/after"
}

one_board() {
        # A chip of its own for each: else it would be known in its bootloader as the board of another line.
        local image knobs=("uid=$(printf %08x "$n")3334510b32313533" "$@") output
        image=$(find_image "$image_name")
        [[ $way = itself || $profile != unknown-vcp ]] || knobs+=(boot-pin=0 firmware-boots=yes after-leave=auto)
        simctl plug "$kind" "$port" "${knobs[@]}" >/dev/null
        check "$name: it comes" wait_board "$port" Mode firmware
        is "$name: is known" "$(fwctl show "$port" -p Board --value)" "$profile"
        kept "$session/before"
        into_bootloader
        check_exit "$name: flashed" 0 fwctl flash "$port" "$image"
        like "$name: and verified" "$output" "flashed and verified"
        went_by_bootloader
        is "$name: runs again" "$(fwctl show "$port" -p Mode,Board --value | paste -sd' ')" "firmware $profile"
        flash_has "$image"
        [ "$kept" = - ] || {
                kept "$session/kept"
                same_bytes "$name: what is to stay is as it was" "$session/before" "$session/kept"
        }
        simctl remove "$port" >/dev/null
        rm -f "$session/before" "$session/kept"
        printf '%s\n' "$profile $kind" "$bootloader $kind" >>"$session/ran"
}

n=0
while read -r kind profile bootloader way image_name kept knobs; do
        [[ -n $kind && $kind != \#* ]] || continue
        n=$((n + 1)) port=1-$((n % 7 + 1))
        name="$kind as $profile"
        # shellcheck disable=SC2086 # one knob a word
        one_board $knobs
done <"$list"

# What the table says was tried, and what was: a row for each of its kinds.
told() {
        sed -n '/^## Boards that are flashed/,/^## Boards that are only/s/^| .*| `\([a-z0-9-]*\)` |.* | \([^|]*\) |$/\1 \2/p' \
                "$source_dir/docs/boards.md" | while read -r profile kinds; do
                for kind in ${kinds//,/ }; do echo "$profile $kind"; done
        done | sort -u
}
told >"$session/told"
check "docs/boards.md has rows" test -s "$session/told"
check "each row of docs/boards.md was taken through, and no other" diff "$session/told" <(sort -u "$session/ran")

events_stop
done_testing
