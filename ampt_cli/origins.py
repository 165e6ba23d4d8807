"""Each setting, what it is, and where it came from."""

import os
from typing import Any

from ampt_cli.errors import ConfigError
from ampt_cli.handlers import DEFAULT_TIMEOUT
from ampt_cli.policy import Retries
from ampt_cli.retention import Retention
from ampt_cli.settings import absolute, default_spool, is_file

VARIABLES = {"spool": "AMPT_SPOOL", "handlers": "AMPT_HANDLERS"}

# Name, an example in TOML (the default, where there is one), meaning.
SETTINGS = (
    ("spool", '"~/.local/state/ampt"', "The spool; relative to this file."),
    ("handlers", '"handlers.py"', "The handlers: a file, relative to this one, or a module."),
    ("jobs", "1", "How many workers a run has, 1 to 1024."),
    ("timeout", '"5 seconds"', "Of each handler call that has none of its own; at most 60 s."),
    ("retry_every", '"6 minutes"', "How long after a failure an event is tried again."),
    ("retry_for", '"14 days"', "How long after its first attempt; then it is dead."),
    ("rerun", '"failed"', 'Which handlers a retry calls: "failed" or "all".'),
    ("retention_done", '"7 days"', "How long done events are kept."),
    ("retention_dead", '"90 days"', "How long dead ones are."),
    ("memory", '"2G"', "What each worker may allocate; without it as much as there is."),
    ("network_file_system", "false", "Whether a spool on one is accepted, at your own risk."),
)


def defaults() -> dict[str, Any]:
    """What holds where nothing is said. Lengths of time are ms."""
    retention, retries = Retention(), Retries()
    return {
        "spool": _default_spool(),
        "handlers": None,
        "jobs": 1,
        "retention_done": retention.done,
        "retention_dead": retention.dead,
        "retry_every": retries.every,
        "retry_for": retries.window,
        "rerun": "failed",
        "timeout": DEFAULT_TIMEOUT,
        "network_file_system": False,
        "memory": None,
    }


def _default_spool() -> str | None:
    try:
        return default_spool()
    except ConfigError:  # no home: it matters only where nothing else is said
        return None


def origins(
    found: dict[str, Any], path: str | None, given: dict[str, str]
) -> list[tuple[str, Any, str]]:
    """Setting, value and source; `found` is what the file at `path` says, `given` the options."""
    told = []
    for key, default in defaults().items():
        variable = VARIABLES.get(key, "")
        if given.get(key):
            told.append((key, _from_here(key, given[key]), "the command line"))
        elif os.environ.get(variable):
            told.append((key, _from_here(key, os.environ[variable]), variable))
        elif key in found:
            told.append((key, found[key], str(path)))
        else:
            told.append((key, default, "the default"))
    return told


def _from_here(key: str, said: str) -> str:
    """A path as every command takes it; a module's name as it is. Raises ConfigError."""
    return absolute(said) if key == "spool" or is_file(said) else said
