"""What a user's module declares, and how it is found."""

import os
import sys
from collections.abc import Sequence
from types import CodeType

from ampt_cli import calling, due, trust
from ampt_cli.calling import Function
from ampt_cli.errors import BadEvent, ConfigError, UsageError
from ampt_cli.event import check_name
from ampt_cli.policy import Retries
from ampt_cli.settings import is_file
from ampt_cli.size import MAX_TIMEOUT
from ampt_cli.typed import Any, Value

DEFAULT_TIMEOUT = 5_000  # ms
RETRIES = {"every": "retry_every", "window": "retry_for"}  # fields of Retries: how users say them


class GiveUp(Exception):
    """Raised by a handler: send the event straight to dead."""


class RetryLater(Exception):
    """Raised by a handler: try again at a time of its own (`after`, as in publish)."""

    after: Any = None  # when the event's name is tried again anyhow

    def __init__(self, after: "due.After | None" = None, why: str = "") -> None:
        super().__init__(why or ("try again" if after is None else f"try again after {after}"))
        self.after = after

    def __reduce__(self) -> tuple[Any, ...]:
        """From a process to another as it is: made again, it would be worded again."""
        return Exception.__new__, (type(self), *self.args), self.__dict__


class Handler(Value):
    """One registered function."""

    key: str  # module:qualified name, made unique in `name`; records name handlers by it
    name: str  # the event's name
    function: Function
    timeout: int | None  # ms
    where: str  # file:line
    takes_context: bool
    is_async: bool
    distinct: bool = True  # no other of `name` is called the same: its success is remembered


