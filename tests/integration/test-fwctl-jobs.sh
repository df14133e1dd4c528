#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317 # the tests are called by name
# Jobs through fwctl: begun, watched, cancelled, left; on a terminal and not.
# shellcheck source=tests/integration/fwctl-mock.sh
. "$(dirname "$0")/fwctl-mock.sh"

# --- flashing ----------------------------------------------------------------------------------

test_flash() {
        run 0 flash "$dir/good.bin" && has "$out" "1-1 (Räucherfisch F405): flashed and verified" &&
                has "$out" "10000 bytes in" && has "$out" "KB/s" && has "$err" "1-1: erasing" &&
                has "$err" "1-1: writing, 10000 bytes" && has "$err" "waiting for the bootloader" &&
                hasnt "$err" $'\033' && hasnt "$err" $'\r' &&
                run 0 flash 1-1 "$dir/good.bin" && run 0 -q flash "$dir/good.bin" && is "$err" ""
}

test_flash_json() {
        run 0 flash -j "$dir/good.bin" &&
                json 'j["result"] == "success" and j["error"] is None and j["state"] == "verified"' &&
                json 'j["kind"] == "flash" and j["port"] == "1-1" and isinstance(j["job"], int)' &&
                json 'j["details"]["Written"] == "10000"' && is "$err" "" &&
                json 'list(j) == ["job", "kind", "port", "result", "error", "state", "details"]'
}

test_flash_options() {
        run 0 flash "$dir/good.bin" && has "$(mock Calls)" '"Flash "' &&
                run 0 flash --address=0x08004000 --erase=full --no-leave --force "$dir/good.bin" &&
                has "$(mock Calls)" "Flash address=134234112 erase=full force=1 leave=0"
}

test_flash_no_block() {
        mock Set hold writing && run 0 flash --no-block "$dir/good.bin" && has "$out" "started on 1-1" &&
                run 5 flash "$dir/good.bin" && has "$err" "uses board 1-1" &&
                run 0 list && has "$out" "bootloader" && is "${out##* }" "$(last_job)" && run 0 jobs -j &&
                json 'j[-1]["Result"] == "" and j[-1]["Kind"] == "flash"' &&
                mock Release && run 0 wait "$(last_job)" || return
        run 0 -j flash --no-block "$dir/good.bin" && json 'j["job"] > 0 and j["result"] is None'
}

test_bad_files() {
        run 6 flash "$dir/bad.bin" && has "$err" "no firmware" &&
                run 6 flash "$dir/empty.bin" && has "$err" "is empty" &&
                run 6 flash "$dir" && has "$err" "is a directory" &&
                run 6 flash "$dir/pipe" && has "$err" "is a pipe" &&
                run 6 flash "$dir/none.bin" && has "$err" "No such file" &&
                run 6 flash -j "$dir/none.bin" && json 'j["error"]["name"] == "InvalidImage"' &&
                run 6 inspect "$dir/pipe" && run 6 inspect /dev/null && run 0 jobs &&
                hasnt "$(mock Calls)" "GetDevice"
}

# Every error the service can give, as refusal of the call and as end of the job.
errors=(Failed:1 Busy:5 PortHeld:5 NotFound:3 NotSupported:1 InvalidImage:6 ImageTooLarge:6
        AddressOutOfRange:6 ProtectedRegion:9 WrongBoard:6 ReadProtected:9 Armed:5 EraseFailed:1
        WriteFailed:1 VerifyFailed:7 DeviceLost:8 Timeout:10 Interrupted:1 LimitExceeded:5
        NeedsUserAction:10 NotAuthorized:4 StorageFailed:1 InvalidConfig:6
        ConfigRejected:12 BadAnswer:1 InvalidArgument:2)

test_refusals() {
        local e
        for e in "${errors[@]}"; do
                mock Set refuse "${e%:*} The reason of ${e%:*}." &&
                        run "${e#*:}" flash "$dir/good.bin" && has "$err" "The reason of ${e%:*}." &&
                        is "$out" "" && mock Set refuse "${e%:*} The reason." &&
                        run "${e#*:}" reboot -j && json "j['error']['name'] == '${e%:*}'" || return
        done
}

