#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-shipped-profiles.sh HWDB PROFILES: every board the hwdb names has a profile, and every profile is named.
# (That each of them loads is test-known-boards' business, which uses them all.)
set -eu
named=$(sed -n 's/^ FWD_BOARD=//p' "$1" | tr ' ' '\n' | sort -u)
shipped=$(cd "$2" && ls -- *.board | sed 's/\.board$//' | sort)
installed=$(sed -n "s/^ *'\(.*\)\.board',$/\1/p" "$2/meson.build" | sort)
echo 1..2
test "$named" = "$shipped" || { printf '# named and shipped differ:\n'; printf '# %s\n' $named - $shipped; printf 'not '; }
echo "ok 1 - the hwdb names exactly the boards that have a profile"
test "$installed" = "$shipped" || printf 'not '
echo "ok 2 - every profile is installed"
