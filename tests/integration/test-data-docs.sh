#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-data-docs.sh SOURCE PRINT-ERRORS LOAD-PROFILE: what is written agrees with what is there.
set -eu

print_errors=$(realpath "$2") load_profile=$(realpath "$3")
cd "$1"

manual=docs/org.fwctl1.5.scd
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

n=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $1"; printf '%s\n' "$2" | sed 's/^/# /'; }
check() { # DESCRIPTION COMMAND…
        description=$1
        shift
        if out=$("$@" 2>&1); then ok "$description"; else not_ok "$description" "$out"; fi
}

# ---- org.fwctl1(5) ------------------------------------------------------------------------------------------

"$print_errors" >"$dir/errors"
sed -n '/^# ERRORS/,/^# EXAMPLES/p' "$manual" | awk '
        /^\|  / { if (row != "") print row; row = substr($0, 4); next }
        /^:  / && row != "" { row = row "|" substr($0, 4) }
        END { print row }' >"$dir/manual-errors"
check "the table of errors is the code's" diff -u "$dir/errors" "$dir/manual-errors"

# From the contract, the headings that the manual must have: methods and signals with their arguments, properties.
awk '
        function attribute(name,   v) {
                if (!match($0, name "=\"[^\"]*\"")) return ""
                v = substr($0, RSTART, RLENGTH)
                sub(/^[^"]*"/, "", v); sub(/"$/, "", v)
                return v
        }
        { # one tag a line
                gsub(/></, ">\n<")
                lines = split($0, tag, "\n")
                for (i = 1; i <= lines; i++) {
                        $0 = tag[i]
                        if (/<interface /) print "Interface *" attribute("name") "*"
                        if (/<(method|signal) /) { name = attribute("name"); in_ = ""; out = "" }
                        if (/<arg /) {
                                a = attribute("type") " _" attribute("name") "_"
                                if (attribute("direction") == "out") out = out (out == "" ? "" : ", ") a
                                else in_ = in_ (in_ == "" ? "" : ", ") a
                        }
                        if (/<\/(method|signal)>/ || /<method [^>]*\/>/)
                                print "*" name "*(" in_ ")" (out == "" ? "" : " -> " out)
                        if (/<property /) print "*" attribute("name") "* (" attribute("type") ")"
                }
        }' dbus/org.fwctl1.xml >"$dir/contract"
sed -n 's/^Interface \(\*org[^*]*\*\).*/Interface \1/p; /^\*[A-Z][A-Za-z0-9]*\*\( ([a-z{}()]*)\|(.*\)$/p' "$manual" >"$dir/manual-contract"
check "the manual has every method, signal and property of the contract, in its order" \
        diff -u "$dir/contract" "$dir/manual-contract"

actions() {
        for action in $(sed -n 's/.*<action id="\([^"]*\)".*/\1/p' dbus/org.fwctl1.policy); do
                grep -q "^|  $action\$" "$manual" || { echo "not in the manual: $action"; return 1; }
        done
}
check "the manual has every polkit action" actions

entry() { awk -v name="*$1* " 'index($0, name) == 1 { on = 1; next } /^[*#]/ { on = 0 } on' "$manual"; }

methods() { # that polkit is asked for, each in the row of its action
        sed -n 's/^        {[A-Z]*_INTERFACE, "\([A-Za-z]*\)", "\(org\.fwctl1\.[a-z-]*\)", .*/\1 \2/p' daemon/service/polkit.c >"$dir/methods"
        test -s "$dir/methods" || return 1
        while read -r method action; do
                grep -A1 "^|  $action\$" "$manual" | grep -q "^:  .*\<$method\>" || { echo "$method is not in the row of $action"; return 1; }
        done <"$dir/methods"
}
check "the manual has every method with the action that is asked for" methods

words() { # ENTRY FILE: all words of the file are in that entry
        test -s "$2" || return 1
        entry "$1" >"$dir/entry"
        while read -r word; do
                tr -c 'a-z-' '\n' <"$dir/entry" | grep -qx -- "$word" || { echo "$1 has no $word"; return 1; }
        done <"$2"
}
sed -n 's/^ *\[JOB_[A-Z]*\] = "\([a-z-]*\)",$/\1/p' daemon/service/job.c >"$dir/kinds"
check "the manual has every kind of job" words Kind "$dir/kinds"
grep -rhoE '\.phase = "[a-z-]+"|(reporter_phase|job_set_phase)\([^"]*"[a-z-]+"' daemon | sed 's/.*"\(.*\)"/\1/' | sort -u >"$dir/phases"
check "the manual has every phase" words Phase "$dir/phases"

# ---- Variables, paths, names --------------------------------------------------------------------------------

variables() {
        missing=''
        for variable in $(grep -rhoE 'getenv\("FWD_[A-Z_]+"\)' daemon client | grep -o 'FWD_[A-Z_]*' | sort -u); do
                grep -q "$variable" docs/fwd.8.scd docs/architecture.md || missing="$missing $variable"
        done
        [ -z "$missing" ] || { echo "not documented:$missing"; return 1; }
}
check "every variable that is read is documented" variables

paths() { # `like/this` in the papers, where it begins with a folder of the tree
        missing=''
        for path in $(grep -ohE '`(\./)?(daemon|client|tests|docs|udev|dbus|systemd)/[A-Za-z0-9_./-]*[ `]' ./*.md docs/*.md | tr -d '` ' | grep -v my-board | sort -u); do
                [ -e "$path" ] || missing="$missing $path"
        done
        [ -z "$missing" ] || { echo "no such file:$missing"; return 1; }
}
check "every path that the papers name is there" paths

tests_named() {
        for name in $(grep -ohE 'meson test -C build [^`]*' docs/*.md ./*.md | sed 's/.*build//; s/--suite [a-z]*//'); do
                grep -rq "^test('$name'" tests/*/meson.build tests/unit/*/meson.build || { echo "no such test: $name"; return 1; }
        done
}
check "every test that the papers name is there" tests_named

# ---- Profiles -----------------------------------------------------------------------------------------------

awk '/^```/ { in_block = !in_block; next } in_block' docs/adding-a-board.md | sed -n '/^\[Board\]/,/^HintReturn=/p' >"$dir/my-board.board"
check "the profile in adding-a-board.md loads" env FWD_PROFILE_PATH="$dir" "$load_profile" my-board

keys_documented() {
        sed -n '/^static const struct profile_key /,/^};/s/^ *{"[A-Z][a-z]*", "\([A-Za-z]*\)".*/\1/p' daemon/board/profile-keys.c | sort >"$dir/keys"
        [ -s "$dir/keys" ] || { echo "found no keys"; return 1; }
        sed -n '/^| section | key/,/^$/p' docs/adding-a-board.md | cut -d'|' -f3 | tr ',' '\n' | tr -d ' ' |
                grep -E '^[A-Z]' | sort | diff "$dir/keys" -
}
check "adding-a-board.md has every key of a profile" keys_documented

all_load() {
        for file in daemon/board/profiles/*.board; do
                FWD_PROFILE_PATH=daemon/board/profiles "$load_profile" "$(basename "$file" .board)" || return 1
        done
}
check "every packaged profile loads" all_load

check "boards.md is what the profiles, the hwdb and the list of tested boards make of it" docs/make-boards-table --check

# A profile that can be flashed and that no test takes through: the table is not made, whatever the reason that is given.
without_a_test() { # the list's line is left out, or only says something of the profile
        for line in '' '- gd32-dfu    stm32-dfu nothing public tells how it answers' '# gd32vf103 unknown-vcp gd32-dfu hand riscv.hex -'; do
                rm -rf "$dir/tree"
                mkdir -p "$dir/tree/docs" "$dir/tree/daemon/board" "$dir/tree/udev" "$dir/tree/tests/integration"
                cp docs/make-boards-table docs/boards.md "$dir/tree/docs"
                cp -r daemon/board/profiles "$dir/tree/daemon/board"
                cp udev/70-fwd.hwdb "$dir/tree/udev"
                { grep -v gd32-dfu tests/integration/boards.list; echo "$line"; } >"$dir/tree/tests/integration/boards.list"
                if "$dir/tree/docs/make-boards-table" --check >"$dir/said" 2>&1; then
                        echo "the table was made with this in the place of a test: $line"
                        return 1
                fi
                grep -q 'profile gd32-dfu can be flashed' "$dir/said" || { cat "$dir/said"; return 1; }
        done
}
check "a profile without a test is no row of boards.md" without_a_test

# The boards that are only recognised have a line of the table that test-known-boards.c tries on hwdb and profiles.
all_known() {
        for file in daemon/board/profiles/*.board; do
                name=$(basename "$file" .board)
                grep -q "\"$name\"" tests/unit/board/test-known-boards.c || { echo "not in test-known-boards.c: $name"; return 1; }
        done
}
check "every profile is in the table of known boards" all_known

# ---- What doctor finds --------------------------------------------------------------------------------------

# Text in quotes with a dash in it that is no finding's id
no_ids='not-found|allowlist-only|whitelist-only|fwd-operators|fwd-worker|serial-bridge|system-bus-name'
findings() {
        ids=$(grep -ohE '"[a-z]+(-[a-z]+)+"' client/doctor/*.c | tr -d '"' | sort -u | grep -vxE "$no_ids")
        [ -n "$ids" ] || { echo "found no ids"; return 1; }
        for id in $ids; do
                grep -q "\`$id\`" docs/doctor.md || { echo "not in docs/doctor.md: $id"; return 1; }
                grep -q "[ \"'(]$id\b" tests/vm/test-doctor.sh tests/integration/test-doctor.sh || { echo "no test of $id"; return 1; }
        done
}
check "doctor.md has every finding, and each is tested" findings

# ---- Examples -----------------------------------------------------------------------------------------------

check "the shell example is shell" sh -n docs/examples/reboot.sh
check "the Python example is Python" python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' docs/examples/flash.py
operators() {
        for action in $(grep -o 'org\.fwctl1\.[a-z-]*' docs/examples/50-fwd-operators.rules); do
                grep -q "action id=\"$action\"" dbus/org.fwctl1.policy || { echo "no such action: $action"; return 1; }
        done
}
check "the example rule names actions that exist" operators
echo "1..$n"
