#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317 # the tests are called by name
# Configurations through fwctl: backups, restores, flashes that keep them.
# shellcheck source=tests/integration/fwctl-mock.sh
. "$(dirname "$0")/fwctl-mock.sh"

# --- configurations ----------------------------------------------------------------------------

test_backup() {
        local id=20251121T115900Z-1a2b3c4d
        run 0 backup && has "$out" "configuration kept as backup $id" || return
        run 0 backup 1-1 "$dir/config.txt" && is "$(tail -1 "$dir/config.txt")" save || return
        # A backup is not written over another.
        run 2 backup "$dir/config.txt" && has "$err" "is there already" || return
        run 0 backup --dump - && is "${out##*$'\n'}" save && hasnt "$out" "kept as" &&
                has "$(mock Calls)" "BackupConfig dump=1" || return
        run 2 backup -j - && run 2 backup a b c && run 3 backup 7-7 || return
        run 1 backup 1-1 "$dir/none/config.txt" && has "$err" "The backup is kept" || return
        run 0 -j backup 1-1 && json 'j["details"]["Backup"] == "'"$id"'" and j["kind"] == "backup"'
}

test_restore() {
        local id=20251121T115900Z-1a2b3c4d
        printf 'set b = 2\nsave\n' >"$dir/mine.txt"
        mock Set details "Config=restored" && run 0 restore "$dir/mine.txt" && has "$out" "configuration was restored" &&
                has "$(mock Calls)" "config set b = 2" || return
        # A backup by its name, or how that begins; a file of that name is nearer.
        run 0 restore 1-1 "$id" && has "$(mock Calls)" "config set a = 1" && run 0 restore 20251121T &&
                run 3 restore 20251122T && has "$err" "no backup" || return
        (fwctl=$(realpath "$fwctl") && cd "$dir" && cp mine.txt 20251121T && run 0 restore 20251121T && rm 20251121T) || return
        run 0 restore --only=serial,osd --save-with-errors "$dir/mine.txt" &&
                has "$(mock Calls)" "RestoreConfig only=serial,osd save-with-errors=1" || return
        run 3 restore "$dir/none.txt" && run 6 restore "$dir/empty.bin" && run 6 restore "$dir/pipe" && run 2 restore
}

test_restore_in_part() {
        printf 'set b = 2\nsave\n' >"$dir/mine.txt"
        mock Set details "Config=partly-restored|ConfigSkippedLines=set c = 3 (unknown)|Notice=1 setting did not come back"
        run 0 restore "$dir/mine.txt" && has "$out" "restored in part" && has "$err" "Left out: set c = 3 (unknown)" &&
                has "$err" "1 setting did not come back" || return
        mock Set details "ConfigRejectedLines=set x = 1 (Invalid name)"
        mock Set fail "ConfigRejected untouched The board refused 1 line."
        run 12 restore "$dir/mine.txt" && has "$err" "refused 1 line" && has "$err" "set x = 1 (Invalid name)"
}

test_restore_dry_run() {
        printf 'set b = 2\nsave\n' >"$dir/mine.txt"
        mock Set details "Config=planned|ConfigApplied=2|ConfigPlan=3|ConfigPlanLines=set a = 1; profile 1; set n = "$'\e'"[31m|ConfigMissing=1|\
ConfigMissingLines=set a = 1 (is: set a = 2)|ConfigSkippedLines=set c = 3 (unknown)|ConfigTranslatedLines=set d = 4 (set e = 4)|Notice=The board restarted."
        run 0 restore --dry-run 1-1 "$dir/mine.txt" && has "$out" "would give the board 2 settings; 1 of the file it does not have now" &&
                has "$out" $'\n  set a = 1\n  profile 1\n  set n = ' && hasnt "$out" $'\e' && has "$out" "would go back to its default" &&
                has "$out" "Nothing was changed." && hasnt "$out" "was restored" && has "$err" "Left out: set c = 3 (unknown)" &&
                has "$err" "Translated: set d = 4 (set e = 4)" && has "$err" "Not on the board now: set a = 1" &&
                has "$err" "The board restarted." && has "$(mock Calls)" "RestoreConfig dry-run=1" || return
        run 0 restore --dry-run --only=osd 1-1 "$dir/mine.txt" && hasnt "$out" "go back to its default" &&
                has "$(mock Calls)" "RestoreConfig dry-run=1 only=osd" || return
        run 0 -j restore --dry-run 1-1 "$dir/mine.txt" &&
                json 'j["kind"] == "restore" and j["result"] == "success" and j["state"] == "untouched"' &&
                json 'j["details"]["ConfigPlanLines"].startswith("set a = 1; profile 1; ")' || return
        mock Set fail "Armed untouched The board on 1-1 is armed." && run 5 restore --dry-run 1-1 "$dir/mine.txt"
}

test_custom_defaults() {
        mock Set details "Config=custom-defaults|Backup=20251121T115900Z-1a2b3c4d"
        run 0 restore --custom-defaults 1-1 && has "$out" "the custom defaults are applied; a backup is 20251121T" || return
        mock Set details "Config=planned|ConfigPlan=2|ConfigPlanLines=set a = 1; map A|ConfigReplaced=1|ConfigReplacedLines=set a = 2|BackupPlanned=yes"
        run 0 restore --custom-defaults --dry-run 1-1 && has "$(mock Calls)" "ApplyCustomDefaults dry-run=1" &&
                has "$out" $'to its custom defaults, 2 lines:\n  set a = 1\n  map A\nA backup would be made first.\nSet on the board now, and gone from it then (1):' &&
                has "$out" $'\n  set a = 2\nNothing was changed.' && hasnt "$out" "are applied" || return
        mock Set details "Config=planned|ConfigReplaced=0|BackupPlanned=no"
        run 0 restore --dry-run --custom-defaults 1-1 && has "$out" "This firmware does not show them." && hasnt "$out" "backup" &&
                hasnt "$out" "gone from it then" && has "$out" "Nothing was changed." || return
        run 0 -j restore --custom-defaults --dry-run 1-1 && json '"ConfigPlan" not in j["details"] and j["kind"] == "custom-defaults"' || return
        run 2 restore --custom-defaults --dry-run --only=osd 1-1 && run 2 restore --custom-defaults --dry-run 1-1 "$dir/mine.txt"
}

test_backups() {
        run 0 backups && has "$out" "20251121T115900Z-1a2b3c4d" && has "$out" "BTFL 4.5.1" && hasnt "$out" $'\e' &&
                is "$(wc -l <"$dir/out")" 3 && run 0 backups 1-1 --no-legend && is "$(wc -l <"$dir/out")" 1 &&
                run 0 backups -j && json 'len(j) == 2 and j[0]["UniqueId"] == "00ab1"' || return
        mock Set empty 1 && run 0 backups && is "$out" "" && has "$err" "no backup"
}

test_keep_config() {
        run 0 flash --keep-config "$dir/good.bin" && has "$(mock Calls)" "Flash keep-config=1" &&
                run 0 flash --no-keep-config "$dir/good.bin" && has "$(mock Calls)" "Flash keep-config=0" &&
                run 2 flash --keep-config --no-keep-config "$dir/good.bin" || return
        mock Set details "Config=kept|Backup=20251121T115900Z-1a2b3c4d"
        run 0 flash "$dir/good.bin" && has "$out" "kept its configuration; a backup is 20251121T115900Z-1a2b3c4d."
}

start_bus
start_mock
for name in backup restore restore_in_part restore_dry_run custom_defaults backups keep_config; do
        check "$name"
done
checked
