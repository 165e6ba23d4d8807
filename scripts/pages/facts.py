"""What the manual and the reference say beside the commands' own --help."""

ABOUT = (
    "ampt is a durable queue of named events that is just a folder, the spool. "
    "A shell script publishes an event, now or up to a year ahead; a runner, started by cron or "
    "kept up by systemd, hands due events to Python handlers, retries failures for 14 days, and "
    "keeps what it could not deliver. An event is delivered at least once."
)
EXIT = (
    (0, "Done."),
    (1, "Failed: what was asked for could not be done, or a check found something."),
    (2, "Bad usage or input: nothing was changed."),
    (3, "There is no such event, or no such spool."),
    (74, "Input or output error. What is in the spool stays."),
    (75, "Try again: the disk or a quota is full, a publish not confirmed, or workers are killed."),
    (77, "Permission denied, or a folder or file that others could have written."),
    (78, "The configuration, or the handlers, cannot be loaded."),
    (130, "Ended by SIGINT (Ctrl-C)."),
    (143, "Ended by SIGTERM before anything was published."),
)
MONITOR = (
    "`ampt check --monitor` has the status that monitoring systems know: "
    "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."
)
DURATIONS = (
    "Lengths of time are words, 90s or 5m, or a number of ms. The examples are the defaults, "
    "but of `handlers` and `memory`, which have none. An unknown setting is an error. "
    "`ampt inspect --config` shows what holds, and where it comes from."
)
ENVIRONMENT = (
    ("AMPT_SPOOL", "The spool, where --spool is not given."),
    ("AMPT_CONFIG", "The configuration file, instead of the nearest ampt.toml."),
    ("AMPT_HANDLERS", "The handlers, where --handlers is not given."),
    ("HOME", "Where `~` is, and with it the default spool, ~/.local/state/ampt."),
    ("XDG_STATE_HOME", "Where the default spool is; ~/.local/state without it."),
    ("VISUAL, EDITOR", "What `ampt retry --edit` starts."),
    ("NO_COLOR", "If set and not empty: no colours."),
    ("TERM", "If dumb, unknown or not set: nothing is redrawn in place."),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
        "Set by systemd, to be told that a run is ready, alive or stopping; hidden from handlers.",
    ),
    ("JOURNAL_STREAM", "Set by systemd: if stderr goes there, lines begin with their priority."),
    ("PYTHONPATH", "Folders where handlers may be, too; an empty name is not the current one."),
)
COMMON = (
    "Of an event's id a unique beginning is enough. "
    "Data goes to stdout, messages to stderr; with `--json` data is JSON, a line for each element. "
    "All commands have these options:"
)
COMPLETION = (
    "`ampt --complete` prints the completions of a shell: "
    "in bash and zsh (after compinit) eval its output, in fish pipe it into source."
)
HANDLERS = (
    "A handler is a Python function of an event, and, if it wants, of a context: "
    "plain or async, any number for a name, called in the order of definition."
)
HANDLER = """\
from ampt_cli import GiveUp, RetryLater, events

@events.on("mail.send", timeout="10 seconds")
def send(event, context):
    context.set_timeout("20 seconds")  # of this call, from its start
    print(event.id, event.name, event.body, event.time, event.attempt)
    if "to" not in event.body:
        raise GiveUp("nobody to send it to")  # dead at once
    raise RetryLater(after="1 hour")  # instead of in 6 minutes
"""
RULES = (
    "An exception fails the attempt. It is tried again, with the handlers that have not succeeded, "
    "every six minutes for 14 days, at least three times; then the event is dead. "
    "A call may take 5 seconds, or what it asks for up to 60; then an exception that is no "
    "Exception is raised in it, and half a second later its process and all its children are "
    "killed. What it prints is kept with the attempt. "
    "An event that nobody handles ends in done, ignored."
)
EXAMPLES = (
    ("Make ampt.toml, handlers.py and the spool, and try them:", "ampt init"),
    ("", "ampt publish user.joined '{\"user_id\": 7}'"),
    ("", "ampt run"),
    ("", "ampt inspect"),
    ("Every minute, by cron:", "(crontab -l; ampt unit --cron) | crontab -"),
    ("From a script, once however often it runs, with a body that no other user sees:", ""),
    ("", "make_invoice | ampt publish invoice.made - --id invoice-42 || exit"),
    ("What goes wrong, and another try once its cause is mended:", ""),
    ("", "ampt inspect --state dead --group-by error"),
    ("", "ampt retry --state dead --error ConnectionError --dry-run"),
    ("", "ampt retry --state dead --error ConnectionError"),
)
CAVEATS = (
    "After a crash or a power cut an event may be handled again: handlers should be idempotent.",
    "The order of events is not kept; due is the earliest time, not the exact one.",
    "Whoever can write into the spool, or the handlers' file, runs code as the user of the runner.",
    "A spool is for one machine and one local file system. Network file systems are refused.",
    "Other users can read the arguments of a process, a BODY too.",
)
FILES = (
    ("ampt.toml", "Settings, found in the current folder or above it."),
    ("pyproject.toml", "The same, in its table [tool.ampt]."),
    ("~/.local/state/ampt", "The spool, where nothing else is said."),
)
