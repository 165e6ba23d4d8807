"""Records without `typing`."""

import pytest

from ampt_cli.typed import Any, Value


class Point(Value):
    """Two fields, one of which may be left out."""

    x: int
    y: int = 0


def test_fields_are_given_by_place_or_by_name() -> None:
    """In the order of the class; what is left out has its default."""
    assert Point.fields() == ("x", "y")
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2) == Point(y=2, x=1)
    assert Point(1, 2).as_dict() == {"x": 1, "y": 2}
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((), {"y": 1}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})],
)
def test_what_does_not_fit_is_refused(values: tuple[int, ...], named: dict[str, Any]) -> None:
    """None, too few, too many, twice, unknown."""
    with pytest.raises(TypeError, match=r"Point\(x, y\) cannot be made of"):
        Point(*values, **named)


def test_a_record_is_equal_to_its_like_alone_and_never_changed() -> None:
    """Another record is made of it instead."""

    class Pixel(Value):
        x: int
        y: int = 0

    point: Any = Point(1)

    assert point != Pixel(1)
    assert point != (1, 0)
    assert len({point, Point(1, 0), Point(2)}) == 2
    assert point.but(y=5) == Point(1, 5)
    with pytest.raises(AttributeError, match="x is not to be changed"):
        point.x = 2
    with pytest.raises(TypeError):
        point.but(z=5)
    assert point == Point(1)
