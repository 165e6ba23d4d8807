"""What is wrong with an `after` that cannot be read. Loaded only after a mistake."""

UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
SHORT = "smhdw"
MOST_DIGITS = 18  # that `due` reads as a number
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def why(after: object, said: str = "") -> str:
    """The reason, in words; `said` is what the reader of ISO 8601 said."""
    if not isinstance(after, str | float):
        return f"a {type(after).__name__} is none: give an int, a text, a datetime or a timedelta"
    text = str(after).strip()
    number = text.rstrip(LETTERS + LETTERS.upper() + " ")
    unit = text[len(number) :].strip()
    if not text:
        return "it is empty"
    if text[0] == "-":
        return "it must be more than zero"
    if text[0] == "@":
        return "whole seconds since 1970 follow an @"
    if number.count(".") == 1 and number.replace(".", "").isdigit():
        return "it is a fraction, and only whole numbers are read: use a smaller unit"
    if number.isdigit():
        return _counted(number, unit)
    if said and not said.startswith("Invalid isoformat"):
        return said  # such as: day is out of range for month
    return "it has none of the known forms"


def _counted(number: str, unit: str) -> str:
    """A number that is read, and a unit that is not; or the other way round."""
    if not number.isascii():
        return "only the digits 0 to 9 are read"
    if len(number) > MOST_DIGITS:
        return "the number is too large"
    if unit.lower().removesuffix("s") in UNITS:
        return f'a space is missing: "{number} {unit}"'
    if unit.lower() in SHORT:
        return f"a short unit follows without a space: {number}{unit}"
    return f"there is no unit {unit!r}, but {', '.join(UNITS)}"
