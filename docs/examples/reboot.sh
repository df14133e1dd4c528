#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# reboot.sh PORT: bring a board into its bootloader with nothing but busctl. (busctl can pass no file descriptor, so
# it cannot flash: see flash.py, or use fwctl flash.)
set -eu
call() {
        busctl call --timeout=60 org.fwctl1 "$@"
}
device=$(call /org/fwctl1 org.fwctl1.Manager GetDevice s "$1" | cut -d'"' -f2)
job=$(call "$device" org.fwctl1.Device RebootToBootloader 'a{sv}' 0 | cut -d'"' -f2)
call "$job" org.fwctl1.Job Wait
