"""Hostile input to the three parsers: only success, or the one documented error."""

from __future__ import annotations

import json
import string
from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ampt_cli import due, event, layout
from ampt_cli.errors import BadEvent
from tests.faults import parsers

LEVELS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.text(min_size=1, max_size=140)
GOOD = b'{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":null}\n'
PIECES = st.sampled_from(
    [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\ud800", b"NaN", b"1e999", b"-0", b"\xff", b"\0"]
    + [
        b"\xef\xbb\xbf",
        b"\n",
        b"true",
        b'"ampt":2,',
        b'"Must":1,',
        b'"id":"x",',
        b"9" * 500,
        b"[" * 200,
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good event, with pieces put in, cut out or written over."""
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data[start:end] = draw(PIECES | st.binary(max_size=4))
    return bytes(data)


@given(damaged() | st.binary(max_size=200))
@example(b"")
@example(GOOD)
@example(GOOD[:-1])
@example(b"[" * 100_000 + b"\n")
@example(b'{"ampt":true,"id":"x","name":"n","time":0,"due":0,"body":null}\n')
def test_any_bytes_are_an_event_or_damaged(data):
    """The entry parser succeeds, or raises Damaged or TooNew; nothing else, whatever the bytes."""
    parsers.entry_content(data)


@given(LEVELS, NAMES)
def test_any_json_body_is_read_back_as_it_was_published(body, name):
    """What encode accepts, decode gives back."""
    made = event.Event("x", name, body, 0, 0)
    line = event.encode(made)

    assert json.loads(line)["body"] == body or body != body  # noqa: PLR0124
    try:
        event.check_name(name)
    except BadEvent:
        return

    assert made == event.decode(line)


STAMPS = st.sampled_from(
    ["20261124T101500123Z", "20261324T101500123Z", "20240229T000000000Z", "20230229T000000000Z"]
    + ["19691231T235959999Z", "99991231T235959999Z", "20261124T240000000Z", "00000000T000000000Z"]
) | st.from_regex(r"[0-9]{8}T[0-9]{9}Z", fullmatch=True)
IDS = st.text(string.ascii_letters + string.digits + "_-./é", max_size=50)
ATTEMPTS = st.sampled_from(
    ["a0", "a1", "a01", "a999999", "a1000000", "a", "b1", "a1١", "a-1", "a+1"]
)
CODED = (
    st.text(max_size=20)
    | st.text("abc%/=_-.0123456789ABCDEF", max_size=200)
    | NAMES.map(lambda name: layout.encode_name(name.encode("utf-8", "replace").decode()))
)


@given(st.builds("{}.{}.{}.{}.json".format, STAMPS, IDS, ATTEMPTS, CODED) | st.text(max_size=80))
@example("20261124T101500123Z.order-7.a0.user.joined.json")
@example("20261124T101500123Z.x.a999999..json.json")
@example("20261124T101500123Z.x.a1.%6E.json")
@example("20261124T101500123Z.x.a1..json")
@example("20261124T101500123Z.x.a1.%.json")
@example("20261124T101500123Z.x.a1.=.json")
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_two_readers_agree_on_every_file_name(file):
    """Ours and one written from the specification alone: the same entry, or none."""
    parsers.file_name(file)


AFTERS = (
    st.text(max_size=30)
    | st.builds(
        "{} {}".format,
        st.integers(-5, 10**20),
        st.sampled_from([*due.UNITS, *due.MONTHS, "fortnight"]),
    )
    | st.builds("{}{}".format, st.integers(-5, 10**20), st.sampled_from("smhdwMy"))
    | st.builds("@{}".format, st.integers(-5, 10**13))
    | st.integers(-(10**20), 10**20).map(str)
    | st.datetimes().map(lambda value: value.isoformat())
    | st.text("0123456789-:TZW.+ @smhdw,", max_size=30)
)


@given(AFTERS)
@example("")
@example(" ")
@example("١٢ days")
@example("9999-12-31T23:59:59.9999999")
@example("0001-01-01T00:00:00+14:00")
@example("1 " + "s" * 5000)
def test_any_text_is_a_due_time_or_refused(text):
    """The `after` parser gives an instant within the year to come, or BadDue in one line."""
    parsers.after(text)


@pytest.mark.parametrize(
    ("parse", "good"),
    [
        (parsers.entry_content, GOOD),
        (parsers.file_name, "20261124T101500123Z.x.a1.n.json"),
        (parsers.after, "1 day"),
    ],
)
def test_the_fuzzed_parsers_do_accept_what_is_right(parse, good):
    """A parser that refused everything would pass the tests above."""
    assert Counter({True: 1}) == Counter([parse(good)])
