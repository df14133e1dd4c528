#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Real dfu-util against the simulated ROM: the proof that the model speaks no private dialect. What it asks and in
# which order is known (dfu-util 0.11, dfuse.c), so the numbers of transfers are checked too.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
session_start sim

flash_start=0x08000000
dfu() { with_boards dfu-util "$@" </dev/null; }

# count PORT REQUEST: how often "bmRequestType/bRequest" was sent
count() {
        simctl stats "$1" | /usr/bin/python3 -c \
                'import json, sys; print(json.load(sys.stdin)["by_request"].get(sys.argv[1], 0))' "$2"
}
total() {
        simctl stats "$1" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["control"])'
}

head -c 4096 /dev/urandom >"$session/small"
head -c 150000 /dev/urandom >"$session/big" # to the middle of sector 5
fast="poll-erase=1 poll-write=1"

# --- list
# shellcheck disable=SC2086
check "a board can be plugged in" simctl plug stm32-f405 1-1.4 power-up=idle $fast
listed=$(dfu -l 2>&1)
for line in 'alt=0, name="@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"' \
        'alt=1, name="@Option Bytes  /0x1FFFC000/01*016 e"' \
        'alt=2, name="@OTP Memory /0x1FFF7800/01*512 e,01*016 e"' \
        'alt=3, name="@Device Feature/0xFFFF0000/01*004 e"'; do
        if grep -qF "Found DFU: [0483:df11] ver=2200, devnum=3, cfg=1, intf=0, path=\"1-1.4\", $line" <<<"$listed"; then
                ok "dfu-util lists ${line%%,*}"
        else
                not_ok "dfu-util lists ${line%%,*}" "$listed"
        fi
done
is "every string is read twice" "$(count 1-1.4 80/06)" 16

# --- download
simctl reset-stats 1-1.4
check_exit "dfu-util downloads" 0 dfu -p 1-1.4 -a 0 -s $flash_start -D "$session/small"
simctl dump 1-1.4 "$session/dump" $flash_start 4096
same_bytes "the file is in the flash" "$session/dump" "$session/small"
is "an erase, and address and data for each block" "$(count 1-1.4 21/01)" 5
is "two GETSTATUS for each, one at first, one at the end" "$(count 1-1.4 A1/03)" 12
is "one ABORT" "$(count 1-1.4 21/06)" 1
is "one SET_INTERFACE" "$(count 1-1.4 01/0B)" 1
is "no more transfers than those and the strings" "$(total 1-1.4)" 22

check_exit "a file over several sectors" 0 dfu -p 1-1.4 -a 0 -s $flash_start -D "$session/big"
simctl dump 1-1.4 "$session/dump" $flash_start 150000
same_bytes "is whole in the flash" "$session/dump" "$session/big"

# --- upload
simctl reset-stats 1-1.4
check_exit "dfu-util uploads" 0 dfu -p 1-1.4 -a 0 -s $flash_start:5000 -U "$session/up"
same_bytes "what it got is the flash" "$session/up" <(head -c 5000 "$session/big")
is "three blocks" "$(count 1-1.4 A1/02)" 3

# --- the state after power-up, leave
# shellcheck disable=SC2086
check "a board as it powers up" simctl plug stm32-f405 1-2 $fast
check_exit "dfu-util downloads and leaves" 0 dfu -p 1-2 -a 0 -s $flash_start:leave -D "$session/small"
like "it saw dfuERROR" "$output" 'state\(10\) = dfuERROR'
is "and cleared it" "$(count 1-2 21/04)" 1
is "downloads, with the leave" "$(count 1-2 21/01)" 7
is "GETSTATUS, one more for the error" "$(count 1-2 A1/03)" 16
is "in all" "$(total 1-2)" 29
check "the board leaves the bus" simctl wait 1-2 gone
simctl dump 1-2 "$session/dump" $flash_start 4096
same_bytes "with the file in its flash" "$session/dump" "$session/small"

# --- a flight controller, by its boot button and back
check "a flight controller in firmware mode" simctl plug betaflight-f405 1-3
check "its port is there" simctl wait 1-3 firmware
unlike "dfu-util does not see it" "$(dfu -l 2>&1)" 'path="1-3"'
# shellcheck disable=SC2086
check "replugged with its button held" simctl replug 1-3 boot-pin=1 $fast
check "it is in the bootloader" simctl wait 1-3 bootloader
like "and listed on the same port" "$(dfu -l 2>&1)" 'path="1-3", alt=0'
check "the button is let go" simctl set 1-3 boot-pin 0
check_exit "a DfuSe file" 0 dfu -p 1-3 -a 0 -s :leave -D "$source_dir/tests/data/hello-1.dfu"
check "the board comes back as firmware" simctl wait 1-3 firmware

# --- unplugged while it is written
# shellcheck disable=SC2086
simctl plug stm32-f405 1-4 $fast unplug-byte=20000
check_exit "unplugged at byte 20000: dfu-util gives up with EX_IOERR" 74 \
        dfu -p 1-4 -a 0 -s $flash_start -D "$session/big"
check "the board is gone" simctl wait 1-4 gone

# Held for good in a GETSTATUS, then unplugged from outside.
# shellcheck disable=SC2086
simctl plug stm32-f405 1-5 $fast hold-getstatus=20
LIBUSB_DEBUG=4 dfu -p 1-5 -a 0 -s $flash_start -D "$session/big" >"$session/dfu.out" 2>&1 &
pid=$!
simctl wait 1-5 transfers=30
simctl unplug 1-5
wait $pid
is "unplugged in a transfer: EX_IOERR" $? 74
unlike "it hears so, and is not left to its patience" "$(cat "$session/dfu.out")" 'timeout cancellation'

# --- claims
# shellcheck disable=SC2086
simctl plug stm32-f405 1-6 $fast hold-getstatus=20
dfu -p 1-6 -a 0 -s $flash_start -D "$session/big" >"$session/dfu.out" 2>&1 &
pid=$!
simctl wait 1-6 transfers=30
check_exit "a second program cannot have the interface" 74 dfu -p 1-6 -a 0 -s $flash_start -D "$session/small"
like "and is told why" "$output" 'LIBUSB_ERROR_BUSY'
kill -KILL $pid
wait $pid 2>/dev/null
simctl set 1-6 clear-faults 1
simctl replug 1-6
check_exit "a killed program holds nothing" 0 dfu -p 1-6 -a 0 -s $flash_start -D "$session/small"

done_testing
