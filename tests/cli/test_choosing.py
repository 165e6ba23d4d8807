"""What is said of the deeds of one command, whatever becomes of each."""

from collections.abc import Callable
from errno import EIO

import pytest
import typer

from ampt_cli import layout
from ampt_cli.commands.choosing import Deeds, telling
from ampt_cli.errors import AmptError, Damaged, SpoolError, TooNew
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.spool import RecordLost

ENTRIES = [layout.new(layout.PENDING, 1_800_000_000_000, id_, "n") for id_ in "abc"]


def target(entry: Entry) -> Entry:
    """Where a deed moves an entry to."""
    return layout.finished(entry, layout.DONE, 1_800_000_000_000)


@pytest.fixture
def deeds(disk: Disk) -> Deeds:
    """Those of `ampt cancel`."""
    return Deeds(disk, "cancelled", dry_run=False, as_json=False)


def but(**errors: BaseException | None) -> Callable[[Entry], Entry | None]:
    """A deed that goes well, but for these ids: None is one that was not there any more."""

    def act(entry: Entry) -> Entry | None:
        error = errors.get(entry.id, False)
        if isinstance(error, BaseException):
            raise error
        return None if error is None else target(entry)

    return act


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), AmptError("the disk refused")], ids=["ctrl c", "error"]
)
def test_what_was_done_before_the_end_is_said_and_what_was_not_noted(
    error: BaseException, deeds: Deeds, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever ends a command wants to know how far it came."""
    lost = RecordLost(target(ENTRIES[0]), OSError(EIO, "Input/output error"))
    with pytest.raises(type(error)):
        deeds.each(ENTRIES, target, but(a=lost, b=error))
    said = capfd.readouterr()

    assert said.out == "1 cancelled (1 n)\n"
    assert f"could not be noted in {target(ENTRIES[0]).path}: Input/output error\n" in said.err


def test_how_many_could_not_be_noted_is_said_once(
    deeds: Deeds, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first is named."""
    error = OSError(EIO, "Input/output error")
    lost = {entry.id: RecordLost(target(entry), error) for entry in ENTRIES}
    deeds.each(ENTRIES, target, but(**lost))
    said = capfd.readouterr()

    assert said.out == "3 cancelled (3 n)\n"
    assert said.err.count("\n") == 1
    assert f"{target(ENTRIES[0]).path} and 2 more: " in said.err


def test_the_status_is_that_of_the_worst_that_was_left(
    deeds: Deeds, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each is said, and none of them kept another from being done."""
    deeds.each(ENTRIES, target, but(a=TooNew("a is too new"), b=Damaged("b is damaged")))
    with pytest.raises(typer.Exit) as ended:
        deeds.complain(by_id=True)
    said = capfd.readouterr()

    assert ended.value.exit_code == TooNew.exit_status
    assert said.out == "1 cancelled (1 n)\n"
    assert ("a is too new" in said.err, "b is damaged" in said.err) == (True, True)


def test_of_events_that_a_filter_chose_some_may_have_moved(deeds: Deeds) -> None:
    """Who asked for all that wait has got that; who named one has not."""
    deeds.each(ENTRIES, target, but(b=None))
    deeds.complain(by_id=False)

    with pytest.raises(AmptError, match="1 of the events moved meanwhile"):
        deeds.complain(by_id=True)


def test_a_deed_that_the_disk_refuses_says_where_to_look(disk: Disk) -> None:
    """Where the error has no advice of its own."""
    act = telling(disk, "cancel", but(a=OSError(EIO, "Input/output error")))
    with pytest.raises(
        SpoolError, match=r"cannot cancel the event a in .*: Input/output error"
    ) as refused:
        act(ENTRIES[0])

    assert refused.value.hint == "look where it is: ampt inspect a"
