"""A durable queue of named events that is just a folder.

Everything is loaded when it is first used: `ampt publish` must start fast.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ampt_cli._version import __version__
    from ampt_cli.api import events
    from ampt_cli.event import Event
    from ampt_cli.execute import Context
    from ampt_cli.handlers import GiveUp, RetryLater

__all__ = ["Context", "Event", "GiveUp", "RetryLater", "__version__", "events"]

_PLACES = {
    "Context": "execute",
    "Event": "event",
    "GiveUp": "handlers",
    "RetryLater": "handlers",
    "__version__": "_version",
    "events": "api",
}


def __getattr__(name: str) -> "Any":
    if name not in _PLACES:
        raise AttributeError(f"module 'ampt_cli' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  gate: the public names

    value = getattr(import_module(f"ampt_cli.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
