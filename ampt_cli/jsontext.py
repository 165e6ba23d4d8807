"""JSON, read strictly and written compactly (spool_format.md, section 4).

The C scanner and encoder are used without the `json` package, whose import of
`re` costs a third of the time that a whole `ampt publish` may take.
"""

try:
    from _json import encode_basestring, make_encoder, make_scanner
except ImportError:  # other implementations of Python
    from json.encoder import encode_basestring
    from json.scanner import make_scanner

    make_encoder = None  # type: ignore[assignment,misc]

quoted = encode_basestring  # a string, as it stands in JSON

MAX_DEPTH = 128
MAX_DIGITS = 400
BLANK = " \t\r\n"

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def _integer(text: str) -> int:
    _check_digits(text)
    return int(text)


def _check_digits(text: str) -> None:
    """A sign, a point and the letter of an exponent are none."""
    if len(text) > MAX_DIGITS and sum(map(str.isdigit, text)) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")


def _finite(text: str) -> float:
    _check_digits(text)
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text} is too large")
    return number


def _constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _object(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result


class _Strict:
    """What the C scanner reads its settings from."""

    strict = True
    memo: "dict[str, str]" = {}  # noqa: RUF012  read by the scanner written in Python alone
    object_hook = None
    array_hook = None  # asked for from Python 3.15 on
    object_pairs_hook = staticmethod(_object)
    parse_float = staticmethod(_finite)
    parse_int = staticmethod(_integer)
    parse_constant = staticmethod(_constant)

    @staticmethod
    def parse_string(text: str, end: int, strict: bool) -> "tuple[str, int]":
        from json import decoder  # noqa: PLC0415  the scanner written in Python alone

        return decoder.scanstring(text, end, strict)  # type: ignore[attr-defined,no-any-return]

    def __getattr__(self, name: str) -> "Any":  # parse_object, parse_array: likewise
        import json.decoder  # noqa: PLC0415

        return getattr(json.decoder.JSONDecoder(), name)


class _Short(_Strict):
    """The same for a text in which no number can have too many digits: int needs no watching."""

    parse_int = int  # type: ignore[assignment]


_scan = make_scanner(_Strict())  # type: ignore[arg-type]
_scan_short = make_scanner(_Short())  # type: ignore[arg-type]


def _default(value: object) -> "Any":
    raise TypeError(f"a {type(value).__name__} is no JSON value")


if make_encoder is not None:
    _encode = make_encoder(None, _default, encode_basestring, None, ":", ",", False, False, False)  # pyright: ignore[reportAssignmentType]
else:

    def _encode(value: object, _level: int) -> "tuple[str, ...]":  # type: ignore[misc]
        import json  # noqa: PLC0415

        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return (text,)


def loads(text: str) -> "Any":
    """Parse one JSON document. Raises ValueError, saying what is wrong."""
    value, end = value_at(text, len(text) - len(text.lstrip(BLANK)))
    if end != len(text) and text[end:].strip(BLANK):
        raise ValueError(f"something follows the JSON at character {end}")
    return value


def value_at(text: str, start: int, inner: bool = False) -> "tuple[Any, int]":
    """The value that begins at `start`, `inner` to another one, and where it ends. As `loads`."""
    try:
        value, end = (_scan_short if len(text) <= MAX_DIGITS else _scan)(text, start)
    except (StopIteration, SystemError):  # SystemError: it cannot say more without json.decoder
        raise ValueError(_why(text)) from None
    except RecursionError:
        raise ValueError(f"too deep: more than {MAX_DEPTH} levels") from None
    if len(text) > 2 * MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH:
        check_depth([value] if inner else value)
    if "\\" in text and "\\u" in text:
        check_text(value)
    return value, end


def _why(text: str) -> str:
    """What is wrong with `text`, from the standard library's parser."""
    import json  # noqa: PLC0415  only after a failure

    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return "it cannot be read"


def dumps(value: object) -> str:
    """One line of JSON. Raises ValueError for what strict JSON cannot say."""
    try:
        return "".join(_encode(value, 0))
    except RecursionError:
        raise ValueError(f"too deep: more than {MAX_DEPTH} levels, or it contains itself") from None
    except TypeError as error:
        raise ValueError(str(error)) from None


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON: true is not 1, nor 1 the same as 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def check_depth(value: object) -> None:
    """Raise ValueError where lists and objects nest deeper than MAX_DEPTH."""
    level = _nested([value])
    for _ in range(MAX_DEPTH):
        level = _nested(
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        )
        if not level:
            return
    raise ValueError(f"too deep: more than {MAX_DEPTH} levels")


def _nested(values: "Iterable[Any]") -> "list[Any]":
    return [value for value in values if isinstance(value, dict | list | tuple)]


def check_text(value: object) -> None:
    """Raise ValueError where a string holds half of a surrogate pair."""
    try:
        dumps(value).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(f"a lone surrogate (\\u{ord(half):04x}) is no character") from None
