"""Rows and sentences that fit a terminal."""

import pytest

from ampt_cli.catalog import Seen
from ampt_cli.columns import Column, folded, rows_in
from ampt_cli.layout import Entry
from ampt_cli.listing import events, groups, redrive
from ampt_cli.printing import safe
from ampt_cli.render import Line, ago, cells, cut, length, plural, short

ID = "0123456789abcdef0123079c5a"
LONG = "a.very.long.name.that.somebody.thought.was.a.good.idea/with/slashes"
RECORD = {"attempt": 7, "start": 0, "ms": 1, "outcome": "failed"}
FOUND = [
    Seen(Entry(f"{state}/2026-11-25/08", "20261125T085624829Z", id_, 7, name), None, [made])
    for state, id_, name, made in (
        ("retry", ID, LONG, {**RECORD, "error": "KeyError: " + "x" * 300}),
        ("retry", "order-2026-1", "ユーザー.登録", {**RECORD, "error": "データベースに" * 9}),
        ("pending", ID, "mail", {**RECORD, "error": "control \x1b[2J"}),
    )
]


def plain(lines: list[Line]) -> list[str]:
    """Without styles."""
    return ["".join(text for text, _ in one) for one in lines]


@pytest.mark.parametrize("room", [30, 40, 60, 80, 120, 200])
def test_a_list_has_a_line_for_each_event_that_fits_and_no_id_is_cut(room: int) -> None:
    """However long names and errors are, and in wide characters too."""
    lines = plain(events(FOUND, 1_795_858_212_000, room))

    assert len(lines) == 1 + len(FOUND)
    assert max(cells(one) for one in lines) <= room
    assert [short(ID) in one for one in lines[1:]] == [True, False, True]
    assert "order-2026-1" in lines[2]


def test_what_matters_least_is_left_out_first() -> None:
    """The time of day, then how often it was tried, when it is due, and the error."""
    heads = {
        room: plain(events(FOUND, 1_795_858_212_000, room))[0].split() for room in (120, 80, 60, 40)
    }

    assert heads == {
        120: ["at", "(UTC)", "due", "state", "id", "tried", "name", "error"],
        80: ["due", "state", "id", "tried", "name", "error"],
        60: ["due", "state", "id", "name", "error"],
        40: ["state", "id", "name"],
    }


def test_columns_start_at_the_same_cell_in_every_row() -> None:
    """Wide characters take two; a number is flush right; an empty column is left out."""
    columns = Column("n", right=True), Column("name"), Column("none"), Column("error")
    rows = [
        [("7", ""), ("登録", ""), ("", ""), ("a", "")],
        [("12", ""), ("mail", ""), ("", ""), ("b", "")],
    ]

    assert plain(rows_in(columns, rows, 80)) == [" n  name  error", " 7  登録  a", "12  mail  b"]
    assert plain(rows_in(columns, [], 80, heads=False)) == []


def test_room_that_is_left_goes_to_those_that_need_it() -> None:
    """A short name leaves its room to the error."""
    columns = Column("name", least=4, most=10), Column("error", least=4)
    rows = [[("n" * 5, ""), ("e" * 50, "")]]
    long = [[("n" * 50, ""), ("e" * 50, "")]]

    assert plain(rows_in(columns, rows, 30, heads=False)) == ["nnnnn  " + "e" * 22 + "…"]
    assert plain(rows_in(columns, long, 30, heads=False)) == ["n" * 9 + "…  " + "e" * 17 + "…"]

    turned = [[("e" * 50, ""), ("n" * 5, "")]]
    assert plain(rows_in(columns[::-1], turned, 30, heads=False)) == ["e" * 22 + "…  nnnnn"]


def test_nothing_is_cut_or_left_out_that_fits() -> None:
    """To the cell; nor what has no more to lose, where nothing does."""
    columns = Column("name", least=4, most=6), Column("id"), Column("error", least=4, drop=1)
    rows = [[("n" * 8, ""), ("i" * 9, ""), ("e" * 8, "")]]

    assert plain(rows_in(columns, rows, 29, heads=False)) == ["nnnnnnnn  iiiiiiiii  eeeeeeee"]
    assert plain(rows_in(columns, rows, 28, heads=False)) == ["nnnnn…  iiiiiiiii  eeeeeeee"]
    assert plain(rows_in(columns, rows, 21, heads=False)) == ["nnn…  iiiiiiiii  eee…"]
    assert plain(rows_in(columns, rows, 20, heads=False)) == ["nnnnnnnn  iiiiiiiii"]
    assert plain(rows_in(columns, rows, 5, heads=False)) == ["nnn…  iiiiiiiii"]


