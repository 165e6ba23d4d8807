"""Stamps, and what is remembered of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampt_cli import instants


@given(st.integers(0, instants.LAST))
def test_a_stamp_gives_its_instant_back(instant: int) -> None:
    """For every instant that a stamp can say."""
    assert instants.unstamp(instants.stamp(instant)) == instant


@pytest.mark.row(29)
@given(st.integers(0, instants.LAST), st.integers(0, instants.LAST))
def test_stamps_sort_as_instants(one: int, other: int) -> None:
    """Byte order is time order."""
    assert (instants.stamp(one) < instants.stamp(other)) == (one < other)


@pytest.mark.parametrize("text", ["20270229T000000000Z", "20271301T000000000Z", "2027", "x" * 19])
def test_a_stamp_of_no_real_instant_is_refused(text: str) -> None:
    """There was no 29 February 2027."""
    assert instants.unstamp(text) is None


def test_what_is_remembered_is_asked_once_and_not_kept_for_ever() -> None:
    """A runner that stays for a year meets a stamp for each second of it."""
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        return number

    known = instants.remembered(ask)
    for number in (7, 7, *range(1, instants.MOST_KNOWN + 3), 7):
        known(number)

    assert asked.count(7) == 2
    assert asked.count(8) == 1
