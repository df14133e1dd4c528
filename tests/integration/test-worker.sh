#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwd-worker run by hand, as a person does, on simulated boards: no service, no bus.
#   test-worker.sh BAD-FILES   (the directory that tests/data/make_bad.py made)
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
bad=$1
data=$source_dir/tests/data
export FWD_PROFILE_PATH=$source_dir/daemon/board/profiles
# Slow enough to come in between; boards that are not about time get time-scale=0.
SIM_TIME_SCALE=0.2
session_start sim

# It listens to no udev, so nothing has to be kept apart (with_boards), and $! is the worker itself.
preload=$(preload_for "$worker_program")
worker() { LD_PRELOAD=$preload "$worker_program" "$@"; }
node_of() { simctl list | awk -v port="$1" '$1 == port { print $4 }'; }
tty_of() { simctl list | awk -v port="$1" '$1 == port { print $5 }'; }

# exit codes, base/error.c
worker_pid='' # of flash_until, for what it runs
declare -A exit_of=([InvalidImage]=6 [ImageTooLarge]=6 [AddressOutOfRange]=6 [WrongBoard]=6 [-]=0)

# --- inspect
check_exit "inspect tells what is in a file" 0 worker inspect --image="$data/hello-2.hex"
like "its format" "$output" 'Format +ihex'
like "its segments" "$output" 'Segments +0x08000000\+[0-9]+,0x08008000\+[0-9]+'
like "its hash" "$output" "Sha256 +$(sha256sum "$data/hello-2.hex" | cut -d' ' -f1)"
check_exit "a DfuSe file" 0 worker inspect --image="$data/hello-1.dfu" --board=betaflight
like "says what it is for" "$output" 'VendorId +0x0483'
check_exit "a raw file goes where the profile says" 0 worker inspect --image="$data/hello-1.bin" --board=betaflight
like "which is the start of the flash" "$output" 'Segments +0x08000000\+'
check_exit "or nowhere, without one" 0 worker inspect --image="$data/hello-1.bin"
unlike "and has no segments then" "$output" 'Segments'
mkfifo "$session/fifo"
for file in /dev/null "$session" "$session/fifo" "$session/not-there"; do
        check_exit "$(basename "$file") is no firmware" 6 worker inspect --image="$file"
done
like "and the message says why" "$output" 'InvalidImage: .*not-there cannot be opened: No such file'

# --- bad files: refused with a name, the board as it was
simctl plug stm32-f405 1-1 time-scale=0
node=$(node_of 1-1)
simctl dump 1-1 "$session/before"
while IFS=$'\t' read -r file operation error; do
        [ "$error" != - ] || continue
        if [ "$operation" = inspect ]; then
                check_exit "$file is refused" "${exit_of[$error]}" worker inspect --board=betaflight --image="$bad/$file"
                like "as $error" "$output" "^inspecting"$'\n'"$error: "
        fi
        check_exit "$file is not flashed" "${exit_of[$error]}" \
                worker flash --node="$node" --board=betaflight --image="$bad/$file"
        like "because of $error" "$output" $'\n'"$error: .*"$'\n'"The board is untouched"
done <"$bad/EXPECT"
simctl dump 1-1 "$session/after"
same_bytes "after all of that not a byte of the board differs" "$session/before" "$session/after"

# --- bad arguments
check_exit "no operation" 2 worker
check_exit "an unknown one" 2 worker polish
check_exit "an unknown option" 2 worker flash --node="$node" --image="$data/hello-1.hex" --option=verify=no
like "is named" "$output" 'InvalidArgument: This operation has no option verify\.'
check_exit "no node" 2 worker flash --image="$data/hello-1.hex"
check_exit "a profile that there is not" 2 worker flash --node="$node" --image="$data/hello-1.hex" --board=spaceship
check_exit "a path for a profile" 2 worker flash --node="$node" --image="$data/hello-1.hex" --board=../../etc/passwd
check_exit "a descriptor that is not open" 2 worker inspect --image-fd=77
check_exit "a file as a descriptor that must be sealed" 2 worker inspect --image-fd=7 7<"$data/hello-1.hex"
check_exit "another USB id" 6 worker flash --node="$node" --image="$data/hello-1.hex" --expect-id=2e3c:df11
check_exit "a raw file without an address" 2 worker flash --node="$node" --image="$data/hello-1.bin"
simctl dump 1-1 "$session/after"
same_bytes "leave the board as it was as well" "$session/before" "$session/after"

# --- flash
check_exit "the worker flashes" 0 worker flash --node="$node" --image="$data/hello-2.hex" --expect-id=0483:df11
like "tells its phases" "$output" \
        $'^inspecting\nopening\n.*\nerasing +112 KiB\nwriting +64 KiB\nverifying +64 KiB\n.*\nleaving\nDone\\. The firmware is written and verified\\.$'
check "the board leaves its bootloader" simctl wait 1-1 gone
check_exit "where there is none any more" 8 worker flash --node="$node" --image="$data/hello-2.hex"
size=$(stat -c %s "$data/hello-2.bin")
simctl dump 1-1 "$session/after" 0x08000000 16384
same_bytes "the first sector is the file's" "$session/after" <(head -c 16384 "$data/hello-2.bin")
simctl dump 1-1 "$session/after" 0x08008000 $((size - 32768))
same_bytes "the code is the file's" "$session/after" <(tail -c +32769 "$data/hello-2.bin")
simctl dump 1-1 "$session/after" 0x08004000 16384
same_bytes "the settings between them are the board's" "$session/after" <(tail -c +16385 "$session/before" | head -c 16384)