def test_a_sentence_is_broken_at_its_words() -> None:
    """A piece that fits a line of its own, such as a command, stays whole."""
    hint = [("3 dead events:", "bad"), (" ampt inspect --state dead", "")]

    assert plain(folded(hint, 30)) == ["3 dead events:", "  ampt inspect --state dead"]
    assert plain(folded(hint, 20)) == ["3 dead events:", "  ampt inspect", "  --state dead"]
    assert plain(folded(hint, 28)) == ["3 dead events:", "  ampt inspect --state dead"]
    assert plain(folded([("データ ベース", "")], 13)) == ["データ ベース"]
    assert plain(folded([("データ ベース", "")], 12)) == ["データ", "  ベース"]
    assert folded(hint, None) == [hint]
    assert plain(folded([("x" * 30, "")], 20)) == ["x" * 30]


def test_a_row_says_when_and_what_is_wrong() -> None:
    """Damage where there is no error; and no number where nothing was tried."""
    entry = Entry("pending/2026-11-28/10", "20261128T103012000Z", "id-1", 0, "mail")
    late = Entry("retry/2026-11-28/08", "20261128T083012000Z", "id-2", 3, "mail")
    found = [Seen(entry, None, [], "empty"), Seen(late, None, [])]

    assert [one.split() for one in plain(events(found, 1_795_858_212_000, 120))[1:]] == [
        ["2026-11-28", "10:30:12", "in", "1", "h", "pending", "id-1", "mail", "empty"],
        ["2026-11-28", "08:30:12", "1", "h", "ago", "retry", "id-2", "3", "mail"],
    ]


REDRIVES = {
    "it's [new]*": (
        "KeyError: 'a\"b'",
        "--name 'it'\"'\"'s [[]new][*]' --error 'KeyError: '\"'\"'a\"b'\"'\"''",
    ),
    "mail": ("", "--name mail"),
    "long": ("Error: " + "x" * 300, "--name long --error 'Error: " + "x" * 53 + "'"),
    "\u202eevil": ("E: \x1b[31mall is red", "--name '?evil' --error '[31mall is red'"),
}


@pytest.mark.parametrize("name", REDRIVES)
def test_a_group_is_redriven_by_the_command_that_is_shown(name: str) -> None:
    """Whatever is in its name and error: a terminal shows no escape that would be taken for one."""
    error, said = REDRIVES[name]
    group = {"name": name, "error": error, "events": 2, "state": "dead", "id": ID}

    assert redrive(group) == f"ampt retry --state dead {said} --dry-run"
    assert safe(said) == said
    assert max(map(cells, plain(groups([group], 50)))) <= 50


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-3000, "0 ms"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (9_940, "9.9 s"),
        (9_960, "10 s"),
        (59_000, "59 s"),
        (60_000, "1 min"),
        (3_600_000, "1 h"),
        (36_360_000, "10 h"),
        (86_400_000, "1 day"),
        (10 * 86_400_000, "10 days"),
        (129_600_000, "1.5 days"),
    ],
)
def test_a_length_of_time_has_one_unit_and_two_digits(ms: int, said: str) -> None:
    """And is none where the clock was set back meanwhile."""
    assert length(ms) == said


def test_words_for_people() -> None:
    """One and many, before and after, and what is an id that ampt made."""
    assert [plural(count, "event") for count in (0, 1, 1200)] == [
        "0 events",
        "1 event",
        "1,200 events",
    ]
    assert [ago(instant, 5000) for instant in (4000, 5000, 6000)] == [
        "1 s ago",
        "0 ms ago",
        "in 1 s",
    ]
    assert [short(id_) for id_ in (ID, ID[:-1] + "x", "abc")] == [ID[:10], ID[:-1] + "x", "abc"]
    assert [cut(text, 4) for text in ("mail", "mails", "mai ls", "\x1b[2J")] == [
        *("mail", "mai…", "mai…", "\\u0…"),
    ]


def test_what_is_cut_ends_with_its_mark_and_no_gap() -> None:
    """Also where there is no room at all."""
    assert [cut("ab cd", wide) for wide in (5, 4, 3, 1, 0)] == ["ab cd", "ab…", "ab…", "…", "…"]
    assert cut("登録する", 4) == "登…"
