"""Where each setting comes from: the command line, the environment, a file, or a default.

`ampt publish` with --spool or AMPT_SPOOL reads no file at all.
"""

import os

from ampt_cli.errors import ConfigError

FILE = "ampt.toml"
PROJECT = "pyproject.toml"

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any


def default_spool() -> str:
    """$XDG_STATE_HOME/ampt, or ~/.local/state/ampt."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "ampt")


def spool_path(given: str | None, config: "dict[str, Any] | None" = None) -> str:
    """The spool's path: --spool, else AMPT_SPOOL, else the configuration, else the default."""
    path = given or os.environ.get("AMPT_SPOOL")
    if not path:
        config = read()[0] if config is None else config
        path = config.get("spool") or default_spool()
    return os.path.abspath(path)


def find() -> str | None:
    """The configuration file: AMPT_CONFIG, else the nearest one from here upward."""
    given = os.environ.get("AMPT_CONFIG")
    if given:
        if not os.path.isfile(given):
            raise ConfigError(f"the configuration file {given} (AMPT_CONFIG) does not exist")
        return given
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        return None
    while True:
        for name in (FILE, PROJECT):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and (name == FILE or _mentions_ampt(path)):
                return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _mentions_ampt(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"[tool.ampt]" in file.read()
    except OSError:
        return False


def read() -> "tuple[dict[str, Any], str | None]":
    """The settings in the configuration file, checked, and its path.

    Raises ConfigError, or Denied if another user could have written it.
    """
    path = find()
    if path is None:
        return {}, None
    from ampt_cli import configuration  # noqa: PLC0415  gate: only where there is a file

    return configuration.load(path, of_project=path.endswith(PROJECT)), path


def handlers_target(given: str | None, config: "dict[str, Any]") -> str:
    """The handlers: --handlers, else AMPT_HANDLERS, else the configuration. Raises ConfigError."""
    target = given or os.environ.get("AMPT_HANDLERS")
    if target and (target.endswith(".py") or "/" in target):
        target = os.path.abspath(target)
    target = target or config.get("handlers")
    if not target:
        raise ConfigError("no handlers were given", HANDLERS_HINT)
    if os.path.isabs(target) and not os.path.exists(target):
        raise ConfigError(f"the handlers {target} do not exist", HANDLERS_HINT)
    return target


HANDLERS_HINT = "use --handlers FILE, AMPT_HANDLERS, or handlers = in ampt.toml; see: ampt init"
