"""What `typing` is wanted for, where it would take longer to load than all the rest.

A run with something to do loads neither `typing` nor `dataclasses`, nor `re`, which both need.
"""

__all__ = ["Any", "NoReturn", "TypedDict", "Value"]

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any, NoReturn, Self, TypedDict, dataclass_transform
else:
    Any = NoReturn = object
    TypedDict = dict

    def dataclass_transform(**_):
        return lambda kind: kind


@dataclass_transform(frozen_default=True)
class Value:
    """A record: its fields are what its class annotates, in that order, with their defaults.

    It is never changed.
    """

    def __init__(self, *values: Any, **named: Any) -> None:
        kind, fields = type(self), self.fields()
        given = dict(zip(fields, values, strict=False)) | named
        missing = [field for field in fields if field not in given and not hasattr(kind, field)]
        if missing or len(given) < len(values) + len(named) or given.keys() - fields:
            raise TypeError(f"{kind.__name__}({', '.join(fields)}) cannot be made of {given}")
        self.__dict__.update(given)

    def __setattr__(self, field: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{field} is not to be changed")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(tuple(self.as_dict().values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{field}={value!r}" for field, value in self.as_dict().items())
        return f"{type(self).__name__}({shown})"

    @classmethod
    def fields(cls) -> "tuple[str, ...]":
        """The names of the fields."""
        return tuple(cls.__annotations__)

    def as_dict(self) -> "dict[str, Any]":
        """The fields and their values."""
        return {field: getattr(self, field) for field in self.fields()}

    def but(self, **named: Any) -> "Self":
        """The same record with other values in these fields."""
        return type(self)(**self.as_dict() | named)