# flash_until LINE COMMAND…: flashes, and runs the command when that line comes; $status, $output, $took_ms from then
flash_until() {
        local awaited=$1 line began='' fd pid node
        shift
        node=$(node_of 1-2)
        output=''
        exec {fd}< <(
                LD_PRELOAD=$preload "$worker_program" flash --node="$node" --image="$data/hello-2.hex" 2>&1 &
                echo "pid $!"
                wait $!
                echo "status $?"
        )
        while IFS= read -r -u "$fd" line; do
                case $line in
                "pid "*) pid=${line#pid } ;;
                "status "*) status=${line#status } ;;
                *) output+=$line$'\n' ;;
                esac
                if [[ -z $began && $line == $awaited* ]]; then
                        began=$(date +%s%3N)
                        worker_pid=$pid "$@"
                fi
        done
        took_ms=$(($(date +%s%3N) - began))
        exec {fd}<&-
}
cancel() { kill -TERM "$worker_pid"; }
count() { simctl stats 1-2 | sed -n "s/^ *\"$1\": \([0-9]*\).*/\1/p"; }
# The phase is named before the worker last looks whether it shall go on; with a transfer more, it has begun.
cancel_in_midst() {
        simctl wait 1-2 "transfers=$(($(count control) + 1))" "$WAIT_S"
        cancel
        erases=$(count erases)
}

# --- what goes wrong meanwhile. This takes the chip some 40 s, on a busy machine as on an idle one.
simctl plug stm32-f405 1-2 time-scale=50
flash_until erasing simctl unplug 1-2
is "an unplugged board is told by the exit code" "$status" 8
like "by its name and the board's state" "$output" \
        'DeviceLost: .*'$'\n''(Flash of the board was erased and nothing written|The board is partly written)'
is_at_most "long before the chip would have been done (ms)" "$took_ms" 10000
simctl remove 1-2

# So slow that the test is never behind it.
simctl plug stm32-f405 1-2 time-scale=10
flash_until erasing cancel_in_midst
is "a cancelled flash has its exit code" "$status" 11
like "and says that it is no firmware now" "$output" 'Cancelled: .*'$'\n''.*it has no (whole )?firmware now'
is_at_most "it ends with the sector that is being erased" "$(count erases)" $((erases + 1))
simctl set 1-2 time-scale 0
check_exit "the next flash repairs it" 0 worker flash --node="$(node_of 1-2)" --image="$data/hello-2.hex"
simctl remove 1-2

simctl plug stm32-f405 1-2
flash_until opening cancel
is "cancelled before the first erase" "$status" 11
simctl remove 1-2

simctl plug stm32-f405 1-2 time-scale=0 lose-write=0x08008100
check_exit "a write that fails in silence is found by reading" 7 \
        worker flash --node="$(node_of 1-2)" --image="$data/hello-2.hex"
like "with its address" "$output" 'VerifyFailed: .*0x08008100'
simctl remove 1-2

simctl plug stm32-f405 1-2 time-scale=0 rdp=1
check_exit "a read-protected chip" 9 worker flash --node="$(node_of 1-2)" --image="$data/hello-2.hex"
like "is left alone" "$output" 'ReadProtected: .*'$'\n''The board is untouched'
simctl remove 1-2

# --- the firmware's port
simctl plug betaflight-f405 1-2
check_exit "identify asks the firmware" 0 worker identify --tty="$(tty_of 1-2)"
like "its variant" "$output" 'Variant +BTFL'
like "its board" "$output" 'BoardName +SPEEDYBEEF405V4'
like "its chip's number" "$output" 'UniqueId +[0-9a-f]{24}'
check_exit "a tty that is not there" 8 worker identify --tty=/dev/ttyACM77
check_exit "a file for a tty" 1 worker identify --tty="$data/hello-1.hex"

# Somebody has the port for himself: TIOCEXCL, 0x540c.
mkfifo "$session/hold" "$session/held"
with_boards /usr/bin/python3 -c '
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
fcntl.ioctl(fd, 0x540c)
open(sys.argv[2], "w").write("held\n")
open(sys.argv[3]).read()
' "$(tty_of 1-2)" "$session/held" "$session/hold" &
holder=$!
read -r _ <"$session/held"
check_exit "a port that somebody else has" 5 worker reboot --tty="$(tty_of 1-2)"
like "is not taken from him" "$output" 'PortHeld: Another program has /dev/ttyACM[0-9]+ open'
: >"$session/hold"
wait "$holder"

simctl set 1-2 armed 1
check_exit "an armed board is not rebooted" 5 worker reboot --tty="$(tty_of 1-2)"
like "and it says so" "$output" 'Armed: '
simctl set 1-2 armed 0
check_exit "a disarmed one is" 0 worker reboot --tty="$(tty_of 1-2)"
check "and comes back as its bootloader" simctl wait 1-2 bootloader
check_exit "which has the serial number that was foretold" 0 worker identify --node="$(node_of 1-2)" \
        --expect-serial="$(sed -n 's/^ *DfuSerials *//p' <<<"$output")"
like "and a map of its flash" "$output" 'MemoryMap +0x08000000/4\*16K,1\*64K,7\*128K'
check_exit "leave starts the firmware" 0 worker leave --node="$(node_of 1-2)"
check "which is back on its port" simctl wait 1-2 firmware

done_testing