class Registry:
    """Handlers by event name, in the order of their definition."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Handler]] = {}
        self.retries: dict[str, dict[str, int]] = {}
        self.closed = False  # from when its handlers are called: what comes late would be missed

    def on(
        self,
        name: str,
        function: Function | None = None,
        *,
        timeout: Any = None,
        retry_every: Any = None,
        retry_for: Any = None,
    ) -> Any:
        """Register a handler; a decorator where no function is given. Raises ConfigError."""
        try:
            name = check_name(name)
            limit = None if timeout is None else check_timeout(timeout)
            own = {
                key: _positive(value, RETRIES[key])
                for key, value in (("every", retry_every), ("window", retry_for))
                if value is not None
            }
        except (BadEvent, UsageError) as error:
            raise ConfigError(
                f"cannot register a handler of {name!r}: {error}", error.hint
            ) from None
        if function is None:
            return lambda function: self._add(name, function, limit, own)
        return self._add(name, function, limit, own)

    def _add(
        self, name: str, function: Function, timeout: int | None, own: dict[str, int]
    ) -> Function:
        if self.closed:
            raise ConfigError(
                f"cannot register a handler of {name!r} now: register handlers when the module "
                "is imported, not while one runs"
            )
        if not callable(function):
            raise ConfigError(f"cannot register a handler of {name!r}: {function!r} is no function")
        known = self.retries.setdefault(name, {})
        for key, value in own.items():
            if known.setdefault(key, value) != value:
                raise ConfigError(f"the handlers of {name!r} disagree on {RETRIES[key]}")
        calling.refuse_generator(function)
        takes, is_async, key = (
            calling.takes_context(function),
            calling.is_async(function),
            calling.key(function),
        )
        listed = self.handlers.setdefault(name, [])
        alike = [place for place, other in enumerate(listed) if calling.key(other.function) == key]
        for place in alike:
            listed[place] = listed[place].but(distinct=False)
        unique = f"{key}#{len(alike) + 1}" if alike else key
        where = calling.where(function)
        listed.append(
            Handler(unique, name, function, timeout, where, takes, is_async, distinct=not alike)
        )
        return function

    def of(self, name: str) -> list[Handler]:
        """The handlers of an event name; none means the event is ignored."""
        return self.handlers.get(name, [])

    def every(self) -> list[Handler]:
        """All handlers, one event name after the other."""
        return [handler for listed in self.handlers.values() for handler in listed]

    def retries_of(self, name: str) -> Retries:
        """How an event of this name is retried where nothing else is configured."""
        return Retries(**self.retries.get(name, {}))

    def clear(self) -> None:
        """Forget everything that was registered."""
        self.handlers.clear()
        self.retries.clear()


REGISTRY = Registry()


def remembered(listed: Sequence[Handler], succeeded: Sequence[str]) -> tuple[str, ...]:
    """Those keys of `succeeded` that say for sure which of the handlers it was.

    Keys of handlers that are called the same depend on their order, and that may have changed.
    """
    if len(listed) == 1:
        return tuple(succeeded)
    doubtful = {handler.key for handler in listed if not handler.distinct}
    return tuple(key for key in succeeded if key not in doubtful)


def check_timeout(value: Any) -> int:
    """A timeout in ms, given as a number of ms, a text or a timedelta. Raises UsageError."""
    timeout = _positive(value, "the timeout")
    if timeout > MAX_TIMEOUT:
        raise UsageError(
            f"a timeout of {timeout:,} ms is more than {MAX_TIMEOUT:,} ms",
            "split the work, or let the handler start a program of its own",
        )
    return timeout


def _positive(value: Any, what: str) -> int:
    length = due.parse_duration(value)
    if length <= 0:
        raise UsageError(f"{what} must be more than zero, not {value!r}")
    return length


def load(target: str) -> Registry:
    """Import the user's module: a path of a file, or the name of an installed module.

    The current folder is never searched, unless PYTHONPATH names it, and nothing can be
    registered afterwards. Raises ConfigError, also where nothing is registered, or Denied;
    what the module itself raises passes through.
    """
    _leave_current_folder()
    if is_file(target):
        _load_file(os.path.abspath(target))
    else:
        _load_module(target)
    _refuse_twice()
    if not REGISTRY.handlers:  # else every event would be ignored
        raise ConfigError("it registers no handler", "is it the right module? see: ampt init")
    if any(handler.is_async for handler in REGISTRY.every()):
        import asyncio  # noqa: F401, PLC0415  before the first event, not during it
    REGISTRY.closed = True
    return REGISTRY


def _refuse_twice() -> None:
    """Raise ConfigError where a file was imported under two names: each handler would run twice."""
    names: dict[str, str] = {}
    for name in sorted({handler.key.partition(":")[0] for handler in REGISTRY.every()}):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and names.setdefault(os.path.realpath(file), name) != name:
            raise ConfigError(
                f"{file} was imported twice, as {names[os.path.realpath(file)]} and as {name}: "
                "its handlers would run twice for each event",
                f"import it under one name only; {PACKAGE_HINT}",
            )


def _leave_current_folder() -> None:
    """Take out of sys.path what stands for the current folder, by whatever name."""
    sys.path[:] = [place for place in sys.path if os.path.isabs(place)]
    try:
        here = os.getcwd()
    except OSError:
        return  # it was removed
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    by_name = spec is not None and spec.name == "ampt_cli.__main__"
    if by_name and not sys.flags.safe_path and sys.path[:1] == [here]:
        del sys.path[0]  # python -m ampt_cli
    if _has_empty_place() and here not in map(os.path.abspath, filter(None, _python_path())):
        sys.path[:] = [place for place in sys.path if place != here]


def _python_path() -> list[str]:
    named = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    return named.split(os.pathsep) if named else []


def _has_empty_place() -> bool:
    """Whether PYTHONPATH names the current folder by accident: PYTHONPATH=$PYTHONPATH:/opt/lib."""
    return "" in _python_path()


def _load_file(path: str) -> None:
    from importlib import machinery, util  # noqa: PLC0415  gate: the user's module

    class Source(machinery.SourceFileLoader):
        """From the source alone: a cache is told from it by whole seconds, and may be another's."""

        def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  the one of this file
            return self.source_to_code(self.get_data(path), path)

    try:
        trust.check_module(path, "the handlers file")
    except OSError as error:
        raise ConfigError(f"cannot read the handlers {path}: {error.strerror}", HINT) from error
    if os.path.isdir(path):
        raise ConfigError(f"{path} is a folder", HINT)
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)  # after the standard library: nothing there is shadowed
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules or name in sys.stdlib_module_names or not name.isidentifier():
        name = "ampt_handlers"
    loader = Source(name, path)
    spec: Any = util.spec_from_file_location(name, path, loader=loader)  # with a loader, never None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except ImportError as error:
        if "no known parent package" not in str(error):
            raise
        raise ConfigError(
            f"{error}{_line(error)}", f"a file belongs to no package: {PACKAGE_HINT}"
        ) from error


def _line(error: ImportError) -> str:
    """Where the import stands that failed."""
    said, trace = "", error.__traceback__
    while trace is not None:
        file = os.path.basename(trace.tb_frame.f_code.co_filename)
        said = f" ({file}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return said


def _load_module(name: str) -> None:
    from importlib import import_module, util  # noqa: PLC0415  gate: the user's module

    try:
        spec = util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        left_out = LEFT_OUT if _has_empty_place() else ""
        raise ConfigError(f"there is no installed module {name!r} with handlers", HINT + left_out)
    if os.geteuid() == 0 and spec.origin and os.path.exists(spec.origin):
        trust.check_module(spec.origin, "the handlers module")
    import_module(name)


PACKAGE_HINT = "give a module of a package by its name, installed: --handlers package.module"
LEFT_OUT = "; PYTHONPATH has an empty name, so the current folder was left out"
HINT = "give a file (./handlers.py) or an installed module with --handlers, or in ampt.toml"
