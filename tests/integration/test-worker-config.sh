#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwd-worker by hand on the configuration of simulated flight controllers, over real ttys.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
export FWD_PROFILE_PATH=$source_dir/daemon/board/profiles
SIM_TIME_SCALE=0.1
session_start sim

preload=$(preload_for "$worker_program")
worker() { LD_PRELOAD=$preload "$worker_program" "$@"; }
tty_of() { simctl list | awk -v port="$1" '$1 == port { print $5 }'; }
# The worker has seen it go.
back() {
        simctl wait 1-1 firmware
        tty=$(tty_of 1-1)
}
body() { sed '1,/^# Sha256: /d' "$1"; }

cat >"$session/mine" <<'END'
batch start
serial 1 64 115200 57600 0 115200
map TAER1234
aux 0 0 0 1700 2100 0 0
set small_angle = 180
profile 1
set p_pitch = 61
save
END

# each VERSION METHOD RESTARTS: set up, backed up, given to a new board
each() {
        local version=$1 method=$2 restarts=$3
        rm -f "$session/one" "$session/two"
        simctl plug betaflight-f405 1-1 "version=$version"
        tty=$(tty_of 1-1)
        check_exit "$version: a configuration is given to a board" 0 worker restore --tty="$tty" --image="$session/mine"
        like "over the $method" "$output" "Method +$method"$'\n'
        like "whole" "$output" $'Rejected +0\n'
        like "and saved" "$output" $'Saved +yes\nDone\\.'
        back
        check_exit "$version: it is read" 0 worker backup --tty="$tty" --output="$session/one"
        if [ "$restarts" = yes ]; then
                like "the board restarts for it" "$output" 'Rebooting +yes'
                back
        else
                unlike "the board does not restart for it" "$output" 'Rebooting'
        fi
        is "the head says which board" "$(sed -n 2p "$session/one")" "# Board: SPEEDYBEEF405V4"
        is "and the hash of the rest" "$(sed -n 's/^# Sha256: //p' "$session/one")" "$(body "$session/one" | sha256sum | cut -d' ' -f1)"
        like "what was set is in it" "$(cat "$session/one")" $'\nset p_pitch = 61\n'
        check_exit "a file that is there is not written over" 2 worker backup --tty="$tty" --output="$session/one"
        simctl remove 1-1

        simctl plug betaflight-f405 1-1 "version=$version"
        tty=$(tty_of 1-1)
        check_exit "$version: another board gets it" 0 worker restore --tty="$tty" --image="$session/one"
        back
        check_exit "and has all of it" 0 worker compare --tty="$tty" --image="$session/one"
        like "nothing is missing" "$output" $'Missing +0\n'
        [ "$restarts" = no ] || back
        check_exit "read again" 0 worker backup --tty="$tty" --output="$session/two"
        same_bytes "it is the same" <(body "$session/one") <(body "$session/two")
        simctl remove 1-1
}
each 4.4.2 interactive-cli yes
each 2025.12.2 framed-cli no

# What goes wrong.
simctl plug betaflight-f405 1-1 version=2025.12.2
tty=$(tty_of 1-1)
sed 's/set small_angle = 180/set small_angel = 180/' "$session/mine" >"$session/wrong"
check_exit "a line that the board does not take" 12 worker restore --tty="$tty" --image="$session/wrong"
like "is named" "$output" 'RejectedLines +set small_angel = 180 '
like "and nothing saved" "$output" $'Saved +no\n.*Rebooting +yes\nConfigRejected: The board refused 1 of the lines; nothing was saved'
back
check_exit "the rest is, if told so" 0 worker restore --tty="$tty" --image="$session/wrong" --option=save-with-errors=yes
back
sed 's/small_angle = 180/small_angle = 181/' "$session/one" >"$session/changed"
check_exit "a backup that was changed" 6 worker restore --tty="$tty" --image="$session/changed"
like "is told by its hash" "$output" 'InvalidConfig: .* hash'
simctl set 1-1 cli-fault half
check_exit "a board that stops half way" 10 worker backup --tty="$tty" --output="$session/half"
check_exit "leaves no half backup" 1 test -s "$session/half"
simctl remove 1-1

simctl plug betaflight-f722 1-1 version=2025.12.2
tty=$(tty_of 1-1)
check_exit "a backup of another board" 6 worker restore --tty="$tty" --image="$session/one"
like "is told by both names" "$output" 'WrongBoard: .*SPEEDYBEEF405V4.*MATEKF722SE'

done_testing
