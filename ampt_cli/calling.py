"""What a registered function is called, where it is, and what it is to be given."""

from collections.abc import Callable
from types import CodeType, FunctionType, MethodType

from ampt_cli.errors import ConfigError
from ampt_cli.typed import Any

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from inspect import Signature

Function = Callable[..., Any]

# Of code.co_flags; inspect has them as CO_VARARGS, CO_COROUTINE, CO_GENERATOR, CO_ASYNC_GENERATOR.
VARARGS, COROUTINE, GENERATORS = 0x04, 0x80, 0x20 | 0x200

NAMED = ("context", "ctx")
TYPES = {"Context", "ampt_cli.Context", "ampt_cli.execute.Context"}
PUNCTUATION = str.maketrans(dict.fromkeys("[]|<>'\",", " "))


def key(function: Function) -> str:
    """`module:qualified name`."""
    plain = getattr(function, "func", function)  # functools.partial
    kind = plain if hasattr(plain, "__qualname__") else type(plain)
    return f"{kind.__module__}:{kind.__qualname__}"


def where(function: Function) -> str:
    """`file:line`."""
    code = _code(function)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else "?"


def is_async(function: Function) -> bool:
    """Whether it is, or wraps, an `async def`."""
    code = _code(function)
    return bool(code and code.co_flags & COROUTINE)


def _code(function: Function) -> Any:
    plain = getattr(function, "func", function)
    while hasattr(plain, "__wrapped__"):
        plain = plain.__wrapped__  # pyright: ignore[reportFunctionMemberAccess]
    return _own_code(plain)


def _own_code(function: Any) -> Any:
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):  # an object; a mock of a function has no code for its code
        code = getattr(type(function).__call__, "__code__", None)
    return code


def refuse_generator(function: Function) -> None:
    """Raise ConfigError for a function with a `yield`: a call runs nothing of it."""
    is_object = type(type(function).__call__) is FunctionType  # no partial: its func is its own
    code = _own_code(function if is_object else getattr(function, "func", function))
    if code is not None and code.co_flags & GENERATORS:
        raise ConfigError(f"{_said(function)} has a yield, so calling it would run nothing of it")


def _said(function: Function) -> str:
    return f"the handler {key(function)} ({where(function)})"


def takes_context(function: Function) -> bool:
    """Whether it is called with (event, context) or with (event) alone. Raises ConfigError.

    A second parameter that has a default gets the context where its name or its type says so:
    `lambda event, queue=queue: …` means the queue.
    """
    if type(function) is FunctionType and not hasattr(function, "__wrapped__"):
        fits, first, second = _read(function)
    else:
        fits, first, second = _inspected(function)
    if "self" in first:
        raise ConfigError(
            f"{_said(function)} is a method of no object",
            "register that of an object: events.on(name, object.method)",
        )
    if not fits:
        raise ConfigError(f"{_said(function)} takes neither (event, context) nor (event)")
    return 2 in fits and (1 not in fits or second is None or _is_context(*second))


Parameter = tuple[str, Any]  # name, annotation
Shape = tuple[list[int], list[str], Parameter | None]
# with how many arguments, 1 or 2, it can be called; names of the first; a second with a default


def _read(function: FunctionType) -> Shape:
    """That of a plain function, without inspect, which is slow to load."""
    code = function.__code__
    fewest = code.co_argcount - len(function.__defaults__ or ())
    counts = range(fewest, code.co_argcount + 1)
    takes = [n for n in (1, 2) if n in counts or (code.co_flags & VARARGS and n >= fewest)]
    required = code.co_kwonlyargcount - len(function.__kwdefaults__ or ())
    names = code.co_varnames[: code.co_argcount]
    second = None
    if len(names) > 1 >= fewest:
        annotation = None if names[1] in NAMED else _annotations(function).get(names[1])
        second = names[1], annotation
    return takes if required <= 0 else [], [*names[:1]], second


def _annotations(function: FunctionType) -> dict[str, Any]:
    try:
        return function.__annotations__
    except NameError:  # read only now, by Python 3.14, and of types that only checkers import
        return {}


def _is_context(name: str, annotation: Any) -> bool:
    if name in NAMED:
        return True
    said = annotation if isinstance(annotation, str) else repr(annotation)
    return not TYPES.isdisjoint(said.translate(PUNCTUATION).split())


def _inspected(function: Function) -> Shape:
    """That of a method, a partial, a decorated function, or another callable."""
    signatures = _signatures(function)
    fits = [n for n in (1, 2) if all(_binds(one, n) for one in signatures)]
    first: list[str] = []
    second = None
    for one in reversed(signatures):  # the outermost that names it is called with it
        named = [known for known in one.parameters.values() if known.kind <= 1]  # by position
        first += [known.name for known in named[:1]]
        for known in named[1:2]:
            optional = known.default is not known.empty
            second = (known.name, known.annotation) if optional else None
    return fits, first, second


def _binds(signature: "Signature", count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _signatures(function: Any) -> "list[Signature]":
    """Its own and, as long as that passes on whatever it is given (*args), of what it wraps."""
    import inspect  # noqa: PLC0415  gate: slow, and only for what is no plain function

    if isinstance(function, staticmethod):
        function = function.__func__
    elif type(type(function).__call__) is FunctionType:
        function = function.__call__
    try:
        own = [inspect.signature(function, follow_wrapped=False)]
    except ValueError:  # built in, without a signature
        own = []
    open_ended = all(
        any(known.kind is known.VAR_POSITIONAL for known in one.parameters.values()) for one in own
    )
    inner = _inner(function) if open_ended else None
    return own if inner is None else own + _signatures(inner)


def _inner(function: Any) -> Function | None:
    """What a decorator that used functools.wraps has wrapped, bound as `function` is."""
    from functools import partial  # noqa: PLC0415  inspect has loaded it

    if isinstance(function, partial):
        inner = _inner(function.func)
        return inner and partial(inner, *function.args, **function.keywords)
    inner = getattr(function, "__wrapped__", None)
    if inner is not None and isinstance(function, MethodType):
        return MethodType(inner, function.__self__)
    return inner
