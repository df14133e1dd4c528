#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Boards on the bus, and what calls are refused before anything happens.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
session_start bus sim
stub_start
printf '[Aliases]\nbay1 = 1-1\n' >"$session/aliases"
FWD_ENV=(FWD_ALIASES="$session/aliases")
fwd_start
watch_start
echo firmware >"$session/image"
error=org.fwctl1.Error

# --- plugged
simctl plug betaflight-f405 1-1
saw "the object comes" '^InterfacesAdded /org/fwctl1/device/'
like "with its interface" "$signal" 'org.fwctl1.Device'
saw "then DeviceAdded" '^DeviceAdded '
is "nothing in between" "$skipped" ''
like "with what is known" "$signal" 'Port=1-1 Mode=firmware VendorId=0x0483 ProductId=0x5740 Manufacturer=Betaflight'
like "and the alias" "$signal" 'Alias=bay1'
path=$(device_path 1-1)
like "the path is the port's" "$path" '^/org/fwctl1/device/_31_2d1$'
saw "its serial port is told" "^PropertiesChanged $path .*Node=/dev/ttyACM"
saw "what it says of itself is told" "^PropertiesChanged $path .*Variant=BTFL"
is "and can be read" "$(get "$path" $device BoardName)" STUB405
is "a board has no job" "$(get "$path" $device Job)" /

# --- listed
n_properties=$(sed -n '/interface name="org.fwctl1.Device"/,/<\/interface>/p' "$source_dir/dbus/org.fwctl1.xml" | grep -c '<property ')
like "ListDevices has it" "$(call $root $manager ListDevices)" "^a\(oa\{sv\}\) 1 \"$path\" $n_properties "
like "the object manager has it" "$(call $root org.freedesktop.DBus.ObjectManager GetManagedObjects)" "\"$path\""
simctl plug stm32-f405 1-10
seen '^DeviceAdded '
is "by port" "$(device_path 1-10)" "/org/fwctl1/device/_31_2d10"
is "a port that begins another's" "$(device_path 1-1)" "$path"
is "by alias" "$(device_path bay1)" "$path"
is "by node" "$(device_path "$(get "$path" $device Node)")" "$path"
is "by its beginning" "$(device_path bay)" "$path"
like "ambiguous" "$(call $root $manager GetDevice s 1-)" 'names more than one board.*1-1, 1-10'
like "not there" "$(call $root $manager GetDevice s 9-9)" 'No board is called "9-9"'
busctl --system call org.fwctl1 $root $manager GetDevice s '' >/dev/null 2>&1
is "empty: refused" $? 1

# --- refused, before anything happens
refused() { # NAME ERROR REGEX COMMAND…
        local name=$1 want=$2 regex=$3 out
        out=$("${@:4}" 2>&1)
        like "$name" "$out" "^$want .*$regex"
}
other=$(device_path 1-10)
flash() { bus-talk flash "$other" "$@"; }
refused "an unknown option" $error.InvalidArgument 'no option "verfy"' flash "read:$session/image" verfy b true
refused "a wrong type" $error.InvalidArgument '"force" must be a boolean' flash "read:$session/image" force s yes
refused "a wrong value" $error.InvalidArgument '"erase" is neither' flash "read:$session/image" erase s all
refused "a wrong address" $error.InvalidArgument '"address" is not' flash "read:$session/image" address s 0xZZ
refused "a pipe" $error.InvalidArgument 'a pipe' flash pipe
refused "a directory" $error.InvalidArgument 'a directory' flash "read:$session"
refused "write-only" $error.InvalidArgument 'not opened for reading' flash "write:$session/image"
refused "only a path" $error.InvalidArgument 'not opened for reading' flash "path:$session/image"
refused "a device" $error.InvalidArgument 'a device' flash read:/dev/zero
refused "a board that is not there" $error.NotFound 'no board' \
        bus-talk flash /org/fwctl1/device/_39 "read:$session/image"
refused "Device.Flash as well" $error.InvalidArgument 'a pipe' bus-talk device-flash "$other" pipe
refused "Inspect as well" $error.InvalidArgument 'a directory' bus-talk inspect "read:$session"
refused "an option of another call" $error.InvalidArgument 'no option "force"' \
        bus-talk inspect "read:$session/image" force b true
like "options of calls that take none" \
        "$(call "$other" $device Identify 'a{sv}' 1 address t 5)" 'no option "address"'
busctl --system call org.fwctl1 "$path" $device Eject 'a{sv}' 0 >/dev/null 2>&1
is "an unknown method" $? 1
is "no worker was started" "$(calls)" 'identify port=1-1'
is "no job was made" "$(call $root $manager ListJobs)" 'a(oa{sv}) 0'

# --- inspect
like "Inspect tells what is in a file" "$(bus-talk inspect "read:$session/image")" \
        "Format=raw Size=9 Sha256=$(sha256sum "$session/image" | cut -d' ' -f1)"
stub inspect 'fail InvalidImage untouched "Line 3 has a bad checksum"'
refused "or what is wrong with it" $error.InvalidImage 'Line 3 has a bad checksum. Get the firmware' \
        bus-talk inspect "read:$session/image"
stub inspect 'kill -SEGV $$'
refused "a parser that crashes takes nobody with it" $error.Interrupted 'signal 11' \
        bus-talk inspect "read:$session/image"
stub inspect 'hold held'
: >"$session/inspected"
for _ in 1 2 3 4 5 6 7 8; do bus-talk inspect "read:$session/image" >>"$session/inspected" & done
until [ "$(grep -c ^inspect "$FWD_STUB_DIR/calls")" -ge 11 ]; do read -r -t 0.01 <>"$session/bus.up"; done
refused "a ninth at one time" $error.LimitExceeded '8 files are being inspected' \
        bus-talk inspect "read:$session/image"
for _ in 1 2 3 4 5 6 7 8; do release; done
until [ "$(wc -l <"$session/inspected")" -ge 8 ]; do read -r -t 0.01 <>"$session/bus.up"; done
is "the eight are answered" "$(grep -c 'Format=raw' "$session/inspected")" 8
unstub inspect

# --- unplugged
simctl unplug 1-10
saw "DeviceRemoved" "^DeviceRemoved $other"
saw "then its object goes" "^InterfacesRemoved $other"
is "nothing in between" "$skipped" ''
like "it is not found any more" "$(call $root $manager GetDevice s 1-10)" 'No board is called'
busctl --system get-property org.fwctl1 "$other" $device Mode >/dev/null 2>&1
is "nor read" $? 1
done_testing
