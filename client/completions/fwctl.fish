# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for fwctl(1). Boards and jobs are asked for from fwctl itself.

function __fwctl_first_column
        fwctl $argv[1] --no-legend --no-ask-password 2>/dev/null | string replace -r ' .*' ''
end

set -l verbs list show monitor inspect flash read erase unprotect reboot leave identify recover-bootloader backup restore backups jobs history wait cancel doctor version
set -l none "not __fish_seen_subcommand_from $verbs"

complete -c fwctl -f
complete -c fwctl -n $none -a list -d 'The boards that are plugged in'
complete -c fwctl -n $none -a show -d 'Everything known of a board'
complete -c fwctl -n $none -a monitor -d 'What changes, until interrupted'
complete -c fwctl -n $none -a inspect -d 'What is in a firmware file'
complete -c fwctl -n $none -a flash -d 'Write firmware to a board, verify it and start it'
complete -c fwctl -n $none -a read -d 'Read the flash of a board into a file'
complete -c fwctl -n $none -a erase -d 'Erase the flash of a board'
complete -c fwctl -n $none -a unprotect -d 'Take the read protection off a chip, which erases it'
complete -c fwctl -n $none -a reboot -d 'Bring a board into its bootloader'
complete -c fwctl -n $none -a leave -d 'Start the firmware of a board in its bootloader'
complete -c fwctl -n $none -a identify -d 'Ask a board what it is'
complete -c fwctl -n $none -a recover-bootloader -d 'Write the loader that a board has of its own again'
complete -c fwctl -n $none -a backup -d 'Read the configuration and keep it'
complete -c fwctl -n $none -a restore -d 'Give a configuration to a board'
complete -c fwctl -n $none -a backups -d 'The configurations that are kept'
complete -c fwctl -n $none -a history -d 'Every job that there was'
complete -c fwctl -n $none -a jobs -d 'What runs, and what ended lately'
complete -c fwctl -n $none -a wait -d 'Watch a job to its end'
complete -c fwctl -n $none -a cancel -d 'Cancel a job'
complete -c fwctl -n $none -a doctor -d 'What stands in the way of a flash, and what mends it'
complete -c fwctl -n $none -a version -d 'Versions of fwctl and of the service'

complete -c fwctl -s h -l help -d 'Help'
complete -c fwctl -l version -d 'Versions of fwctl and of the service'
complete -c fwctl -l json -x -a 'pretty short off' -d 'JSON output'
complete -c fwctl -s j -d 'JSON output'
complete -c fwctl -l color -x -a 'auto always never' -d 'Colour'
complete -c fwctl -l no-legend -d 'No table headers'
complete -c fwctl -s l -l full -d 'Do not cut columns'
complete -c fwctl -s q -l quiet -d 'No progress'
complete -c fwctl -l no-ask-password -d 'Do not ask for authentication'
complete -c fwctl -l direct -d 'Without the service'

complete -c fwctl -n '__fish_seen_subcommand_from show flash read erase unprotect recover-bootloader reboot leave identify backup restore backups history' -a '(__fwctl_first_column list)'
complete -c fwctl -n '__fish_seen_subcommand_from wait cancel' -a '(__fwctl_first_column jobs)'
complete -c fwctl -n '__fish_seen_subcommand_from flash inspect read recover-bootloader backup restore' -F
complete -c fwctl -n '__fish_seen_subcommand_from restore' -a '(__fwctl_first_column backups)'
complete -c fwctl -n '__fish_seen_subcommand_from flash inspect' -l address -x -d 'Where a raw image belongs'
complete -c fwctl -n '__fish_seen_subcommand_from flash' -l erase -x -a 'sectors full' -d 'What to erase'
complete -c fwctl -n '__fish_seen_subcommand_from flash read' -l no-leave -d 'Stay in the bootloader'
complete -c fwctl -n '__fish_seen_subcommand_from flash read restore' -s f -l force -d 'Also what is not known to fit'
complete -c fwctl -n '__fish_seen_subcommand_from flash erase unprotect recover-bootloader reboot leave identify restore cancel' -l no-block -d 'Return at once'
complete -c fwctl -n '__fish_seen_subcommand_from flash' -l wait -d 'Wait for the board'
complete -c fwctl -n '__fish_seen_subcommand_from reboot' -l bootloader -d 'Into the bootloader'
complete -c fwctl -n '__fish_seen_subcommand_from reboot' -l firmware -d 'Into the firmware'
complete -c fwctl -n '__fish_seen_subcommand_from show' -s p -l property -x -d 'Only this property'
complete -c fwctl -n '__fish_seen_subcommand_from show' -l value -d 'Only the values'
complete -c fwctl -n '__fish_seen_subcommand_from flash' -l save-old -r -F -d 'Keep the old flash in a file'
complete -c fwctl -n '__fish_seen_subcommand_from read erase' -l range -x -d 'Part of the memory'
complete -c fwctl -n '__fish_seen_subcommand_from flash erase unprotect recover-bootloader restore' -l dry-run -d 'Tell the plan, change nothing'
complete -c fwctl -n '__fish_seen_subcommand_from erase unprotect' -l yes -d 'Do not ask'
complete -c fwctl -n '__fish_seen_subcommand_from flash' -l keep-config -d 'Back the configuration up and bring it back'
complete -c fwctl -n '__fish_seen_subcommand_from flash' -l no-keep-config -d 'Do not back the configuration up'
complete -c fwctl -n '__fish_seen_subcommand_from flash restore' -l custom-defaults -d 'Apply the custom defaults of the board'
complete -c fwctl -n '__fish_seen_subcommand_from backup' -l dump -d 'All settings'
complete -c fwctl -n '__fish_seen_subcommand_from restore' -l only -x -a 'serial receiver modes osd vtx led pids rates other' -d 'Only these parts'
complete -c fwctl -n '__fish_seen_subcommand_from history' -s n -l lines -x -d 'The newest N'
complete -c fwctl -n '__fish_seen_subcommand_from restore' -l save-with-errors -d 'Save without the lines that are refused'
