# bash completion for ampt. Generated from the command line by `make docs`. Do not edit.

# _ampt_words COMMAND BEFORE BEGINNING: what may stand after the word BEFORE.
_ampt_words() {
    case "$1 $2" in
        'publish --after' | 'publish -a') return ;;
        'publish --id') _ampt_offer "$1" 'ids' "$3"; return ;;
        'publish --field' | 'publish -f') return ;;
        'publish --batch' | 'publish -b') _ampt_offer "$1" 'files' "$3"; return ;;
        'publish --spool' | 'publish -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'run --handlers' | 'run -m') _ampt_offer "$1" 'files' "$3"; return ;;
        'run --jobs' | 'run -j') return ;;
        'run --name' | 'run -n') _ampt_offer "$1" 'names' "$3"; return ;;
        'run --max') return ;;
        'run --memory') return ;;
        'run --now') return ;;
        'run --log-format') _ampt_offer "$1" 'text json' "$3"; return ;;
        'run --spool' | 'run -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'inspect --state') _ampt_offer "$1" 'pending retry running done dead quarantine' "$3"; return ;;
        'inspect --name' | 'inspect -n') _ampt_offer "$1" 'names' "$3"; return ;;
        'inspect --error') return ;;
        'inspect --since') return ;;
        'inspect --until') return ;;
        'inspect --sort') _ampt_offer "$1" 'due name state attempt' "$3"; return ;;
        'inspect --limit') return ;;
        'inspect --group-by') _ampt_offer "$1" 'error name' "$3"; return ;;
        'inspect --spool' | 'inspect -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'retry --state') _ampt_offer "$1" 'dead retry pending quarantine' "$3"; return ;;
        'retry --name' | 'retry -n') _ampt_offer "$1" 'names' "$3"; return ;;
        'retry --error') return ;;
        'retry --spool' | 'retry -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'cancel --state') _ampt_offer "$1" 'retry pending' "$3"; return ;;
        'cancel --name' | 'cancel -n') _ampt_offer "$1" 'names' "$3"; return ;;
        'cancel --error') return ;;
        'cancel --spool' | 'cancel -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'move --after' | 'move -a') return ;;
        'move --spool' | 'move -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'call --field' | 'call -f') return ;;
        'call --id') _ampt_offer "$1" 'ids' "$3"; return ;;
        'call --handlers' | 'call -m') _ampt_offer "$1" 'files' "$3"; return ;;
        'call --spool' | 'call -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'handlers --handlers' | 'handlers -m') _ampt_offer "$1" 'files' "$3"; return ;;
        'handlers --spool' | 'handlers -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'prune --spool' | 'prune -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'check --late') return ;;
        'check --idle') return ;;
        'check --dead') return ;;
        'check --free') return ;;
        'check --spool' | 'check -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'unit --as') return ;;
        'unit --handlers' | 'unit -m') _ampt_offer "$1" 'files' "$3"; return ;;
        'unit --jobs' | 'unit -j') return ;;
        'unit --output' | 'unit -o') _ampt_offer "$1" 'folders' "$3"; return ;;
        'unit --spool' | 'unit -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'metrics --output' | 'metrics -o') _ampt_offer "$1" 'files' "$3"; return ;;
        'metrics --spool' | 'metrics -s') _ampt_offer "$1" 'folders' "$3"; return ;;
        'init --group') return ;;
        'init --spool' | 'init -s') _ampt_offer "$1" 'folders' "$3"; return ;;
    esac
    case "$1:$3" in
        :-*) _ampt_offer '' '--help --version' "$3" ;;
        :*) _ampt_offer '' 'publish run inspect retry cancel move call handlers prune check unit metrics init help' "$3" ;;
        help:*) _ampt_offer '' 'publish run inspect retry cancel move call handlers prune check unit metrics init help' "$3" ;;
        publish:-*) _ampt_offer '' '--after -a --id --text -t --field -f --batch -b --json --spool -s --help -h' "$3" ;;
        publish:*) _ampt_offer "$1" names "$3" ;;
        run:-*) _ampt_offer '' '--handlers -m --watch -w --jobs -j --name -n --max --memory --check --dry-run --now --log-format --verbose -v --spool -s --help -h' "$3" ;;
        inspect:-*) _ampt_offer '' '--state --name -n --error --since --until --sort --limit --group-by --follow -f --json --config --spool -s --help -h' "$3" ;;
        inspect:*) _ampt_offer "$1" ids "$3" ;;
        retry:-*) _ampt_offer '' '--state --name -n --error --edit --dry-run --json --spool -s --help -h' "$3" ;;
        retry:*) _ampt_offer "$1" ids "$3" ;;
        cancel:-*) _ampt_offer '' '--state --name -n --error --dry-run --json --spool -s --help -h' "$3" ;;
        cancel:*) _ampt_offer "$1" ids "$3" ;;
        move:-*) _ampt_offer '' '--after -a --json --spool -s --help -h' "$3" ;;
        move:*) _ampt_offer "$1" ids "$3" ;;
        call:-*) _ampt_offer '' '--field -f --text -t --id --handlers -m --spool -s --help -h' "$3" ;;
        call:*) _ampt_offer "$1" names "$3" ;;
        handlers:-*) _ampt_offer '' '--handlers -m --json --spool -s --help -h' "$3" ;;
        prune:-*) _ampt_offer '' '--dry-run --json --spool -s --help -h' "$3" ;;
        check:-*) _ampt_offer '' '--repair --json --monitor --late --idle --dead --free --spool -s --help -h' "$3" ;;
        unit:-*) _ampt_offer '' '--watch -w --cron --system --user --as --handlers -m --jobs -j --output -o --spool -s --help -h' "$3" ;;
        metrics:-*) _ampt_offer '' '--output -o --spool -s --help -h' "$3" ;;
        init:-*) _ampt_offer '' '--group --spool -s --help -h' "$3" ;;
    esac
}

