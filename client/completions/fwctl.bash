# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for fwctl(1). Boards and jobs are asked for from fwctl itself.

_fwctl_first_column() {
        fwctl "$1" --no-legend --no-ask-password 2>/dev/null | while read -r name _; do
                printf '%s\n' "$name"
        done
}

_fwctl() {
        local cur prev verb="" word i
        local verbs="list show monitor inspect flash read erase unprotect reboot leave identify recover-bootloader backup restore backups jobs history wait cancel doctor version"
        local options="--help --version --json= --color= --no-legend --full --quiet --no-ask-password --direct"

        cur="${COMP_WORDS[COMP_CWORD]}"
        prev="${COMP_WORDS[COMP_CWORD-1]}"
        COMPREPLY=()
        for ((i = 1; i < COMP_CWORD; i++)); do
                word="${COMP_WORDS[i]}"
                [[ $word == -* || $word == "=" ]] && continue
                [[ " $verbs " == *" $word "* ]] && verb="$word" && break
        done

        # "=" is a word of its own in COMP_WORDS.
        if [[ $cur == "=" ]]; then
                cur=""
        elif [[ $prev == "=" ]]; then
                prev="${COMP_WORDS[COMP_CWORD-2]}"
        fi
        case "$prev" in
        --json) mapfile -t COMPREPLY < <(compgen -W "pretty short off" -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
        --erase) mapfile -t COMPREPLY < <(compgen -W "sectors full" -- "$cur"); return ;;
        esac

        if [[ $cur == -* ]]; then
                case "$verb" in
                show) options+=" --property= --value" ;;
                inspect) options+=" --address=" ;;
                flash) options+=" --address= --erase= --no-leave --force --no-block --wait --save-old= --dry-run --keep-config --no-keep-config --custom-defaults" ;;
                read) options+=" --range= --no-leave --force" ;;
                erase) options+=" --range= --dry-run --yes --no-block" ;;
                unprotect) options+=" --dry-run --yes --no-block" ;;
                recover-bootloader) options+=" --dry-run --no-block" ;;
                backup) options+=" --dump" ;;
                history) options+=" --lines=" ;;
                restore) options+=" --only= --dry-run --save-with-errors --custom-defaults --force --no-block" ;;
                reboot) options+=" --bootloader --firmware --no-block" ;;
                leave | identify | cancel) options+=" --no-block" ;;
                esac
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
                [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
                return
        fi

        case "$verb" in
        "") mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur") ;;
        show | reboot | leave | identify | erase | unprotect | backups | history)
                mapfile -t COMPREPLY < <(compgen -W "$(_fwctl_first_column list)" -- "$cur") ;;
        wait | cancel) mapfile -t COMPREPLY < <(compgen -W "$(_fwctl_first_column jobs)" -- "$cur") ;;
        inspect) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        flash | recover-bootloader | read | backup | restore)
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -W "$(_fwctl_first_column list)" -- "$cur"
                                         compgen -f -- "$cur") ;;
        esac
}

complete -F _fwctl fwctl
