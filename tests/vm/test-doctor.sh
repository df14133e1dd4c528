#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fwctl doctor on a real system: the machine is broken in one way after the other, what is broken is named, and the
# command that is printed is run as it stands and mends it.
set -u
# shellcheck source=tests/vm/scenario.sh
. "$(dirname "$0")/scenario.sh"

# json EXPRESSION: of the findings in $found; f(ID) is the first one of that id
json() {
        printf '%s' "$found" | python3 -c 'import json, sys
findings = json.load(sys.stdin)
def f(id): return next((x for x in findings if x["id"] == id), {})
result = eval(sys.argv[1])
print(result if result is not None else "")' "$1"
}
doctor='fwctl doctor --json=short'

# breaks NAME ID SCRIPT: after it, the finding is there as $level (problem); $doctor looks
breaks() {
        found=$(guest "{ $3
        } >/tmp/break.log 2>&1; $doctor" 2>&1)
        broken="$(json "f('$2').get('level')" 2>&1)"
        is "$1: it is named" "$broken" "${level:-problem}"
        [ "$broken" = "${level:-problem}" ] || tap_diag "$found"$'\n'"$(guest 'cat /tmp/break.log')"
}
# gone NAME ID SCRIPT: after it, the finding is not there any more
gone() {
        local out
        out=$(guest "{ $3
        } >/tmp/mend.log 2>&1 || { cat /tmp/mend.log; echo \"exit status \$?\"; }; await 50 lost_finding $2; $doctor" 2>&1)
        found=$(tail -n 1 <<<"$out")
        out=$(json "f('$2')" 2>&1)
        if [ "$out" = '{}' ]; then ok "$1"; else not_ok "$1" "$3"$'\n'"$out"$'\n'"$(guest 'cat /tmp/mend.log')"; fi
}
# mends NAME ID SCRIPT: broken by the script, mended by the command that is printed
mends() {
        breaks "$1" "$2" "$3"
        local command
        command=$(json "f('$2').get('command')")
        gone "$1: \"${command:-no command}\" mends it" "$2" "${command:-false}"
}
# acts NAME ID SCRIPT MEND: what no command mends; the second script is what the person does
acts() {
        breaks "$1" "$2" "$3"
        like "$1: what to do is told" "$(json "f('$2').get('action')")" '[A-Z].*\.'
        gone "$1: and that mends it" "$2" "$4"
}
guest_doctor='lost_finding() { ! fwctl doctor --json=short | grep -q "\"id\":\"$1\""; }'
guest() {
        vm_run "$(cat "$tests_dir/vm/guest/boards.sh")"$'\n'"$guest_doctor"$'\n'"$1"
}

machine
guest 'echo "deb [trusted=yes] file:$data/repository ./" >/etc/apt/sources.list
        rm -rf /etc/apt/sources.list.d/*; apt-get -q update; plug betaflight-f405 1-1 && await 100 identified 1-1' >/dev/null
out=$(guest 'fwctl doctor')
is "a machine in order has no problem" $? 0
like "and hears so" "$out" 'Nothing stands in the way of a flash'
mends "rules that are gone" rules-missing 'rm /lib/udev/rules.d/70-fwd.rules'
done_scenario