# _ampt_spool WHAT COMMAND BEGINNING: words of the spool. A tab and a note follow each.
_ampt_spool() {
    local word rest
    while IFS=$'\t' read -r word rest; do
        COMPREPLY+=("$(printf '%q' "$word")")
    done < <("$ampt" --complete "$1" "$2" "$3" "$spool" 2>/dev/null)
}

# _ampt_offer COMMAND KIND BEGINNING
_ampt_offer() {
    local word
    case $2 in
        ids | names) _ampt_spool "$2" "$1" "$3" ;;
        files | folders)
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(if [[ $2 = files ]]; then compgen -f -- "$3"; else compgen -d -- "$3"; fi) ;;
        *)
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -W "$2" -- "$3") ;;
    esac
}

_ampt() {
    local ampt=$1 line=${COMP_LINE:0:COMP_POINT} here=${COMP_WORDS[COMP_CWORD]}
    local current='' command='' spool='' before='' word left i
    local -a words
    COMPREPLY=()
    read -ra words <<<"$line" # quoted spaces are taken for ends of words: no harm is done
    if [[ $line != *[[:space:]] ]]; then
        current=${words[${#words[@]} - 1]}
        unset "words[${#words[@]} - 1]"
    fi
    for ((i = 1; i < ${#words[@]}; i++)); do
        word=${words[i]}
        case $before in --spool | -s) spool=$word ;; esac
        case $word in --spool=*) spool=${word#*=} ;; esac
        if [[ -z $command && $word != -* ]]; then command=$word; fi
        before=$word
    done
    # Bash replaces only what follows the last = or : of the word.
    if [[ $here = [=:] ]]; then here=''; fi
    left=${current%"$here"}
    if [[ $current = --*=* ]]; then
        before=${current%%=*}
        current=${current#*=}
        left=${left#"$before="}
    fi
    _ampt_words "$command" "$before" "$current"
    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
        COMPREPLY[i]=${COMPREPLY[i]#"$left"}
    done
}

complete -F _ampt ampt ampt-cli
