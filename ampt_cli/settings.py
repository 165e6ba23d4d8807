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
        home = os.path.expanduser("~")
        if not os.path.isabs(home) or not os.environ.get("HOME", home):
            raise ConfigError(
                "there is no home folder to keep a spool in (HOME)", "give --spool or AMPT_SPOOL"
            )
        state = os.path.join(home, ".local", "state")
    return os.path.join(state, "ampt")


def spool_path(given: str | None, config: "dict[str, Any] | None" = None) -> str:
    """The spool's path: --spool, else AMPT_SPOOL, else the configuration, else the default."""
    path = given or os.environ.get("AMPT_SPOOL")
    if not path:
        config = read()[0] if config is None else config
        path = config.get("spool") or default_spool()
    return absolute(path)


def absolute(path: str) -> str:
    """`path` from here; a ~ that no shell has expanded means what it means in ampt.toml.

    Raises ConfigError where here is a folder that is gone, or where there is no such home.
    """
    try:
        return os.path.abspath(_expanded(path) if path[:1] == "~" else path)
    except FileNotFoundError:
        raise ConfigError(
            f"cannot find {path!r}: the current folder was removed",
            "cd to another, or give it whole",
        ) from None


def _expanded(path: str) -> str:
    """`path`, after a ~: as `--spool=~/x`, or AMPT_SPOOL of a crontab, comes to us."""
    made = os.path.expanduser(path)
    if made[:1] != "/" or not os.environ.get("HOME", made):
        raise ConfigError(f"{path!r} is in no user's home folder", f"for a folder here: ./{path}")
    return made


def find() -> str | None:
    """The configuration file: AMPT_CONFIG, else the nearest one from here upward."""
    given = os.environ.get("AMPT_CONFIG")
    if given:
        given = absolute(given)
        if not os.path.isfile(given):
            wrong = "is no file" if os.path.exists(given) else "does not exist"
            raise ConfigError(f"the configuration file {given} (AMPT_CONFIG) {wrong}")
        return given
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        return None
    while True:
        path = os.path.join(folder, FILE)
        if os.path.lexists(path):
            return _regular(path)
        path = os.path.join(folder, PROJECT)
        if mentions_ampt(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _regular(path: str) -> str:
    """`path`, if there is a file. What is meant to be one is not passed over."""
    if not os.path.isfile(path):
        raise ConfigError(f"the configuration {path} is no file, or a link to none", "remove it")
    return path


# The ways to write it, without blanks and quotes.
TABLES = (b"[tool.ampt]", b"\nampt={", b"\nampt.", b"\ntool.ampt")


def mentions_ampt(path: str) -> bool:
    """Whether a pyproject.toml has settings of ampt. A FIFO is not waited for."""
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            text = b"\n" + file.read().translate(None, b" \t\"'")
    except OSError:
        return False
    return any(table in text for table in TABLES)


def read() -> "tuple[dict[str, Any], str | None]":
    """The settings in the configuration file, checked, its paths made absolute; and where it is.

    Raises ConfigError, or Denied if another user could have written it.
    """
    path = find()
    if path is None:
        return {}, None
    from ampt_cli import configuration  # noqa: PLC0415  gate: only where there is a file

    found = configuration.load(path, of_project=os.path.basename(path) == PROJECT)
    for key in found.keys() & {"spool", "handlers"}:
        if key == "spool" or is_file(found[key]):
            found[key] = _beside(path, key, found[key])
    return found, path


def is_file(handlers: str) -> bool:
    """Whether a file of handlers is meant, and not a module."""
    return handlers.endswith(".py") or "/" in handlers


def _beside(config: str, key: str, path: str) -> str:
    """`path` as the configuration means it: from its own folder, unless it begins in a home."""
    try:
        whole = _expanded(path) if path[:1] == "~" else path
    except ConfigError as error:
        raise ConfigError(f"the setting {key} in {config}: {error}", error.hint) from None
    return os.path.normpath(os.path.join(os.path.dirname(config), whole))


def handlers_target(given: str | None, config: "dict[str, Any]") -> str:
    """The handlers: --handlers, else AMPT_HANDLERS, else the configuration. Raises ConfigError."""
    target = given or os.environ.get("AMPT_HANDLERS")
    if target and is_file(target):
        target = absolute(target)
    target = target or config.get("handlers")
    if not target:
        raise ConfigError("no handlers were given", HANDLERS_HINT)
    if os.path.isabs(target) and not os.path.exists(target):
        raise ConfigError(f"the handlers {target} do not exist", HANDLERS_HINT)
    return target


HANDLERS_HINT = "use --handlers FILE, AMPT_HANDLERS, or handlers = in ampt.toml; see: ampt init"
