# fish completion for ampt. Generated from the command line by `make docs`. Do not edit.

# Whether the command is one of these; without any, whether none is there yet.
function __ampt_command
    set -l typed (commandline -opc)
    for word in $typed[2..]
        if not string match -q -- '-*' $word
            contains -- $word $argv
            return
        end
    end
    test (count $argv) = 0
end

# __ampt_spool WHAT COMMAND: words of the spool, each with a note.
function __ampt_spool
    set -l typed (commandline -opc)
    set -l spool ''
    for i in (seq 2 (count $typed))
        switch $typed[$i]
            case --spool -s
                test $i -lt (count $typed); and set spool $typed[(math $i + 1)]
            case '--spool=*'
                set spool (string replace -- --spool= '' $typed[$i])
        end
    end
    set -l beginning (string replace -r -- '^--[a-z-]+=' '' (commandline -ct))
    $typed[1] --complete $argv[1] $argv[2] "$beginning" "$spool" 2>/dev/null
end

complete -c ampt -f
complete -c ampt-cli -w ampt
complete -c ampt -n __ampt_command -s h -l help -d 'Show the commands'
complete -c ampt -n __ampt_command -l version -d 'Show the version'
complete -c ampt -n '__ampt_command' -a help -d 'Show the help of a command'

complete -c ampt -n '__ampt_command help' -a 'publish run inspect retry cancel move call handlers prune check unit metrics init'

complete -c ampt -n __ampt_command -a publish -d 'Write an event into the spool'
complete -c ampt -n '__ampt_command publish' -s a -l after -x -d 'When it is due; at once without this'
complete -c ampt -n '__ampt_command publish' -l id -x -a '(__ampt_spool ids publish)' -d 'Publish once: the same id and content again changes nothing'
complete -c ampt -n '__ampt_command publish' -s t -l text -d 'BODY is text, not JSON'
complete -c ampt -n '__ampt_command publish' -s f -l field -x -d 'A field of a JSON object; KEY:=JSON for other values. Repeat it for more'
complete -c ampt -n '__ampt_command publish' -s b -l batch -r -F -d 'JSON Lines of {"name","body","after","id"}, - for stdin. All are checked before any is published'
complete -c ampt -n '__ampt_command publish' -l json -d 'Print {"id","name","time","delay","due"} instead of the id'
complete -c ampt -n '__ampt_command publish' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command publish' -s h -l help -d 'Show this help and exit'
complete -c ampt -n '__ampt_command publish' -a '(__ampt_spool names publish)'

complete -c ampt -n __ampt_command -a run -d 'Handle the events that are due'
complete -c ampt -n '__ampt_command run' -s m -l handlers -r -F -d 'The handlers: a Python file, or an installed module'
complete -c ampt -n '__ampt_command run' -s w -l watch -d 'Stay, and wake within milliseconds of a publish'
complete -c ampt -n '__ampt_command run' -s j -l jobs -x -d 'How many workers, up to 1024; 1 without this'
complete -c ampt -n '__ampt_command run' -s n -l name -x -a '(__ampt_spool names run)' -d 'Only events whose name matches. Repeat it for more'
complete -c ampt -n '__ampt_command run' -l max -x -d 'Begin at most N attempts, then exit'
complete -c ampt -n '__ampt_command run' -l memory -x -d 'What each worker may allocate: 512M, 2G; beyond it handlers fail'
complete -c ampt -n '__ampt_command run' -l check -d 'Exit 1 if an attempt failed'
complete -c ampt -n '__ampt_command run' -l dry-run -d 'Say what would run, and do nothing'
complete -c ampt -n '__ampt_command run' -l now -x -d 'With --dry-run: what would run then'
complete -c ampt -n '__ampt_command run' -l log-format -x -a 'text json' -d 'How stderr is written'
complete -c ampt -n '__ampt_command run' -s v -l verbose -d 'One line for every attempt, as on a terminal'
complete -c ampt -n '__ampt_command run' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command run' -s h -l help -d 'Show this help and exit'

