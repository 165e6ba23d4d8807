"""Import the handlers into this process, for `ampt call` and `ampt handlers`."""

import sys
from contextlib import redirect_stdout
from typing import Any

from ampt_cli import api, execute, handlers, printing, settings
from ampt_cli.errors import AmptError, ConfigError


def load(given: str, config: dict[str, Any], spool: str) -> handlers.Registry:
    """What the user's module registers. What it prints goes to stderr: stdout is for data.

    It publishes into the spool of the command, whatever it does to its surroundings.
    Raises ConfigError for whatever it raises, after its traceback.
    """
    target = settings.handlers_target(given, config)
    api.belong_to(settings.spool_path(spool, config))
    try:
        with redirect_stdout(sys.stderr):
            return handlers.load(target)
    except KeyboardInterrupt:
        raise
    except AmptError as error:
        raise error.at(f"cannot import the handlers {target}") from None
    except BaseException as error:  # noqa: BLE001  SystemExit is no way to import, either
        shown = execute.traceback_of(error)
        printing.write(2, printing.safe(shown, keep="\n\t"))
        said = execute.describe(error)
        raise ConfigError(f"cannot import the handlers {target}: {said}") from None
