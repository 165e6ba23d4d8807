"""Completion for bash, 3.2 and newer, with or without the package bash-completion."""

from collections.abc import Sequence

from ampt_cli.options import Command
from scripts.pages import words

HEAD = f"""\
# bash completion for ampt. {words.NOTE}
"""
# bash-completion looks for a file of the command's name.
SECOND = f"""\
# bash completion for ampt-cli. {words.NOTE}
# shellcheck disable=SC1091 # it is there under that name once it is installed
. "${{BASH_SOURCE[0]%/*}}/ampt"
"""
TAIL = r"""
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
"""


def page(commands: Sequence[Command]) -> str:
    """The script."""
    names = " ".join([*(command.name for command in commands), "help"])
    lines = [
        HEAD,
        "# _ampt_words COMMAND BEFORE BEGINNING: what may stand after the word BEFORE.",
        "_ampt_words() {",
        '    case "$1 $2" in',
    ]
    for command in commands:
        for option in command.options:
            if not option.value:
                continue
            offered = " ".join(words.choices(command, option)) or words.kind(option.value)
            cases = " | ".join(f"'{command.name} {flag}'" for flag in option.flags)
            done = f'_ampt_offer "$1" \'{offered}\' "$3"; return' if offered else "return"
            lines.append(f"        {cases}) {done} ;;")
    lines += ["    esac", '    case "$1:$3" in']
    lines.append("        :-*) _ampt_offer '' '--help --version' \"$3\" ;;")
    lines.append(f"        :*) _ampt_offer '' '{names}' \"$3\" ;;")
    lines.append(f"        help:*) _ampt_offer '' '{names}' \"$3\" ;;")
    for command in commands:
        flags = " ".join(flag for option in command.options for flag in option.flags)
        lines.append(f"        {command.name}:-*) _ampt_offer '' '{flags}' \"$3\" ;;")
        kind = words.argument(command)
        if kind:
            lines.append(f'        {command.name}:*) _ampt_offer "$1" {kind} "$3" ;;')
    return "\n".join([*lines, "    esac", "}"]) + "\n" + TAIL
