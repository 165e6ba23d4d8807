"""Read `ampt.toml`, or `[tool.ampt]` in pyproject.toml."""

from ampt_cli import due, size, toml, trust
from ampt_cli.errors import ConfigError, UsageError, from_os

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any

KEYS = (
    "spool",
    "handlers",
    "jobs",
    "retention_done",
    "retention_dead",
    "retry_every",
    "retry_for",
    "rerun",
    "timeout",
    "network_file_system",
    "memory",
)
DURATIONS = ("retention_done", "retention_dead", "retry_every", "retry_for", "timeout")


def load(path: str, *, of_project: bool) -> "dict[str, Any]":
    """The settings in the file at `path`, or in its [tool.ampt] (`of_project`).

    Durations are in ms, and paths as they are written.

    Raises ConfigError for what cannot be used, Denied for what others may write.
    """
    try:
        trust.check(path, "the configuration file")
        with open(path, encoding="utf-8", newline="") as file:
            found: Any = toml.loads(file.read())
    except OSError as error:
        raise from_os(error, "read the configuration") from None
    except ValueError as error:  # no TOML, or not UTF-8
        raise ConfigError(f"cannot read the configuration {path}: {error}") from None
    if of_project:
        tools = found.get("tool", {})
        found = tools.get("ampt", {}) if isinstance(tools, dict) else {}
    if not isinstance(found, dict):
        raise ConfigError(f"[tool.ampt] in {path} is no table")
    return {key: _check(key, value, path) for key, value in found.items()}


def _check(key: str, value: "Any", path: str) -> "Any":
    if key not in KEYS:
        raise ConfigError(f"unknown setting {key!r} in {path}", _suggest(key, value))
    said = value
    try:
        if key in DURATIONS:
            value = due.parse_duration(value)
        elif key == "memory":
            value = size.parse(value)
    except UsageError as error:
        raise ConfigError(f"the setting {key} in {path}: {error}", error.hint) from None
    if not _is_right(key, value):
        raise ConfigError(f"the setting {key} in {path} cannot be {said!r}", EXPECTED.get(key))
    return value


def _is_right(key: str, value: "Any") -> bool:
    if key == "timeout":
        return bool(0 < value <= size.MAX_TIMEOUT)
    if key == "retry_every":
        return bool(value > 0)
    if key in DURATIONS or key == "memory":
        return bool(value >= 0)
    if key == "jobs":
        return type(value) is int and 1 <= value <= size.MOST_JOBS
    if key == "network_file_system":
        return type(value) is bool
    if key == "rerun":
        return value in ("failed", "all")
    return isinstance(value, str) and bool(value)


EXPECTED = {
    "jobs": f"a whole number from 1 to {size.MOST_JOBS}",
    "network_file_system": "true or false",
    "rerun": '"failed" (only the handlers that have not succeeded) or "all"',
    "retry_every": "more than zero",
    "timeout": "more than zero, up to 60 seconds",
    "spool": "a folder's path",
    "handlers": "a Python file's path, or an installed module's name",
}


def _suggest(key: str, value: "Any") -> str:
    if isinstance(value, dict):
        return "a setting is one line, such as jobs = 2; in ampt.toml it stands under no [table]"
    from difflib import get_close_matches  # noqa: PLC0415  only after a mistake

    near = get_close_matches(key, KEYS, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"the settings are: {', '.join(KEYS)}"