complete -c ampt -n __ampt_command -a inspect -d 'Look at the spool, at some events, or at one'
complete -c ampt -n '__ampt_command inspect' -l state -x -a 'pending retry running done dead quarantine' -d 'Events in this state'
complete -c ampt -n '__ampt_command inspect' -s n -l name -x -a '(__ampt_spool names inspect)' -d 'Events whose name matches'
complete -c ampt -n '__ampt_command inspect' -l error -x -d 'Events whose last error contains this'
complete -c ampt -n '__ampt_command inspect' -l since -x -d 'Not before this time'
complete -c ampt -n '__ampt_command inspect' -l until -x -d 'Not after this time'
complete -c ampt -n '__ampt_command inspect' -l sort -x -a 'due name state attempt' -d 'Order; -due: reversed'
complete -c ampt -n '__ampt_command inspect' -l limit -x -d 'At most so many; 100 without this'
complete -c ampt -n '__ampt_command inspect' -l group-by -x -a 'error name' -d 'Count instead'
complete -c ampt -n '__ampt_command inspect' -s f -l follow -d 'Stay, and show changes'
complete -c ampt -n '__ampt_command inspect' -l json -d 'JSON; JSON Lines for lists'
complete -c ampt -n '__ampt_command inspect' -l config -d 'Show the settings'
complete -c ampt -n '__ampt_command inspect' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command inspect' -s h -l help -d 'Show this help and exit'
complete -c ampt -n '__ampt_command inspect' -a '(__ampt_spool ids inspect)'

complete -c ampt -n __ampt_command -a retry -d 'Try events now, dead ones too'
complete -c ampt -n '__ampt_command retry' -l state -x -a 'dead retry pending quarantine' -d 'Events in this state'
complete -c ampt -n '__ampt_command retry' -s n -l name -x -a '(__ampt_spool names retry)' -d 'Events whose name matches'
complete -c ampt -n '__ampt_command retry' -l error -x -d 'Events whose last error contains this'
complete -c ampt -n '__ampt_command retry' -l edit -d 'Change the body in $EDITOR'
complete -c ampt -n '__ampt_command retry' -l dry-run -d 'Only say which'
complete -c ampt -n '__ampt_command retry' -l json -d 'JSON Lines'
complete -c ampt -n '__ampt_command retry' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command retry' -s h -l help -d 'Show this help and exit'
complete -c ampt -n '__ampt_command retry' -a '(__ampt_spool ids retry)'

complete -c ampt -n __ampt_command -a cancel -d 'Cancel events that wait'
complete -c ampt -n '__ampt_command cancel' -l state -x -a 'retry pending' -d 'Events in this state'
complete -c ampt -n '__ampt_command cancel' -s n -l name -x -a '(__ampt_spool names cancel)' -d 'Events whose name matches'
complete -c ampt -n '__ampt_command cancel' -l error -x -d 'Events whose last error contains this'
complete -c ampt -n '__ampt_command cancel' -l dry-run -d 'Only say which'
complete -c ampt -n '__ampt_command cancel' -l json -d 'JSON Lines'
complete -c ampt -n '__ampt_command cancel' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command cancel' -s h -l help -d 'Show this help and exit'
complete -c ampt -n '__ampt_command cancel' -a '(__ampt_spool ids cancel)'

complete -c ampt -n __ampt_command -a move -d 'Give a waiting event another due time'
complete -c ampt -n '__ampt_command move' -s a -l after -x -d 'When it is due'
complete -c ampt -n '__ampt_command move' -l json -d 'JSON Lines'
complete -c ampt -n '__ampt_command move' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command move' -s h -l help -d 'Show this help and exit'
complete -c ampt -n '__ampt_command move' -a '(__ampt_spool ids move)'

