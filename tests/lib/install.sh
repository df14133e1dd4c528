# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For tests/run and tests/demo: what is missing is installed, and the project built.

# shellcheck disable=SC2034 # of tests/demo and tests/bench
programs=(daemon/service/fwd daemon/worker/fwd-worker client/fwctl tests/sim/fwd-sim tests/sim/simctl)

tests_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_dir=$(dirname "$tests_dir")

step() { printf '%s\n' "$*" >&2; }

die() {
        printf '%s: %s\n' "$(basename "$0")" "$*" >&2
        exit 1
}

# quietly WHAT COMMAND…: its output is shown if it fails
quietly() {
        local what=$1 log status
        shift
        log=$(mktemp)
        "$@" >"$log" 2>&1
        status=$?
        [ $status -eq 0 ] || cat "$log" >&2
        rm -f "$log"
        [ $status -eq 0 ] || die "$what failed."
}

install_packages() {
        local missing=() package as_root=()
        while read -r package; do
                case $package in
                '' | '#'*) continue ;;
                esac
                [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
                        missing+=("$package")
        done <"$tests_dir/lib/packages"
        [ ${#missing[@]} -gt 0 ] || return 0
        command -v apt-get >/dev/null || die "these packages are needed: ${missing[*]}"
        [ "$(id -u)" -eq 0 ] || as_root=(sudo)
        step "Installing ${#missing[@]} packages: ${missing[*]}"
        quietly "apt-get update" "${as_root[@]}" apt-get -q update
        quietly "apt-get install" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get -q -y --no-install-recommends install "${missing[@]}"
}

# build DIR MESON-OPTION… [-- TARGET…]
build() {
        local dir=$source_dir/$1 options=()
        shift
        while [ $# -gt 0 ] && [ "$1" != -- ]; do
                options+=("$1")
                shift
        done
        [ $# -eq 0 ] || shift
        if [ -f "$dir/build.ninja" ]; then
                quietly "meson configure" meson configure "$dir" "${options[@]}"
        else
                step "Configuring $(basename "$dir")"
                quietly "meson setup" meson setup "$dir" "$source_dir" "${options[@]}"
        fi
        step "Building $(basename "$dir")"
        quietly "the build" ninja -C "$dir" "$@"
}
