"""TOML, most of it without tomllib, whose import takes longer than a whole publish."""

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any


def loads(text: str) -> "dict[str, Any]":
    """What `text` says. Raises ValueError where it is no TOML."""
    found = plain(text)
    if found is not None:
        return found
    import tomllib  # noqa: PLC0415  gate: only for what is not plain

    return tomllib.loads(text)


def plain(text: str) -> "dict[str, Any] | None":
    """What `text` says if it is plain, as most configuration files are; None where it is not.

    Plain are comments and lines of `key = value`, where the value is a text in
    double quotes without escapes, a whole number, true or false. Whatever is in
    doubt is not plain.
    """
    found: dict[str, Any] = {}
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = raw.strip(" \t")
        if not line.isprintable():
            return None
        if not line or line[0] == "#":
            continue
        key, _, rest = line.partition("=")
        key = key.rstrip(" ")
        value = _value(rest.lstrip(" "))
        if value is None or key in found or not _is_bare(key):
            return None
        found[key] = value
    return found


def _is_bare(key: str) -> bool:
    return key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()


def _value(text: str) -> "str | int | bool | None":
    if text[:1] == '"':
        inner, quote, rest = text[1:].partition('"')
        rest = rest.lstrip(" ")
        is_whole = quote and "\\" not in inner and (not rest or rest[0] == "#")
        return inner if is_whole else None
    word = text.partition("#")[0].rstrip(" ")
    if word in ("true", "false"):
        return word == "true"
    if not (word.isascii() and word.isdigit()):
        return None
    return int(word) if word[0] != "0" or word == "0" else None
