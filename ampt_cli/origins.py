"""Each setting, what it is, and where it came from."""

import os
from typing import Any

from ampt_cli.handlers import DEFAULT_TIMEOUT
from ampt_cli.policy import Retries
from ampt_cli.retention import Retention
from ampt_cli.settings import default_spool

VARIABLES = {"spool": "AMPT_SPOOL", "handlers": "AMPT_HANDLERS"}


def defaults() -> dict[str, Any]:
    """What holds where nothing is said. Lengths of time are ms."""
    retention, retries = Retention(), Retries()
    return {
        "spool": default_spool(),
        "handlers": None,
        "jobs": 1,
        "retention_done": retention.done,
        "retention_dead": retention.dead,
        "retry_every": retries.every,
        "retry_for": retries.window,
        "rerun": "failed",
        "timeout": DEFAULT_TIMEOUT,
        "network_file_system": False,
    }


def origins(
    found: dict[str, Any], path: str | None, given: dict[str, str]
) -> list[tuple[str, Any, str]]:
    """Setting, value and source; `found` is what the file at `path` says, `given` the options."""
    told = []
    for key, default in defaults().items():
        variable = VARIABLES.get(key, "")
        if given.get(key):
            told.append((key, given[key], "the command line"))
        elif os.environ.get(variable):
            told.append((key, os.environ[variable], variable))
        elif key in found:
            told.append((key, found[key], str(path)))
        else:
            told.append((key, default, "the default"))
    return told
