"""The options of the commands that start fast."""

import pytest

from ampt_cli.errors import UsageError
from ampt_cli.options import MOST, Command, Option, help_text, parse

COMMAND = Command(
    "try",
    "",
    "Try.",
    "",
    (Option("--number -n", "N", "A number."), Option("--word", "W", "Words.", many=True)),
    (("ampt try", "tries"),),
)


@pytest.mark.parametrize("text", ["1", "07", "10"])
def test_a_whole_number_up_to_the_most_is_read(text: str) -> None:
    """From 1 on."""
    assert parse(COMMAND, ["-n", text]).number("number", None, 10) == int(text)


@pytest.mark.parametrize("text", ["0", "11", "-1", "1.5", "²", "١", "x", " 1", "9" * 5000])
def test_any_other_number_is_told_what_may_be_given(text: str) -> None:
    """Also what Python takes for digits, and what it takes for too many of them."""
    with pytest.raises(UsageError, match="--number takes a whole number from 1 to 10, not"):
        parse(COMMAND, [f"-n{text}"]).number("number", None, 10)


def test_a_number_without_a_bound_of_its_own_has_one() -> None:
    """And what is not given is what the caller says."""
    assert parse(COMMAND, [f"-n{MOST}"]).number("number", None) == MOST
    assert parse(COMMAND, []).number("number", 3) == 3
    with pytest.raises(UsageError, match=f"to {MOST}"):
        parse(COMMAND, [f"-n{MOST + 1}"]).number("number", None)


def test_the_last_of_what_is_given_twice_counts_and_all_of_what_may_be_repeated() -> None:
    """As of most programs, so that an alias can be overruled."""
    given = parse(COMMAND, ["-n1", "--word", "a", "--number=2", "--word=b"])

    assert given.get("number") == "2"
    assert given.all("word") == ["a", "b"]


@pytest.mark.parametrize(
    ("flag", "hint"), [("--numbre", "did you mean --number?"), ("--zzz", "see its --help")]
)
def test_an_unknown_option_names_the_nearest(flag: str, hint: str) -> None:
    """Where one is near."""
    with pytest.raises(UsageError, match=f"ampt try has no option {flag}") as caught:
        parse(COMMAND, [flag])

    assert caught.value.hint == hint


def test_help_shows_the_short_flag_first() -> None:
    """As all the other commands do."""
    assert "  -n, --number N  A number.\n" in help_text(COMMAND)
