#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-install-udev.sh RULES HWDB: the shipped rules, read and run by the real udev on made-up devices.
#
# udevadm test runs in a mount namespace of its own, with a made-up /sys, an empty /run and /dev, and the machine's
# own rules beside ours. It opens no device and changes nothing outside.
set -eu

rules=$(realpath "$1") hwdb=$(realpath "$2")
here=$(realpath "$0")
fwd_gid=64055 # of the made-up group file

n=0
ok() {
        n=$((n + 1))
        echo "ok $n - $1"
}
not_ok() {
        n=$((n + 1))
        echo "not ok $n - $1"
        shift
        for line in "$@"; do
                printf '%s\n' "$line" | sed 's/^/# /'
        done
}
check() { # DESCRIPTION COMMAND…
        description=$1
        shift
        if out=$("$@" 2>&1); then ok "$description"; else not_ok "$description" "$out"; fi
}

# ---- The text: what udev would only log and pass over -------------------------------------------------------

syntax() {
        awk '
        function bad(why) { printf "%d: %s: %s\n", NR, why, $0; failed = 1 }
        /^[ \t]*(#|$)/ { next }
        {
                rest = $0
                while (rest != "") {
                        if (!match(rest, /^[A-Z]+(\{[^}"]+\})?(==|!=|\+=|-=|:=|=)"[^"]*"/)) {
                                bad("not KEY OPERATOR \"value\"")
                                next
                        }
                        token = substr(rest, 1, RLENGTH)
                        rest = substr(rest, RLENGTH + 1)
                        key = token; sub(/[^A-Z].*/, "", key)
                        operator = token; sub(/^[A-Z]+(\{[^}]+\})?/, "", operator); sub(/".*/, "", operator)
                        value = token; sub(/^[^"]*"/, "", value); sub(/"$/, "", value)
                        if (operator ~ /^(==|!=)$/) {
                                if (key !~ /^(ACTION|DEVPATH|KERNELS?|NAME|SYMLINK|SUBSYSTEMS?|DRIVERS?|ATTRS?|ENV|TAGS?|TEST|PROGRAM|RESULT)$/)
                                        bad("no key to match: " key)
                        } else if (key !~ /^(NAME|SYMLINK|OWNER|GROUP|MODE|ATTR|ENV|TAG|RUN|LABEL|GOTO|IMPORT|OPTIONS)$/)
                                bad("no key to set: " key)
                        if (key == "GOTO") wanted[value] = NR
                        if (key == "LABEL") label[value] = NR
                        if (rest != "" && !sub(/^,[ \t]*/, "", rest))
                                bad("something behind a value")
                        else if (rest == "" && $0 ~ /,[ \t]*$/)
                                bad("ends with a comma")
                }
        }
        END {
                for (l in wanted)
                        if (!(l in label) || label[l] < wanted[l]) {
                                print "GOTO without a LABEL behind it: " l
                                failed = 1
                        }
                exit failed
        }' "$1"
}

grants_little() {
        ! grep -nE '^[^#]*(MODE:?="0[0-7]*[2367]"|:=|RUN|PROGRAM)' "$rules"
}

sorted_rightly() {
        case $(basename "$rules") in
        6[0-9]-* | 7[0-2]-*) ;;
        *) return 1 ;;
        esac
}

# ---- In the namespace ---------------------------------------------------------------------------------------

make_tree() { # ROOT
        mkdir -p "$1/sys/bus/usb" "$1/sys/class/tty" "$1/sys/class/hidraw" "$1/sys/bus/hid" "$1/etc/udev/rules.d" \
                "$1/etc/udev/hwdb.d"
        cp "$rules" "$1/etc/udev/rules.d/"
        cp "$hwdb" "$1/etc/udev/hwdb.d/"
        systemd-hwdb update --strict --root="$1"
        printf 'root:x:0:\ntty:x:5:\ndialout:x:20:\nfwd:x:%s:\n' $fwd_gid >"$1/etc/group"
        # PORT VENDOR PRODUCT-ID MANUFACTURER PRODUCT
        board "$1" 1-1 0483 5740 'Betaflight' 'Betaflight - STM32F405'
        board "$1" 1-2 0483 df11 'STMicroelectronics' 'STM32  BOOTLOADER'
        board "$1" 1-3 26ac 0011 '3D Robotics' 'PX4 BL FMU v2.x'
        board "$1" 1-4 0403 6001 'FTDI' 'FT232R USB UART'
        board "$1" 1-5 045b 59d7 'DIY' 'FFBeast(Wheel)'
        board "$1" 1-6 0483 374b 'STMicroelectronics' 'STM32 STLink'
        board "$1" 1-7 dead beef 'Nobody' 'Nothing'
}

board() { # ROOT PORT VENDOR PRODUCT-ID MANUFACTURER PRODUCT: a device, its interface, a ttyACM and a hidraw of it
        d=$1/sys/devices/usb1/$2 i=$1/sys/devices/usb1/$2/$2:1.0 minor=${2#1-}
        upper=$(echo "v$3p$4" | tr a-f A-F)
        mkdir -p "$i/tty/ttyACM$minor" "$i/0003:1.0/hidraw/hidraw$minor"
        echo "$3" >"$d/idVendor"
        echo "$4" >"$d/idProduct"
        echo "$5" >"$d/manufacturer"
        echo "$6" >"$d/product"
        ln -s "$1/sys/bus/usb" "$d/subsystem"
        printf 'DEVTYPE=usb_device\nMAJOR=189\nMINOR=%s\nDEVNAME=bus/usb/001/00%s\n' "$minor" "$minor" >"$d/uevent"
        ln -s "$1/sys/bus/usb" "$i/subsystem"
        printf 'DEVTYPE=usb_interface\nMODALIAS=usb:%sd0200dc02\n' "$upper" >"$i/uevent"
        ln -s "$1/sys/class/tty" "$i/tty/ttyACM$minor/subsystem"
        printf 'MAJOR=166\nMINOR=%s\nDEVNAME=ttyACM%s\n' "$minor" "$minor" >"$i/tty/ttyACM$minor/uevent"
        ln -s "$1/sys/bus/hid" "$i/0003:1.0/subsystem"
        : >"$i/0003:1.0/uevent"
        ln -s "$1/sys/class/hidraw" "$i/0003:1.0/hidraw/hidraw$minor/subsystem"
        printf 'MAJOR=240\nMINOR=%s\nDEVNAME=hidraw%s\n' "$minor" "$minor" >"$i/0003:1.0/hidraw/hidraw$minor/uevent"
}

udev() { # PATH BELOW /sys/devices/usb1 -> what udev makes of it
        udevadm test --action=add "/sys/devices/usb1/$1" 2>&1
}

run_namespace() { # ROOT
        # Links in /sys are relative to what is mounted there.
        find "$1/sys" -type l | while read -r link; do
                target=$(readlink "$link")
                ln -sfn "/sys${target#"$1/sys"}" "$link"
        done
        mount --bind "$1/sys" /sys
        mount --bind "$1/etc/udev" /etc/udev
        mount --bind "$1/etc/group" /etc/group
        mount -t tmpfs tmpfs /run
        mount -t tmpfs tmpfs /dev
        mknod /dev/null c 1 3 2>/dev/null || : >/dev/null
        export SYSTEMD_DEVICE_VERIFY_SYSFS=0
        for port in 1-1 1-2 1-3 1-4 1-5 1-6 1-7; do
                minor=${port#1-}
                udev "$port" >"$1/$port.device"
                udev "$port/$port:1.0" >"$1/$port.interface"
                udev "$port/$port:1.0/tty/ttyACM$minor" >"$1/$port.tty"
                udev "$port/$port:1.0/0003:1.0" >"$1/$port.hid"
                udev "$port/$port:1.0/0003:1.0/hidraw/hidraw$minor" >"$1/$port.hidraw"
        done
}

has() { # FILE LINE…
        file=$1
        shift
        for line in "$@"; do
                grep -qxF -- "$line" "$file" || {
                        echo "$(basename "$file") lacks $line:"
                        grep -E '^(FWD|ID_MM|TAGS|SYSTEMD)' "$file" || :
                        return 1
                }
        done
}

lacks() { # FILE PATTERN
        ! grep -E -- "$2" "$1"
}

says_nothing_of_ours() { # no complaint about the file in any log
        ! grep -hE '70-fwd\.rules.*([Ii]nvalid|[Uu]nknown|ignor|[Ff]ailed|[Uu]nexpected)' "$1"/*.device "$1"/*.tty
}

if [ -n "${FWD_UDEV_TEST_ROOT:-}" ]; then
        run_namespace "$FWD_UDEV_TEST_ROOT"
        exit 0
fi

check "every line of the rules is KEY OPERATOR \"value\", with known keys and labels" syntax "$rules"
check "not everybody gets access, and nothing is run" grants_little
check "the file sorts behind 50-udev-default and before 73-seat-late and 77-mm" sorted_rightly

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
make_tree "$root"
enter='unshare -rm' # in a chroot root may have a mount namespace, but no user namespace
unshare -rm true 2>/dev/null || enter='unshare -m'
if ! $enter true 2>/dev/null; then
        n=$((n + 1))
        echo "ok $n # SKIP no mount namespaces here (unshare -m)"
        echo "1..$n"
        exit 0
fi
FWD_UDEV_TEST_ROOT=$root $enter "$here" "$rules" "$hwdb"

group="70-fwd.rules:[0-9]* GROUP $fwd_gid"
check "udev has no complaint about the rules" says_nothing_of_ours "$root"

check "firmware: known, kept from ModemManager, starts the service" has "$root/1-1.device" FWD_MODE=firmware \
        "FWD_BOARD=crazyflie bitcraze betaflight inav emuflight rotorflight ardupilot vesc unknown-vcp" ID_MM_DEVICE_IGNORE=1 \
        SYSTEMD_WANTS=fwd.service
check "firmware: starts the service, and belongs to who sits at the machine" grep -q '^TAGS=.*:uaccess:' "$root/1-1.device"
check "firmware: its USB node is the service's" grep -q "$group" "$root/1-1.device"
check "firmware: its interface knows" has "$root/1-1.interface" FWD_MODE=firmware
check "firmware: its serial port knows, and is kept from ModemManager" has "$root/1-1.tty" FWD_MODE=firmware \
        ID_MM_DEVICE_IGNORE=1
check "firmware: its serial port stays in its own group" lacks "$root/1-1.tty" "70-fwd.rules.*(GROUP|MODE)|:uaccess:"

check "bootloader: known, starts the service" has "$root/1-2.device" FWD_MODE=bootloader FWD_BOARD=stm32-dfu \
        ID_MM_DEVICE_IGNORE=1 SYSTEMD_WANTS=fwd.service
check "bootloader: its USB node is the service's" grep -q "$group" "$root/1-2.device"
check "bootloader: and who sits at the machine has it" grep -q '^TAGS=.*:uaccess:' "$root/1-2.device"

check "product string: the device is known by it" has "$root/1-3.device" FWD_MODE=bootloader FWD_BOARD=px4-bootloader
check "product string: it goes down to the interface" has "$root/1-3.interface" FWD_MODE=bootloader
check "product string: … and to the serial port" has "$root/1-3.tty" FWD_MODE=bootloader FWD_BOARD=px4-bootloader

check "USB-serial chip: recognised" has "$root/1-4.device" FWD_MODE=serial-bridge
check "USB-serial chip: nothing is changed for it" lacks "$root/1-4.device" '70-fwd.rules.*GROUP|SYSTEMD_WANTS|ID_MM_|:uaccess:'
check "USB-serial chip: ModemManager may have its port" lacks "$root/1-4.tty" 'ID_MM_'

check "hidraw: knows what it belongs to" has "$root/1-5.hidraw" FWD_MODE=firmware FWD_BOARD=ffbeast-wheel
check "hidraw: it is the service's, where a firmware is asked over it" grep -q "$group" "$root/1-5.hidraw"
check "hidraw: and who sits at the machine has it" grep -q '^TAGS=.*:uaccess:' "$root/1-5.hidraw"
check "hidraw: no other" lacks "$root/1-1.hidraw" '70-fwd.rules.*(GROUP|MODE)|:uaccess:'

check "probe: recognised" has "$root/1-6.device" FWD_MODE=probe ID_MM_DEVICE_IGNORE=1
check "probe: starts nothing, belongs to nobody new" lacks "$root/1-6.device" '70-fwd.rules.*GROUP|SYSTEMD_WANTS|:uaccess:'

check "a stranger: nothing at all" lacks "$root/1-7.device" '70-fwd.rules.*GROUP|SYSTEMD_WANTS|ID_MM_|^FWD_|:uaccess:'
check "a stranger's serial port: nothing at all" lacks "$root/1-7.tty" 'ID_MM_|^FWD_'
echo "1..$n"