test_failures() {
        local e
        for e in "${errors[@]}"; do
                mock Set fail "${e%:*} partly-written It broke. Board 1-1 is partly written. Plug it in." &&
                        run "${e#*:}" flash "$dir/good.bin" &&
                        has "$err" "Board 1-1 is partly written. Plug it in." && is "$out" "" &&
                        run "${e#*:}" flash -j "$dir/good.bin" &&
                        json "j['error']['name'] == '${e%:*}' and j['state'] == 'partly-written'" &&
                        json "j['result'] == 'failed' and j['error']['message']" || return
        done
}

test_denied() {
        local name
        for name in org.freedesktop.DBus.Error.AccessDenied \
                org.freedesktop.DBus.Error.InteractiveAuthorizationRequired; do
                mock Set refuse "$name Not for you." && run 4 flash "$dir/good.bin" &&
                        has "$err" "not allowed" && mock Set refuse "$name Not for you." &&
                        run 4 --no-ask-password flash "$dir/good.bin" || return
        done
}

test_notice() {
        mock Set notice "Hold the BOOT button while you plug it in." &&
                run 0 flash "$dir/good.bin" && has "$err" "1-1: Hold the BOOT button" &&
                is "$(grep -c 'Hold the BOOT' "$dir/err")" 1 && run 0 -j flash "$dir/good.bin" &&
                json 'j["details"]["Notice"].startswith("Hold")' &&
                run 0 -q flash "$dir/good.bin" && has "$out$err" "Hold the BOOT"
}

test_reboot() {
        run 0 reboot && has "$out" "in its bootloader" && run 0 list && has "$out" "bootloader" &&
                run 0 reboot --firmware && has "$out" "in its firmware" && run 0 list &&
                hasnt "$out" "bootloader" && run 0 reboot --bootloader -j && json 'j["kind"] == "reboot"' &&
                run 0 leave && run 0 identify && has "$out" "Variant: BTFL" && run 0 identify -j &&
                json 'j["details"]["FirmwareVersion"] == "4.5.1"'
}

# --- jobs --------------------------------------------------------------------------------------

# Starts fwctl in the background, and waits until it has printed $1 on standard error.
begin_job() {
        local until=$1 line
        shift
        # A job of its own: bash would have an asynchronous command ignore SIGINT.
        exec {progress}< <(exec /usr/bin/env --default-signal=INT "$fwctl" "$@" 2>&1 >"$dir/out" </dev/null)
        client_pid=$!
        err=""
        while read -r -u "$progress" -t 20 line; do
                err+=$line$'\n'
                [[ $line == *"$until"* ]] && return
        done
        why="\"$until\" did not come"
        return 1
}

end_job() { # EXIT-CODE
        local rest got
        rest=$(cat <&"$progress")
        wait "$client_pid"
        got=$?
        exec {progress}<&-
        err+=$rest out=$(<"$dir/out")
        [[ $got == "$1" ]] && return
        why="fwctl ended with $got, not $1"
        return 1
}

test_wait() {
        run 3 wait && has "$err" "No job is running" && run 3 wait 999 && has "$err" "no job 999" &&
                mock Set hold writing && begin_job writing flash "$dir/good.bin" && mock Release &&
                end_job 0 && run 0 wait "$(last_job)" && has "$out" "flashed and verified" &&
                mock Set fail "VerifyFailed written It differs." && run 7 flash "$dir/good.bin" &&
                run 7 wait "$(last_job)" && has "$err" "It differs" && run 7 wait -j "$(last_job)" &&
                json 'j["error"]["name"] == "VerifyFailed"'
}

test_cancel() {
        run 3 cancel 999 && mock Set hold erasing && begin_job erasing flash "$dir/good.bin" &&
                run 0 cancel "$(last_job)" && has "$err" "cancelled" && end_job 11 &&
                has "$err" "Board 1-1 is erased" && run 0 flash --no-block "$dir/good.bin" &&
                run 0 cancel -j "$(last_job)" && json 'j["result"] == "cancelled"' &&
                mock Release && run 0 flash "$dir/good.bin" &&
                run 1 cancel "$(last_job)" && has "$err" "already succeeded" &&
                mock Set uncancelable yes && run 1 cancel "$(last_job)" && has "$err" "past the point"
}

