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
    (75, "Try again later: the disk is full, a quota is used up, or a publish is not confirmed."),
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
    ("XDG_STATE_HOME", "Where the default spool is; ~/.local/state without it."),
    ("VISUAL, EDITOR", "What `ampt retry --edit` starts."),
    ("NO_COLOR", "If set and not empty: no colours."),
)
FILES = (
    ("ampt.toml", "Settings, found in the current folder or above it."),
    ("pyproject.toml", "The same, in its table [tool.ampt]."),
    ("~/.local/state/ampt", "The spool, where nothing else is said."),
)
