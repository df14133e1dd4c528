# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# TAP from shell tests: source it, call the checks, end with `done_testing`.

tap_count=0 tap_failed=0

tap_diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

ok() {
        tap_count=$((tap_count + 1))
        echo "ok $tap_count - $1"
}

# not_ok NAME [WHY]
not_ok() {
        tap_count=$((tap_count + 1)) tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $1"
        [ $# -lt 2 ] || tap_diag "$2"
        return 0
}

# skip NAME REASON
skip() {
        tap_count=$((tap_count + 1))
        echo "ok $tap_count - $1 # SKIP $2"
}

# check NAME COMMAND…: it succeeds
check() {
        local name=$1 out status
        shift
        out=$("$@" 2>&1)
        status=$?
        if [ $status -eq 0 ]; then ok "$name"; else not_ok "$name" "exit status $status of: $*"$'\n'"$out"; fi
}

# check_not NAME COMMAND…: it fails
check_not() {
        local name=$1 out
        shift
        if out=$("$@" 2>&1); then not_ok "$name" "should have failed: $*"$'\n'"$out"; else ok "$name"; fi
}

# check_exit NAME STATUS COMMAND…: it ends with that status; its output is in $output then
check_exit() {
        local name=$1 want=$2 status
        shift 2
        output=$("$@" 2>&1)
        status=$?
        if [ $status -eq "$want" ]; then
                ok "$name"
        else
                not_ok "$name" "exit status $status, not $want, of: $*"$'\n'"$output"
        fi
}

# is NAME GOT WANT
is() {
        if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:  $2"$'\n'"want: $3"; fi
}

# is_at_most NAME GOT LIMIT: whole numbers
is_at_most() {
        if [ "$2" -le "$3" ]; then ok "$1"; else not_ok "$1" "got $2, more than $3"; fi
}

# like NAME TEXT REGEX (bash's)
like() {
        if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got:  $2"$'\n'"want: something like $3"; fi
}

# unlike NAME TEXT REGEX
unlike() {
        if [[ $2 =~ $3 ]]; then not_ok "$1" "got:  $2"$'\n'"want: nothing like $3"; else ok "$1"; fi
}

# same_bytes NAME FILE FILE
same_bytes() {
        local out
        if out=$(cmp -- "$2" "$3" 2>&1); then ok "$1"; else not_ok "$1" "$out"; fi
}

done_testing() {
        echo "1..$tap_count"
        [ $tap_failed -eq 0 ]
        exit
}