complete -c ampt -n __ampt_command -a call -d 'Run the handlers of an event here, to debug them'
complete -c ampt -n '__ampt_command call' -s f -l field -x -d 'A field of its body; KEY:=JSON'
complete -c ampt -n '__ampt_command call' -s t -l text -d 'BODY is text, not JSON'
complete -c ampt -n '__ampt_command call' -l id -x -a '(__ampt_spool ids call)' -d 'An event of the spool instead'
complete -c ampt -n '__ampt_command call' -s m -l handlers -r -F -d 'As in ampt run'
complete -c ampt -n '__ampt_command call' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command call' -s h -l help -d 'Show this help and exit'
complete -c ampt -n '__ampt_command call' -a '(__ampt_spool names call)'

complete -c ampt -n __ampt_command -a handlers -d 'Show the handlers, and which waiting events have none'
complete -c ampt -n '__ampt_command handlers' -s m -l handlers -r -F -d 'As in ampt run'
complete -c ampt -n '__ampt_command handlers' -l json -d 'JSON Lines'
complete -c ampt -n '__ampt_command handlers' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command handlers' -s h -l help -d 'Show this help and exit'

complete -c ampt -n __ampt_command -a prune -d 'Delete done and dead events past their retention'
complete -c ampt -n '__ampt_command prune' -l dry-run -d 'Only say which days'
complete -c ampt -n '__ampt_command prune' -l json -d 'JSON Lines'
complete -c ampt -n '__ampt_command prune' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command prune' -s h -l help -d 'Show this help and exit'

complete -c ampt -n __ampt_command -a check -d 'Verify the whole spool against its format'
complete -c ampt -n '__ampt_command check' -l repair -d 'Mend what can be'
complete -c ampt -n '__ampt_command check' -l json -d 'JSON Lines'
complete -c ampt -n '__ampt_command check' -l monitor -d 'Is all well? OK, WARNING, CRITICAL, UNKNOWN'
complete -c ampt -n '__ampt_command check' -l late -x -d 'With --monitor: how long an event is overdue'
complete -c ampt -n '__ampt_command check' -l idle -x -d 'With --monitor: how long no run has looked'
complete -c ampt -n '__ampt_command check' -l dead -x -d 'With --monitor: how many are dead'
complete -c ampt -n '__ampt_command check' -l free -x -d 'With --monitor: percent of the disk that is free'
complete -c ampt -n '__ampt_command check' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command check' -s h -l help -d 'Show this help and exit'

complete -c ampt -n __ampt_command -a unit -d 'Print units for systemd, or a line for crontab'
complete -c ampt -n '__ampt_command unit' -s w -l watch -d 'A service that stays'
complete -c ampt -n '__ampt_command unit' -l cron -d 'A line for crontab'
complete -c ampt -n '__ampt_command unit' -l user -l system -d 'For your own manager, or, as root without this, the system\'s'
complete -c ampt -n '__ampt_command unit' -l as -x -d 'Who a system unit runs as'
complete -c ampt -n '__ampt_command unit' -s m -l handlers -r -F -d 'As in ampt run'
complete -c ampt -n '__ampt_command unit' -s j -l jobs -x -d 'As in ampt run'
complete -c ampt -n '__ampt_command unit' -s o -l output -x -a '(__fish_complete_directories (commandline -ct))' -d 'Write the units into this folder'
complete -c ampt -n '__ampt_command unit' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command unit' -s h -l help -d 'Show this help and exit'

complete -c ampt -n __ampt_command -a metrics -d 'Print the spool\'s figures as Prometheus text'
complete -c ampt -n '__ampt_command metrics' -s o -l output -r -F -d 'Write this file, atomically'
complete -c ampt -n '__ampt_command metrics' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command metrics' -s h -l help -d 'Show this help and exit'

complete -c ampt -n __ampt_command -a init -d 'Make ampt.toml, an example handlers.py, and the spool'
complete -c ampt -n '__ampt_command init' -l group -x -d 'Share the spool with this group'
complete -c ampt -n '__ampt_command init' -s s -l spool -x -a '(__fish_complete_directories (commandline -ct))' -d 'The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt)'
complete -c ampt -n '__ampt_command init' -s h -l help -d 'Show this help and exit'