test_signal_leaves_job() {
        local s id
        for s in INT TERM; do
                mock Set hold writing && begin_job writing flash "$dir/good.bin" || return
                kill -"$s" "$client_pid"
                end_job $((128 + $(kill -l "$s"))) && id=$(last_job) &&
                        has "$err" "Job $id on 1-1" && has "$err" "fwctl cancel $id" &&
                        is "$(mock Cancelled)" "u $cancelled" && mock Release && run 0 wait "$id" || return
        done
}

# --- the service goes away ---------------------------------------------------------------------

lose_in() { # PHASE TEXT
        mock Set die "$1" && run 75 flash "$dir/good.bin" && has "$err" "went away during job" &&
                has "$err" "$2" && has "$err" "is not known" && is "$out" "" || return
        start_mock
        mock Set die "$1" && run 75 flash -j "$dir/good.bin" &&
                json 'j["error"]["name"] == "ServiceLost" and j["result"] is None and j["job"] == 1' &&
                json 'j["state"] is None' || return
        start_mock
}

test_lost_service() {
        lose_in writing "its last report was: writing" && lose_in opening "its last report was: opening"
}

test_monitor() {
        local line seen=""
        begin_monitor() {
                exec {events}< <(exec "$fwctl" monitor "$@" 2>&1)
                client_pid=$!
        }
        until_event() {
                while read -r -u "$events" -t 20 line; do
                        seen+=$line$'\n'
                        [[ $line == *"$1"* ]] && return
                done
                why="no event \"$1\" in: $seen"
                return 1
        }
        begin_monitor
        until_event "device-added" && has "$line" "1-1" && has "$line" "Räucherfisch" &&
                run 0 flash "$dir/good.bin" && until_event "job-added" && until_event "rebooting" &&
                until_event "Mode=bootloader" && until_event "writing, 100 %" &&
                until_event "Mode=firmware" && until_event "job-removed" && has "$line" success &&
                mock Set boards 0 && until_event "device-removed" && has "$line" "1-1" &&
                mock Quit && until_event "service-stopped" || return
        start_mock
        until_event "service-started" && until_event "device-added" || return
        kill "$client_pid"
        exec {events}<&-

        begin_monitor --json=pretty
        until_event '"device-added"' && out=$line && json 'j["device"]["Port"] == "1-1"' &&
                run 0 -q flash "$dir/good.bin" && until_event '"progress"' && out=$line &&
                json 'set(j) == {"event", "job", "device", "phase", "done", "total"}' &&
                until_event '"device-changed"' && out=$line &&
                json 'j["changed"] == {"Mode": "bootloader"} and j["device"]["Port"] == "1-1"' &&
                until_event '"job-removed"' && out=$line && json 'j["job"]["Result"] == "success"' &&
                mock Set boards 0 && until_event '"device-removed"' && out=$line &&
                json 'j["device"]["Port"] == "1-1"' || return
        kill "$client_pid"
        exec {events}<&-
        # Each line is an object of its own.
        printf '%s' "$seen" | grep '^{' | while read -r line; do
                out=$line
                json '"event" in j' || exit 1
        done
}

# --- on a terminal -----------------------------------------------------------------------------

release="run:busctl --address=$DBUS_SYSTEM_BUS_ADDRESS call org.fwctl1 /mock org.fwctl1.Mock Release"

talk() { # EXIT-CODE STEP…
        local expected=$1 got
        shift
        "$here/pty-talk.py" "$@" -- "$fwctl" flash "$dir/good.bin" >"$dir/out" 2>"$dir/err"
        got=$?
        out=$(<"$dir/out") err=$(<"$dir/err")
        [[ $got == "$expected" ]] && return
        why="ended with $got, not $expected: $out"
        return 1
}

test_bar() {
        mock Set hold writing && talk 0 "expect: 50 %" "$release" && has "$out" "[####" &&
                has "$out" "5.0/10.0 KB" && has "$out" $'\r\033[K' && has "$out" "flashed and verified" &&
                has "$out" "Räucherfisch"
}

test_dumb_terminal() {
        "$here/pty-talk.py" -- env TERM=dumb "$fwctl" flash "$dir/good.bin" >"$dir/out" || return 1
        hasnt "$(<"$dir/out")" $'\033' && has "$(<"$dir/out")" "1-1: writing, 10000 bytes"
}

