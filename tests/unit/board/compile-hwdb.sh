#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# compile-hwdb.sh HWDB ROOT STAMP: makes ROOT/etc/udev/hwdb.bin of one hwdb file; any parsing error fails.
set -eu
mkdir -p "$2/etc/udev/hwdb.d"
cp "$1" "$2/etc/udev/hwdb.d/"
systemd-hwdb update --strict --root="$2"
: >"$3"
