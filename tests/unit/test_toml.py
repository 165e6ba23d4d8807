"""Configuration files are read as tomllib reads them, whether or not it is loaded for it."""

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ampt_cli import toml

LINES = (
    "",
    "# a comment",
    'spool = "/var/spool/ampt"',
    "jobs = 4",
    "jobs=0 # none",
    "network_file_system = true",
    "network_file_system = false#no",
    'rerun = "all" # or "failed"',
    'a-b_9 = ""',
)

# Near what is plain, and each read differently or refused.
NEAR = (
    'a = """b"""',
    'a = "b" c',
    'a = "b\\u0041"',
    "a = 'b'",
    'a = "b',
    "a = 01",
    "a = +1",
    "a = 1_000",
    "a = 9223372036854775808",
    "a = 1.0",
    "a = True",
    "a = ",
    "a",
    "a.b = 1",
    '"a" = 1',
    "é = 1",
    "[a]",
    "[tool.ampt]",
    "= 1",
    "a = 1\ra = 2",
    "a\t=\t1",
    "a = ٣",
    'a = "\x00"',
    "# \x00",
    "a = 1\x0b",
    "\ufeffa = 1",
    "a\u00a0= 1",
)


def as_tomllib(text: str) -> object:
    """What tomllib makes of `text`, or that it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return "refused"


@given(st.lists(st.sampled_from(LINES + NEAR) | st.text(max_size=12), max_size=5))
@example(["a = 1", "a = 1"])
def test_what_is_plain_reads_as_tomllib_reads_it(lines: list[str]) -> None:
    """The reader of plain files either agrees with tomllib, value and type, or leaves it alone."""
    for end in ("\n", "\r\n"):
        text = end.join(lines)
        found = toml.plain(text)

        assert found is None or repr(found) == repr(as_tomllib(text))


@pytest.mark.parametrize("line", NEAR)
def test_what_is_nearly_plain_is_read_by_tomllib(line: str) -> None:
    """A value is never taken for something else because it looks simple."""
    found = toml.plain(line)

    assert found is None or repr(found) == repr(as_tomllib(line))


def test_an_ordinary_file_is_plain() -> None:
    """What `ampt init` writes and most people keep needs no tomllib."""
    found = toml.plain("\n".join(LINES[:4]) + "\n")

    assert found == {"spool": "/var/spool/ampt", "jobs": 4}
    for end in ("\n", "\r\n", " \t\n\t"):
        for line in LINES:
            assert toml.plain(line + end) == as_tomllib(line + end), line + end


def test_the_rest_is_left_to_tomllib() -> None:
    """Tables and escapes work; what is no TOML is an error that says where."""
    found = toml.loads("[tool.ampt]\njobs = 2\n")

    assert found == {"tool": {"ampt": {"jobs": 2}}}
    with pytest.raises(ValueError, match="line 1"):
        toml.loads("jobs = = 2")