test_interrupt_cancel() {
        mock Set hold writing &&
                talk 11 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:c\n' "expect:is partly-written" &&
                is "$(mock Cancelled)" "u $((cancelled + 1))"
}

test_interrupt_leave() {
        mock Set hold writing &&
                talk 130 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:l\n' "expect:goes on" &&
                has "$out" "fwctl wait $(last_job)" && is "$(mock Cancelled)" "u $cancelled" &&
                mock Release && run 0 wait "$(last_job)"
}

test_interrupt_twice_leaves() {
        mock Set hold writing &&
                talk 130 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:\x03' "expect:goes on" &&
                is "$(mock Cancelled)" "u $cancelled" && mock Release && run 0 wait "$(last_job)"
}

test_interrupt_continue() {
        mock Set hold writing &&
                talk 0 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:\n' "expect:50 %" "$release" \
                        "expect:flashed and verified" && is "$(mock Cancelled)" "u $cancelled"
}

test_interrupt_while_job_ends() {
        mock Set hold writing &&
                talk 0 "expect:50 %" 'send:\x03' "expect:[c]ancel" "$release" "expect:flashed and verified"
}

test_interrupt_uncancelable() {
        mock Set hold writing && mock Set uncancelable yes &&
                talk 0 "expect:50 %" 'send:\x03' "expect:[c]ancel" 'send:c\n' "expect:It was not cancelled" \
                        "$release" "expect:flashed and verified"
}

# Asks polkit's agent for terminals to come before it calls, with a descriptor on which that says it
# is there, and sends it away when the call is answered. Never for root, so this is somebody else.
test_agent() {
        local as=()
        [[ $(id -u) == 0 ]] && as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        mkdir -p "$dir/bin" && chmod 755 "$dir" "$dir/bin" && mkfifo -m 666 "$dir/agent"
        cat >"$dir/bin/pkttyagent" <<END
#!/bin/bash
exec {log}<>$dir/agent
trap 'echo ended >&\$log; kill %1; exit' TERM
echo "\$*" >&\$log
eval "sleep 60 \$2>&- &"
# Ready, and from here on it may be sent away.
eval "exec \$2>&-"
wait
END
        chmod 755 "$dir/bin/pkttyagent"
        exec 8<>"$dir/agent"
        PATH="$dir/bin:$PATH" "$here/pty-talk.py" "expect:flashed and verified" -- "${as[@]}" \
                "$fwctl" flash "$dir/good.bin" >"$dir/out" || { why=$(<"$dir/out"); return 1; }
        read -r -u 8 -t 20 out && has "$out" "--notify-fd" && has "$out" "--fallback" &&
                read -r -u 8 -t 20 out && is "$out" ended || return
        # Two calls in one run: the second agent is started after a job, and has to end all the same.
        mkdir -m 777 "$dir/kept"
        PATH="$dir/bin:$PATH" "$here/pty-talk.py" "expect:kept as backup" -- "${as[@]}" \
                "$fwctl" backup 1-1 "$dir/kept/config.txt" >"$dir/out" || { why=$(<"$dir/out"); return 1; }
        read -r -u 8 -t 20 out && read -r -u 8 -t 20 out && is "$out" ended &&
                read -r -u 8 -t 20 out && has "$out" "--notify-fd" && read -r -u 8 -t 20 out && is "$out" ended || return
        PATH="$dir/bin:$PATH" "$here/pty-talk.py" "expect:flashed and verified" -- "${as[@]}" \
                "$fwctl" --no-ask-password flash "$dir/good.bin" >"$dir/out" || return
        read -r -u 8 -t 0 && why="an agent with --no-ask-password" && return 1
        exec 8<&-
}

start_bus
start_mock
for name in flash flash_json flash_options flash_no_block bad_files refusals failures denied notice reboot \
        wait cancel; do
        check "$name"
done
# With what had been cancelled before in $cancelled.
for name in signal_leaves_job bar dumb_terminal interrupt_cancel interrupt_leave interrupt_twice_leaves \
        interrupt_continue interrupt_while_job_ends interrupt_uncancelable; do
        cancelled=$(mock Cancelled | cut -d' ' -f2)
        check "$name"
done
for name in lost_service monitor agent; do
        check "$name"
done
checked
