"""File names: encoding, parsing, and what no name can do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampt_cli import event, instants, jsontext, layout, publication
from ampt_cli.errors import BadEvent, Damaged, TooNew

PRINTABLE = st.characters(exclude_categories=["Cs", "Cc"])
TEXT = st.text(PRINTABLE, min_size=1, max_size=128)
NAMES = TEXT.map(lambda text: text.strip(" ")).filter(lambda t: 0 < len(t.encode()) <= 128)


@given(NAMES, st.integers(0, instants.LAST), st.integers(0, layout.MAX_ATTEMPT))
def test_an_entry_is_read_back_from_its_path(name: str, instant: int, attempt: int) -> None:
    """Any legal name, however odd, survives the file name, which stays short and in its folder."""
    entry = layout.new(layout.PENDING, instant, "x" * 48, name, attempt)

    assert layout.parse(entry.folder, entry.file) == entry
    assert entry.name == name
    assert len(entry.file.encode()) <= 254
    assert "/" not in entry.file


@given(st.integers(0, 16**6 * instants.HOUR - 1))
def test_an_id_that_is_made_has_the_length_it_is_known_by(instant: int) -> None:
    """Whenever it is due, until the year 3883."""
    assert len(publication.new_id(instant)) == event.MADE_ID


@pytest.mark.parametrize(
    "name",
    ["", " x", "x ", "a\nb", "a\0b", "\x1f", "\x7f", "\x80", "\x9f", "x" * 129, "\ud800", None],
)
def test_an_illegal_name_is_refused(name: object) -> None:
    """Empty, controls, spaces at the ends, too long, half a character."""
    with pytest.raises(BadEvent):
        event.check_name(name)


@pytest.mark.parametrize("id_", ["", "é", "٣", "x" * 49, "a.b", "a/b", "a b", "a\n", None, 7])
def test_an_illegal_id_is_refused(id_: object) -> None:
    """Letters, digits, _ and - of ASCII, 1 to 48 of them."""
    with pytest.raises(BadEvent):
        event.check_id(id_)
    for legal in ("x" * 48, "_", "-", "0", "A-z_9"):
        assert event.check_id(legal) == legal


@pytest.mark.parametrize(
    "file",
    ["20261124T101500123Z.x.a01.n.json", "20261324T101500123Z.x.a1.n.json", ".nfs0001", "x~"]
    + ["20261124T101500123Z.x.a1.%6E.json", "20261124T101500123Z.x.a1..json", "x.tmp"]
    + ["20261124T101500123Z.x/y.a1.n.json", "20261124T101500123Z.x.a1.n.json.swp"],
)
def test_a_name_of_no_entry_is_not_parsed(file: str) -> None:
    """There is one right spelling, and no other is accepted."""
    assert layout.parse("pending/2026-11-24/10", file) is None


@pytest.mark.parametrize(
    "change",
    [{"id": "y"}, {"name": "m"}, {"body": 1}, {"time": 2}, {"due": 9}, {"attempt": 2}]
    + [{"extra": {"replaces": "y"}}],
    ids=lambda change: next(iter(change)),
)
def test_events_are_equal_only_in_everything(change: dict[str, Any]) -> None:
    """What is compared below, and by whoever tests handlers."""
    same: dict[str, Any] = {"id": "x", "name": "n", "body": None, "time": 1, "due": 3}
    made = event.Event(**same, attempt=1)

    assert made == event.Event(**same, attempt=1)
    assert made != event.Event(**{**same, "attempt": 1, **change})
    assert made != same


def test_an_event_has_less_than_262144_bytes() -> None:
    """As it is stored, its newline included; characters of more bytes count for as many."""
    room = event.MAX_BYTES - 1 - len(event.encode(event.Event("x", "n", "", 0, 0)))
    for most in ("a" * room, "a" * (room % 2) + "é" * (room // 2)):
        line = event.encode(event.Event("x", "n", most, 0, 0))

        assert len(line) == event.MAX_BYTES - 1
        assert event.decode(line).body == most
        assert event.decode_own(line, "x", "n", 0) == event.decode(line)
        with pytest.raises(BadEvent, match="has 262,144 bytes, not less than 262,144"):
            event.encode(event.Event("x", "n", most + "a", 0, 0))
        with pytest.raises(Damaged, match="has 262,144 bytes or more"):
            event.decode(longer := line[:-3] + b'a"}\n')
        assert event.decode_own(longer, "x", "n", 0) is None


@pytest.mark.row(6)
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_a_body_may_have_127_levels_and_the_event_is_one_more(opened: str, closed: str) -> None:
    """What is published can be read: a deeper one is refused before it is written."""
    deepest = json.loads(opened * 126 + "[]" + closed * 126)
    line = event.encode(event.Event("x", "n", deepest, 0, 0))

    assert event.decode(line).body == event.decode_own(line, "x", "n", 0).body == deepest  # type: ignore[union-attr]
    with pytest.raises(BadEvent, match="too deep: more than 128 levels"):
        event.encode(event.Event("x", "n", [deepest], 0, 0))
    with pytest.raises(Damaged, match="too deep: more than 128 levels"):
        event.decode(line.replace(b"[]", b"[[]]", 1))
    assert event.encode(event.Event("x", "n", ["[{" * 200], 0, 0))  # a text has no levels


ITSELF: list[object] = []
ITSELF.append(ITSELF)


@pytest.mark.row(8)
@pytest.mark.parametrize(
    "body",
    [float("nan"), float("inf"), -float("inf"), {(1, 2): 3}, {b"a": 1}, {1, 2}, b"a", ITSELF]
    + ["\ud800", {"\udfff": 1}],
    ids=ascii,
)
def test_what_json_cannot_say_is_no_body(body: object) -> None:
    """It is refused whole: nothing of it is left out in silence."""
    with pytest.raises(BadEvent, match="the body of 'n'"):
        event.encode(event.Event("x", "n", body, 0, 0))
    with pytest.raises(BadEvent, match="the body of 'n'"):
        event.encode(event.Event("x", "n", {"a": [body]}, 0, 0))


@pytest.mark.row(26)
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a":1,"b":[2]}', '{"b":[2],"a":1}', True),
        ('{"a":1,"b":2}', '{"a":1,"b":3}', False),
        ('{"a":1,"b":2}', '{"a":1,"c":2}', False),
        ('{"a":1}', '{"a":1,"b":2}', False),
        ('{"a":{"b":1}}', '{"a":{"b":true}}', False),
        ("[1,2]", "[1,3]", False),
        ("[1,2]", "[2,1]", False),
        ("[1,2]", "[1]", False),
        ("[1]", "[1,2]", False),
        ("[]", "{}", False),
        ("1.0", "1.00", True),
        ("1", "1.0", False),
        ("1", "true", False),
        ("0", "false", False),
        ("1.0", "true", False),
        ("null", "false", False),
        ('"1"', "1", False),
    ],
)
def test_bodies_are_the_same_as_values(one: str, other: str, same: bool) -> None:
    """An id that was published with another body is refused, however small the difference."""
    values = jsontext.loads(one), jsontext.loads(other)

    assert jsontext.same(*values) is same
    assert jsontext.same(*reversed(values)) is same
    assert jsontext.same([{"in": values[0]}], [{"in": values[1]}]) is same


@pytest.mark.row(13)
@pytest.mark.parametrize("key", ["a", "z", "aZ", "z_1", "abc"])
def test_a_key_of_lower_case_is_kept(key: str) -> None:
    """Of another program: it is passed through, whatever it says."""
    line = LINE.replace(b"}}", b'},"%s":[7]}' % key.encode())

    assert event.decode(line).extra == {key: [7]}
    assert event.encode(event.decode(line)) == line


@pytest.mark.row(12)
@pytest.mark.parametrize("key", ["", "A", "Z", "_a", "`", "{", "é", "1"])
def test_any_other_key_must_be_understood(key: str) -> None:
    """A newer ampt wrote it; this one leaves the entry where it is."""
    with pytest.raises(TooNew, match="which must be understood"):
        event.decode(LINE.replace(b"}}", b'},"%s":[7]}' % key.encode()))


BODIES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)


@given(BODIES)
def test_what_is_published_is_read_back_equal(body: object) -> None:
    """The first line keeps every JSON value exactly, large integers too."""
    made = event.Event("x", "n", body, 1, 2)

    assert event.decode(event.encode(made)) == made


@given(BODIES, NAMES, st.integers(0, instants.LAST), st.integers(0, instants.LAST))
def test_our_own_line_is_read_as_any_line_is(body: object, name: str, one: int, other: int) -> None:
    """The short way says what the long one says."""
    made = event.Event("x-1", name, body, min(one, other), max(one, other), 3)
    line = event.encode(made)

    assert event.decode_own(line, "x-1", name, 3) == event.decode(line, 3) == made


LINE = b'{"ampt":1,"id":"x","name":"n","time":5,"due":17,"body":{"a":[1,"b"]}}\n'


@given(st.data())
def test_any_other_line_is_left_to_those_who_read_all_of_it(data: st.DataObject) -> None:
    """Whatever was changed in it: what is accepted is what the long way reads, and as it reads it."""
    start = data.draw(st.integers(0, len(LINE)))
    end = data.draw(st.integers(start, min(start + 4, len(LINE))))
    known = st.sampled_from([b"0", b"-", b",", b" ", b"\\", b"}", b'"', b"\n", b"1e3", b',"due":6'])
    line = LINE[:start] + data.draw(known | st.binary(max_size=4)) + LINE[end:]
    read = event.decode_own(line, "x", "n", 1)

    assert read is None or read == event.decode(line, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"5", b"05"), (b"17", b"4"), (b"17", b"-1"), (b"17", b"1_7"), (b",", b", "), (b"}}", b"}} ")]
    + [(b"}}", b'},"more":1}'), (b"}}", b'},"body":1}'), (b'"x"', b'"y"'), (b'"b"', b'"\\ud800"')]
    + [(b"5", b"-5"), (b"17", str(instants.LAST + 1).encode())]
    + [(b'"b"', b'"\xff"'), (b'"b"', b'"\0"'), (b'[1,"b"]', b"[" * 127 + b"]" * 127), (b"\n", b"")],
)
def test_the_short_way_takes_nothing_else(old: bytes, new: bytes) -> None:
    """A line that is wrong, or right and of other makers, is for `decode`."""
    assert event.decode_own(LINE, "x", "n", 1) == event.decode(LINE, 1)
    assert event.decode_own(LINE.replace(old, new, 1), "x", "n", 1) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_damaged(data: bytes) -> None:
    """No other error ever leaves the parser."""
    try:
        event.decode(data)
    except Damaged as error:
        assert str(error)


@pytest.mark.parametrize(("counted", "state"), [(0, "pending"), (1, "retry"), (7, "retry")])
def test_a_claim_that_is_given_back_is_where_it_was(counted: int, state: str) -> None:
    """Its attempt is uncounted."""
    entry = layout.new(state, 1_800_000_000_000, "x", "n", counted)

    assert layout.released(layout.claimed(entry, "r")) == entry


def test_attempts_are_counted_as_far_as_names_can() -> None:
    """A claim of the last is an entry all the same, and so is what becomes of it."""
    entry = layout.new(layout.RETRY, 0, "x", "n", layout.MAX_ATTEMPT)
    claimed = layout.claimed(entry, "r")

    assert layout.parse(claimed.folder, claimed.file) == claimed
    assert claimed.attempt == layout.MAX_ATTEMPT


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"null\n", b"\0\n", b"\xff\n", b"\xef\xbb\xbf{}\n", b'{"ampt":true}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":NaN}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":1,"body":2}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":"0","due":0,"body":1}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":0,"due":true,"body":1}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":0,"due":1.0,"body":1}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":2,"due":1,"body":1}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":-1,"due":1,"body":1}\n']
    + [b'{"ampt":1,"id":"a/b","name":"n","time":0,"due":0,"body":1}\n']
    + [b'{"ampt":1,"id":"x","name":" n","time":0,"due":0,"body":1}\n']
    + [b'{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":' + b"[" * 100_000 + b"\n"],
)
def test_a_damaged_line_is_told_apart(line: bytes) -> None:
    """Torn, empty, garbage, wrong types, too deep: each is Damaged."""
    with pytest.raises(Damaged):
        event.decode(line)
