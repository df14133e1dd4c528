#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-shipped-profiles.sh HWDB PROFILES: every board the hwdb names has a profile, and every profile is named.
# (That each of them loads is test-known-boards' business, which uses them all.)
set -eu
named=$(sed -n 's/^ FWD_BOARD=//p' "$1" | tr ' ' '\n' | sort -u)
shipped=$(find "$2" -name '*.board' -exec basename {} .board \; | sort)
installed=$(sed -n "s/^ *'\(.*\)\.board',$/\1/p" "$2/meson.build" | sort)
echo 1..2
if [ "$named" != "$shipped" ]; then
        printf '%s\n' "$named" "--- named above, shipped below" "$shipped" | sed 's/^/# /'
        printf 'not '
fi
echo "ok 1 - the hwdb names exactly the boards that have a profile"
test "$installed" = "$shipped" || printf 'not '
echo "ok 2 - every profile is installed"
