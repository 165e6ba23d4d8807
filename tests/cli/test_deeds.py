"""What operators do to events: retry, redrive, edit, cancel, move, prune."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ampt_cli import clock, instants, layout, publication, spool
from ampt_cli.commands import editing, tree
from ampt_cli.errors import AmptError
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from tests.conftest import SCRIPT, RunAmpt

HANDLERS = """
from ampt_cli import GiveUp, events

@events.on("bad")
def bad(event):
    raise GiveUp("no")

@events.on("picky")
def picky(event):
    if event.body["n"] != 2:
        raise GiveUp(f"n is {event.body['n']}")
"""


@pytest.fixture
def handlers(tmp_path: Path) -> Path:
    """A module whose events die."""
    path = tmp_path / "handlers.py"
    path.write_text(HANDLERS, encoding="utf-8")
    path.chmod(0o600)
    return path


def seen(run_ampt: RunAmpt, id_: str) -> dict[str, object]:
    """What inspect says of an event."""
    found: dict[str, object] = json.loads(run_ampt("inspect", id_, "--json").out)
    return found


def test_a_dry_run_says_what_would_move_and_moves_nothing(
    run_ampt: RunAmpt, handlers: Path
) -> None:
    """The plan has the fields of the deed."""
    id_ = run_ampt("publish", "bad").out.strip()
    run_ampt("run", "-m", handlers)
    said = run_ampt("retry", "--name", "b*", "--dry-run").out
    [line] = run_ampt("retry", "--name", "b*", "--dry-run", "--json").out.splitlines()
    plan = json.loads(line)

    assert said == f"{id_}  dead to pending  bad\n1 would be tried now (1 bad)\n"
    assert plan | {"due": 0} == {"v": 1, "id": id_, "name": "bad"} | {
        "from": "dead", "to": "pending", "due": 0, "moved": False
    }  # fmt: skip
    assert seen(run_ampt, id_)["state"] == "dead"


def test_an_id_that_looks_like_a_number_is_one_of_every_command(run_ampt: RunAmpt) -> None:
    """As a body like -5 is one; an option that lacks its value is still told as that."""
    run_ampt("publish", "n", "--id", "-5a", "--after", "1 day")
    moved = run_ampt("move", "-5a", "--after", "2 days")
    listed = run_ampt("cancel", "-5a", "--dry-run").out
    lacking = run_ampt("move", "-5a", "--after")

    assert moved.out.startswith("-5a is due at ")
    assert listed.startswith("-5a  pending to done  n\n")
    assert (lacking.status, "No such option" in lacking.err) == (2, False)
    assert "requires an argument" in lacking.err


def test_what_is_suggested_for_an_id_like_an_option_works_as_it_stands(
    run_ampt: RunAmpt, handlers: Path
) -> None:
    """Ids may begin so; the commands that are shown have it behind a --."""
    run_ampt("publish", "bad", "--id", "-f")
    logged = run_ampt("run", "-m", handlers).err
    refused = run_ampt("cancel", "--", "-f").err
    conflict = run_ampt("publish", "other", "--id", "-f").err
    sentence = run_ampt("inspect", "--", "-f").out.splitlines()[0]
    redriven = run_ampt(*sentence.partition("To try again: ampt ")[2].split())

    assert [told.rpartition(": ")[2] for told in (logged, refused, conflict)] == [
        "ampt inspect -- -f\n"
    ] * 3
    assert redriven.out == "1 tried now (1 bad)\n"


@pytest.mark.parametrize("deed", [["retry"], ["move", "--after", "1 second"]])
def test_a_deed_that_makes_something_due_wakes_whoever_waits(
    deed: list[str], run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """As a publish does."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    waiting = os.open(spool_dir / "wake", os.O_RDWR | os.O_NONBLOCK)
    try:
        done = run_ampt(*deed, id_)
        woken = os.read(waiting, 99)
    finally:
        os.close(waiting)

    assert (done.status, woken) == (0, b"\n")


def test_the_deeds_say_what_moved(run_ampt: RunAmpt, handlers: Path) -> None:
    """In numbers, by name."""
    for name in ("bad", "bad", "later"):
        run_ampt("publish", name, *(["--after", "1 day"] if name == "later" else []))
    run_ampt("run", "-m", handlers)

    assert run_ampt("retry", "--state", "dead").out == "2 tried now (2 bad)\n"
    assert run_ampt("cancel", "--name", "*").out == "3 cancelled (2 bad, 1 later)\n"
    assert run_ampt("cancel", "--name", "*").out == "0 cancelled\n"


def test_of_many_names_the_most_frequent_are_said(run_ampt: RunAmpt) -> None:
    """Five of them, and that there are more."""
    names = "abcdeffgg"
    lines = "".join(f'{{"name":"{name}","after":"1 day"}}\n' for name in names)
    run_ampt("publish", "--batch", "-", stdin=lines)
    seven = run_ampt("cancel", "--name", "*", "--dry-run").out.splitlines()[-1]
    five = run_ampt("cancel", "--name", "[abcdf]").out

    assert re.fullmatch(r"9 would be cancelled \(2 [fg], 2 [fg](, 1 [a-e]){3}, …\)", seven)
    assert re.fullmatch(r"6 cancelled \(2 f(, 1 [a-d]){4}\)\n", five)


def test_an_id_that_is_given_twice_is_one_event(run_ampt: RunAmpt) -> None:
    """Also as a beginning; the second does not find that the event has moved."""
    run_ampt("publish", "n", "--id", "twice", "--after", "1 day")

    assert run_ampt("cancel", "twice", "tw") == (0, "1 cancelled (1 n)\n", "")


def test_an_error_alone_chooses(run_ampt: RunAmpt, handlers: Path) -> None:
    """Of what is dead, and of one name; in any case of letters, and no other event."""
    for n in (1, 3):
        run_ampt("publish", "picky", f'{{"n": {n}}}', "--id", f"n-{n}")
    run_ampt("publish", "picky", "--id", "waits", "--after", "1 day")
    run_ampt("run", "-m", handlers)

    assert run_ampt("retry", "--error", "giveup: N is 3").out == "1 tried now (1 picky)\n"
    assert [seen(run_ampt, one)["state"] for one in ("n-1", "n-3")] == ["dead", "pending"]
    assert run_ampt("retry", "--error", "n is 4").out == "0 tried now\n"
    assert run_ampt("cancel", "--error", "n is").out == "1 cancelled (1 picky)\n"
    assert seen(run_ampt, "waits")["state"] == "pending"


def test_a_retry_by_name_is_of_what_failed_unless_a_state_is_given(
    run_ampt: RunAmpt, write_handlers
) -> None:
    """What has only to wait is not made due by the way."""
    body = "from ampt_cli import GiveUp\n@events.on('n')\ndef n(event):\n"
    module = write_handlers(body + "    raise GiveUp('no') if event.body else ValueError('no')\n")
    run_ampt("publish", "n", "1", "--id", "died")
    run_ampt("publish", "n", "--id", "failed")
    run_ampt("run", "-m", module)
    run_ampt("publish", "n", "--id", "waits", "--after", "1 day")

    def tried(*args: str) -> set[str]:
        planned = run_ampt("retry", *args, "--dry-run", "--json").out.splitlines()
        return {json.loads(line)["id"] for line in planned}

    assert tried("--name", "n") == {"died", "failed"}
    assert tried("--name", "n", "--state", "dead") == tried("--state", "dead") == {"died"}
    assert tried("--error", "no", "--state", "retry") == {"failed"}
    assert tried("--name", "n", "--state", "pending") == tried("--state", "pending") == {"waits"}


def test_what_is_tried_again_stays_in_its_state_with_a_note_of_the_deed(
    run_ampt: RunAmpt, write_handlers
) -> None:
    """Its retry window goes on."""
    id_ = run_ampt("publish", "n").out.strip()
    run_ampt("run", "-m", write_handlers("@events.on('n')\ndef n(event):\n    1 / 0\n"))
    moved = json.loads(run_ampt("move", id_, "--after", "1 hour", "--json").out)
    planned = json.loads(run_ampt("retry", id_, "--dry-run", "--json").out)
    tried = json.loads(run_ampt("retry", id_, "--json").out)
    deeds = [made.get("action") for made in seen(run_ampt, id_)["records"]]  # type: ignore[attr-defined]

    assert (moved["state"], planned["to"], tried["to"], tried["moved"]) == (*["retry"] * 3, True)
    assert seen(run_ampt, id_)["state"] == "retry"
    assert deeds == [None, "moved", "retried"]


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (
            ["move", "one", "--after", "2 days"],
            "the event one went elsewhere meanwhile, so it was not moved; look where it is: ",
        ),
        (
            ["cancel", "one"],
            "1 of the events moved meanwhile, and were left alone; look where it is: ",
        ),
        (
            ["retry", "one"],
            "1 of the events moved meanwhile, and were left alone; look where it is: ",
        ),
    ],
    ids=lambda value: value[0],
)
def test_a_deed_that_came_too_late_says_so(
    deed: list[str],
    said: str,
    run_ampt: RunAmpt,
    spool_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whoever was faster has the event."""
    run_ampt("publish", "n", "--id", "one", "--after", "1 day")
    for act in ("cancel", "reschedule"):
        monkeypatch.setattr(spool, act, lambda *_: None)
    status = tree.main([*deed, "--spool", str(spool_dir)])

    assert status == 1
    assert capfd.readouterr().err.startswith(f"ampt: {said}")


def test_of_several_deeds_the_one_that_came_too_late_is_named(
    run_ampt: RunAmpt,
    spool_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The others are done; of it alone there is something to look for."""
    for id_ in ("first", "late", "last"):
        run_ampt("publish", "n", "--id", id_, "--after", "1 day")
    cancel = spool.cancel

    def too_late(disk: Disk, entry: Entry, now: int) -> Entry | None:
        return None if entry.id == "late" else cancel(disk, entry, now)

    monkeypatch.setattr(spool, "cancel", too_late)
    status = tree.main(["cancel", "first", "late", "last", "--spool", str(spool_dir)])
    said = capfd.readouterr()

    assert (status, said.out) == (1, "2 cancelled (2 n)\n")
    assert said.err.startswith("ampt: 1 of the events moved meanwhile, and were left alone; ")
    assert said.err.endswith("ampt inspect late\n")


def test_of_several_ids_one_that_cannot_stops_all(run_ampt: RunAmpt, handlers: Path) -> None:
    """Nothing is moved before all are known."""
    run_ampt("publish", "bad", "--id", "dead-one")
    run_ampt("run", "-m", handlers)
    run_ampt("publish", "n", "--after", "1 day", "--id", "waits")
    done = run_ampt("cancel", "waits", "dead-one")

    assert done.status == 1
    assert "dead-one is dead, not pending or retry" in done.err
    assert seen(run_ampt, "waits")["state"] == "pending"


@pytest.mark.parametrize("state", ["done", "dead"])
def test_what_is_finished_is_not_moved(run_ampt: RunAmpt, handlers: Path, state: str) -> None:
    """It does not wait for a time; a retry is for what is dead."""
    run_ampt("publish", "bad" if state == "dead" else "n", "--id", "one")
    run_ampt("run", "-m", handlers)
    moved = run_ampt("move", "one", "--after", "1 day")

    assert (moved.status, moved.out) == (1, "")
    assert moved.err.startswith(f"ampt: the event one is {state}, not pending or retry; ")
    assert seen(run_ampt, "one")["state"] == state


def test_an_edited_event_is_published_anew_and_its_history_kept(
    run_ampt: RunAmpt, handlers: Path, spool_dir: Path, tmp_path: Path
) -> None:
    """The old one ends in done, and each says which the other is; no copy of the body is left."""
    old = run_ampt("publish", "picky", '{"n": 1}').out.strip()
    [entry] = spool_dir.glob("pending/*/*/*.json")
    entry.write_text(entry.read_text("utf-8").replace('{"', '{"from":"elsewhere","', 1), "utf-8")
    run_ampt("run", "-m", handlers)
    editor = {"EDITOR": "sed -i s/1/2/", "TMPDIR": str(tmp_path / "private")}
    (tmp_path / "private").mkdir()
    edited = run_ampt("retry", old, "--edit", "--json", env=editor)
    new = json.loads(edited.out)["id"]
    run_ampt("run", "-m", handlers)
    before, after = seen(run_ampt, old), seen(run_ampt, new)

    assert (before["state"], after["state"]) == ("done", "done")
    assert after["body"] == {"n": 2}
    assert [made.get("outcome") for made in before["records"]] == ["failed", "cancelled"]  # type: ignore[attr-defined]
    assert before["records"][-1]["by"] == new  # type: ignore[index]
    assert str(after["explanation"]).endswith(f" It replaces {old}.")
    assert '"from":"elsewhere"' in (spool_dir / str(after["path"])).read_text("utf-8")
    assert list((tmp_path / "private").iterdir()) == []
    assert run_ampt("check").status == 0


@pytest.mark.parametrize(
    ("editor", "status", "said"),
    [
        ("true", 0, "was not changed"),
        ("false", 1, "ended with status 1"),
        ("sh -c 'sed -i s/1/2/ $0; kill $$'", 1, "ended with status -15"),
        ("no-such-editor", 1, "cannot start the editor 'no-such-editor'"),
        ("rm", 74, "cannot read what the editor left, so nothing was done: No such file"),
        ("'", 1, 'cannot start the editor "\'": No closing quotation; set EDITOR'),
        ("sed -i s/1/{/", 2, "what was edited is no JSON"),
        (r"sed -i s/1/\\xff/", 2, "what was edited is no JSON"),
    ],
)
def test_an_edit_that_comes_to_nothing_changes_nothing(
    run_ampt: RunAmpt, editor: str, status: int, said: str, tmp_path: Path
) -> None:
    """And loses no text: a file of it is left only where that is said."""
    id_ = run_ampt("publish", "picky", '{"n": 1}', "--after", "1 day").out.strip()
    done = run_ampt("retry", id_, "--edit", env={"EDITOR": editor, "TMPDIR": str(tmp_path)})

    assert done.status == status
    assert said in done.out + done.err
    assert seen(run_ampt, id_)["state"] == "pending"
    told = [word for word in done.err.split() if word.endswith(".json")]
    assert [str(path) for path in tmp_path.glob("ampt-*")] == told


@pytest.mark.parametrize(
    ("made", "what_to_do"),
    [
        ("""printf '"%0300000d"' 0""", "publish a reference to the data instead of the data; "),
        (f"echo '{'[' * 128}{']' * 128}'", ""),
    ],
    ids=["size", "depth"],
)
def test_a_text_that_cannot_be_published_is_kept_and_said_where(
    made: str, what_to_do: str, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """Beside what there is to do about it."""
    id_ = run_ampt("publish", "n", "1", "--after", "1 day").out.strip()
    program = tmp_path / "editor"
    program.write_text(f'#!/bin/sh\n{made} >"$1"\n', encoding="utf-8")
    program.chmod(0o700)
    env = {"EDITOR": str(program), "TMPDIR": str(tmp_path)}
    edited = run_ampt("retry", id_, "--edit", env=env)
    [kept] = tmp_path.glob("ampt-*.json")

    assert (edited.status, edited.out) == (2, "")
    assert edited.err.endswith(f"; {what_to_do}your text is kept in {kept}\n")
    assert edited.err.count(";") == 1 + bool(what_to_do)
    assert seen(run_ampt, id_)["state"] == "pending"


def test_an_event_that_moved_before_its_edit_is_not_edited(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No editor is begun."""
    entry = layout.published(publication.publish(disk, publication.draft("n", 1, "1 day", 9)))
    assert spool.cancel(disk, entry, 10) is not None
    monkeypatch.setenv("EDITOR", "no-such-editor")

    with pytest.raises(AmptError, match=f"{entry.id} cannot be edited: it moved meanwhile"):
        editing.replace(disk, entry, as_json=False)


def test_an_event_that_moves_while_it_is_edited_is_said_to_have(
    run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """The new one is published all the same, and which it is."""
    id_ = run_ampt("publish", "n", "1", "--after", "1 day").out.strip()
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\n{SCRIPT} cancel {id_}\nsed -i s/1/2/ "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    edited = run_ampt("retry", id_, "--edit", "--json", env={"EDITOR": str(editor)})
    made = json.loads(edited.out.splitlines()[-1])

    assert (edited.status, made["replaces"], made["moved"]) == (1, id_, False)
    assert f"{id_} moved meanwhile, so its old body may run too; look where it is: " in edited.err
    assert seen(run_ampt, made["id"])["body"] == 2


def test_a_ctrl_c_is_for_the_editor(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """In which it stops a command, say, and need not be the end: the edit goes on."""
    id_ = run_ampt("publish", "n", "1", "--after", "1 day").out.strip()
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nkill -INT $PPID\nsed -i s/1/2/ "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    edited = run_ampt("retry", id_, "--edit", env={"EDITOR": str(editor)})

    assert (edited.status, edited.err) == (0, "")
    assert edited.out.startswith("published anew as ")


def test_a_ctrl_c_after_the_editor_is_for_ampt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs can be left."""
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setenv("EDITOR", "true")
    editing._edit(str(tmp_path))

    assert signal.getsignal(signal.SIGINT) is before


def test_an_editor_gets_the_body_as_people_read_it(
    run_ampt: RunAmpt, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Line by line, in letters, in vi where no editor is named."""
    run_ampt("publish", "n", '{"to":"Zoë"}', "--id", "one", "--after", "1 day")
    vi = tmp_path / "vi"
    vi.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/shown\n', encoding="utf-8")
    vi.chmod(0o700)
    edited = run_ampt("retry", "one", "--edit", env={"PATH": f"{tmp_path}:{clean_env['PATH']}"})

    assert (edited.status, edited.err) == (0, "")
    assert (tmp_path / "shown").read_text(encoding="utf-8") == '{\n  "to": "Zoë"\n}\n'


@pytest.mark.parametrize(("visual", "edited"), [(" ", 2), ("", 2), ("sed -i s/1/3/", 3)])
def test_an_editor_of_blanks_is_none(run_ampt: RunAmpt, visual: str, edited: int) -> None:
    """EDITOR is taken where VISUAL is empty but for them."""
    id_ = run_ampt("publish", "n", "1", "--after", "1 day").out.strip()
    editors = {"VISUAL": visual, "EDITOR": "sed -i s/1/2/"}
    made = json.loads(run_ampt("retry", id_, "--edit", "--json", env=editors).out)

    assert seen(run_ampt, made["id"])["body"] == edited


def test_an_edit_that_changes_nothing_has_no_line_of_json(
    run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """That nothing was done is a message; no copy of the body is left."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    editor = {"EDITOR": "true", "TMPDIR": str(tmp_path / "private")}
    (tmp_path / "private").mkdir()
    edited = run_ampt("retry", id_, "--edit", "--json", env=editor)

    assert list((tmp_path / "private").iterdir()) == []
    assert (edited.status, edited.out) == (0, "")
    assert edited.err == f"ampt: the body of {id_} was not changed, so nothing was done\n"


def test_an_edit_of_an_edited_event_replaces_that_one(run_ampt: RunAmpt) -> None:
    """Which the new one says, and not which that had replaced."""
    first = run_ampt("publish", "n", "1", "--after", "1 day").out.strip()
    edit = ("--edit", "--json")
    second = json.loads(run_ampt("retry", first, *edit, env={"EDITOR": "sed -i s/1/2/"}).out)["id"]
    third = json.loads(run_ampt("retry", second, *edit, env={"EDITOR": "sed -i s/2/3/"}).out)["id"]

    assert str(seen(run_ampt, second)["explanation"]).endswith(f" It replaces {first}.")
    assert str(seen(run_ampt, third)["explanation"]).endswith(f" It replaces {second}.")


def test_an_edit_from_true_to_1_is_a_change(run_ampt: RunAmpt) -> None:
    """They are not the same JSON, whatever Python calls equal."""
    id_ = run_ampt("publish", "n", "true", "--after", "1 day").out.strip()
    edited = run_ampt("retry", id_, "--edit", "--json", env={"EDITOR": "sed -i s/true/1/"})

    assert repr(seen(run_ampt, json.loads(edited.out)["id"])["body"]) == "1"


def test_what_was_mended_in_quarantine_is_tried(run_ampt: RunAmpt, spool_dir: Path) -> None:
    """By its id, or with all that is there."""
    id_ = run_ampt("publish", "n").out.strip()
    [entry] = spool_dir.glob("pending/*/*/*.json")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:20])
    run_ampt("check", "--repair")
    [held] = spool_dir.glob("quarantine/*/*.json")
    torn = run_ampt("retry", id_[:12])
    held.write_bytes(whole)
    mended = run_ampt("retry", "--state", "quarantine")

    assert (torn.status, torn.out) == (1, "")
    assert "is still damaged: incomplete" in torn.err
    assert mended.out == "1 tried now (1 n)\n"
    assert seen(run_ampt, id_)["state"] == "pending"


def test_what_is_damaged_still_stops_nothing_that_was_mended(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """Whichever comes first; it is named, and the exit status is 1."""
    for id_ in ("one", "two", "three"):
        run_ampt("publish", "n", "--id", id_, "--after", "1 day")
    whole = {path.name: path.read_bytes() for path in spool_dir.glob("pending/*/*/*.json")}
    for path in spool_dir.glob("pending/*/*/*.json"):
        path.write_bytes(b"{")
    run_ampt("check", "--repair")
    first, *others = sorted(spool_dir.glob("quarantine/*/*.json"))
    for path in others:
        path.write_bytes(whole[path.name])
    waiting = os.open(spool_dir / "wake", os.O_RDWR | os.O_NONBLOCK)
    mended = run_ampt("retry", "--state", "quarantine")
    woken = os.read(waiting, 99)
    os.close(waiting)
    again = run_ampt("retry", "--state", "quarantine", "--json")

    assert (mended.status, mended.out, woken) == (1, "2 tried now (2 n)\n", b"\n")
    assert f"{first.relative_to(spool_dir)} is still damaged: incomplete" in mended.err
    assert (again.status, json.loads(again.out)["moved"], again.err) == (1, False, mended.err)


def test_a_name_of_which_nothing_was_done_is_not_counted(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """Of two files one is mended. A dry run says the same."""
    for name in ("good", "torn"):
        run_ampt("publish", name, "--after", "1 day")
    whole = {path.name: path.read_bytes() for path in spool_dir.glob("pending/*/*/*.json")}
    for path in spool_dir.glob("pending/*/*/*.json"):
        path.write_bytes(b"{")
    run_ampt("check", "--repair")
    [held] = spool_dir.glob("quarantine/*/*.good.json")
    held.write_bytes(whole[held.name])
    rehearsed = run_ampt("retry", "--state", "quarantine", "--dry-run")
    mended = run_ampt("retry", "--state", "quarantine")

    assert (mended.status, mended.out) == (1, "1 tried now (1 good)\n")
    assert rehearsed.out.endswith("1 would be tried now (1 good)\n")
    assert (rehearsed.status, rehearsed.err) == (1, mended.err)


def test_an_event_in_quarantine_is_not_said_to_be_nowhere(
    run_ampt: RunAmpt, spool_dir: Path, write_handlers
) -> None:
    """What cannot be done to it is refused with where it is: 1."""
    run_ampt("publish", "n", "--id", "bad1", "--after", "1 day")
    [entry] = spool_dir.glob("pending/*/*/*.json")
    entry.write_bytes(b"{")
    run_ampt("check", "--repair")
    module = write_handlers("events.on('n', print)\n")
    ran = [
        run_ampt("cancel", "bad1"),
        run_ampt("move", "bad1", "--after", "1h"),
        run_ampt("call", "--id", "bad1", "-m", module),
    ]

    edited = run_ampt("retry", "bad1", "--edit", env={"EDITOR": "no-such-editor"})
    [held] = spool_dir.glob("quarantine/*/*.json")

    assert (edited.status, edited.out) == (1, "")
    assert edited.err == (
        f"ampt: the event bad1 is in quarantine; mend the file: {held.relative_to(spool_dir)}\n"
    )
    assert [(one.status, one.out) for one in ran] == [(1, "")] * 3
    for one in ran:
        assert one.err.startswith("ampt: the event bad1 is in quarantine, not pending")
        assert one.err.endswith("; look at it: ampt inspect bad1\n")


@pytest.mark.parametrize(
    "which", [["--name", "n", "--state", "pending"], ["one", "other"]], ids=" ".join
)
def test_only_one_event_can_be_edited_and_by_its_id(run_ampt: RunAmpt, which: list[str]) -> None:
    """Not what a filter happens to find, be it one alone."""
    run_ampt("publish", "n", "--id", "one")
    run_ampt("publish", "other", "--id", "other")
    ran = run_ampt("retry", *which, "--edit")

    assert ran == (2, "", "ampt: --edit is for one event, by its id; ampt retry ID --edit\n")


def test_nothing_is_edited_in_a_dry_run(run_ampt: RunAmpt) -> None:
    """It would be published anew: 2, and what does not go with what."""
    id_ = run_ampt("publish", "n").out.strip()
    ran = run_ampt("retry", id_, "--edit", "--dry-run")

    assert ran == (2, "", "ampt: --edit does not go with --dry-run\n")


def test_move_and_prune_speak_json(run_ampt: RunAmpt) -> None:
    """With stable fields."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    moved = json.loads(run_ampt("move", id_, "--after", "2 days", "--json").out)
    pruned = json.loads(run_ampt("prune", "--json").out)

    assert sorted(moved) == ["due", "id", "name", "state", "v"]
    assert pruned == {"v": 1, "deleted": 0}


@pytest.mark.parametrize("id_", [b"\xff", "a b", "é", "../x", "a" * 300])
@pytest.mark.parametrize("deed", [["inspect"], ["retry"], ["cancel"], ["move", "--after", "1h"]])
def test_what_can_be_no_id_is_no_events_id(run_ampt: RunAmpt, deed: list[str], id_) -> None:
    """Bytes that are no UTF-8, too: one line."""
    run_ampt("publish", "n", "--after", "1 day")
    ran = run_ampt(deed[0], id_, *deed[1:])

    assert (ran.status, ran.out) == (3, "")
    assert ran.err.startswith("ampt: there is no event with the id ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("deed", [["retry"], ["cancel"], ["move", "--after", "1h"]])
def test_an_empty_id_is_no_beginning_of_an_id(run_ampt: RunAmpt, deed: list[str]) -> None:
    """A script whose variable is empty does nothing to the only event there is."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    ran = run_ampt(deed[0], "", *deed[1:])

    assert (ran.status, "the id is empty" in ran.err) == (2, True), ran
    assert json.loads(run_ampt("inspect", id_, "--json").out)["records"] == []


@pytest.mark.parametrize(
    "argv",
    [
        *(
            ["cancel", "--state", "retry", "--state", "pending", "--error", ""],
            ["cancel", "--error="],
        ),
        *(["cancel", "--name", "n", "--name", ""], ["retry", "--state", "pending", "--error", ""]),
        *(["retry", "-n", ""], ["cancel", "--state", ""], ["move", "ID", "--after", ""]),
        *(
            ["call", "n", "-m", ""],
            ["call", "--id", ""],
            ["handlers", "-m", ""],
            ["unit", "-m", ""],
        ),
        *(["metrics", "-o", ""], ["unit", "--output", ""], ["init", "--group", ""]),
        *(["prune", "--spool", ""], ["check", "-s", ""]),
        *(["inspect", "--error", ""], ["inspect", "--name="], ["inspect", "--since", ""]),
        *(
            ["inspect", "--group-by", ""],
            ["run", "--name", ""],
            ["run", "-m", ""],
            ["run", "-j", ""],
        ),
    ],
    ids=" ".join,
)
def test_an_empty_value_is_an_unset_variable(run_ampt: RunAmpt, argv: list[str]) -> None:
    """It does not mean all events, or another place: exit 2, and nothing is changed."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    before = seen(run_ampt, id_)
    ran = run_ampt(*argv)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("ampt: -")
    assert ran.err.endswith(" is empty; is a variable not set?\n")
    assert seen(run_ampt, id_) == before


@pytest.mark.parametrize("deed", ["cancel", "retry"])
@pytest.mark.parametrize("option", ["--state", "--name", "--error"])
def test_an_id_and_a_filter_are_not_both_meant(run_ampt: RunAmpt, deed: str, option: str) -> None:
    """Nothing is moved, although the event is there."""
    run_ampt("publish", "pending", "--id", "one", "--after", "1 day")
    ran = run_ampt(deed, "one", option, "pending")

    assert ran == (2, "", "ampt: give ids or a filter, not both\n")
    assert seen(run_ampt, "one")["records"] == []


@pytest.mark.parametrize("deed", ["cancel", "retry", "inspect"])
def test_of_two_errors_none_holds(run_ampt: RunAmpt, deed: str) -> None:
    """It was the last one, unnoticed, where of two names either does."""
    run_ampt("publish", "n")
    ran = run_ampt(deed, "--error", "a", "--error=b")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("ampt: --error can be given once; ")


def test_a_text_and_a_field_may_be_empty(run_ampt: RunAmpt, write_handlers) -> None:
    """They are data, and no options of ours."""
    path = write_handlers("events.on('n', lambda event: print(repr(event.body)))\n")

    assert run_ampt("call", "n", "-m", path, "-f", "key=").out.startswith("{'key': ''}\n")
    assert run_ampt("call", "n", "", "--text", "-m", path).out.startswith("''\n")
    assert run_ampt("publish", "n", "", "--text").status == 0


@pytest.mark.parametrize("deed", [["cancel"], ["retry"], ["move", "--after", "1h"]])
def test_a_deed_that_the_disk_refuses_says_which(
    run_ampt: RunAmpt, spool_dir: Path, deed: list[str]
) -> None:
    """And on what, in which spool, on one line; no success is counted, and the event stays."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    [entry] = spool_dir.glob("pending/*/*/*.json")
    entry.parent.chmod(0o500)
    ran = run_ampt(deed[0], id_, *deed[1:], powerless=True)
    entry.parent.chmod(0o700)

    assert (ran.status, ran.out, ran.err.count("\n")) == (77, "", 1), ran
    assert ran.err.startswith(f"ampt: cannot {deed[0]} the event {id_} in the spool {spool_dir}: ")
    assert entry.name in ran.err
    assert entry.exists()


def test_what_was_done_until_the_disk_refused_is_counted(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """Beside the error, or it would seem that nothing was."""
    for days in (1, 2):
        run_ampt("publish", "n", "--id", f"in-{days}", "--after", f"{days} days")
    [first], [second] = (spool_dir.glob(f"pending/*/*/*.in-{days}.*") for days in (1, 2))
    second.parent.chmod(0o500)
    ran = run_ampt("cancel", "in-1", "in-2", powerless=True)
    second.parent.chmod(0o700)

    assert (ran.status, ran.out) == (77, "1 cancelled (1 n)\n")
    assert ran.err.startswith("ampt: cannot cancel the event in-2 in the spool ")
    assert (first.exists(), second.exists()) == (False, True)


def test_a_move_to_seconds_since_1970_is_warned_of(run_ampt: RunAmpt) -> None:
    """As in publish: they are a delay in ms."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    moved = run_ampt("move", id_, "--after", "1800000000")

    assert moved.status == 0
    assert moved.err == (
        "ampt: --after 1800000000 was read as a delay in ms; "
        "for seconds since 1970 write @1800000000\n"
    )


def test_one_event_is_no_events(run_ampt: RunAmpt, spool_dir: Path) -> None:
    """Of a prune, before and after."""
    run_ampt("publish", "n", "--id", "n", "--after", "1 day")
    run_ampt("cancel", "n")
    [day] = (spool_dir / "done").iterdir()
    day.rename(day.with_name("2020-01-01"))

    assert run_ampt("prune", "--dry-run").out == "done/2020-01-01: 1 event\n"
    assert run_ampt("prune").out == "1 event deleted\n"
    assert run_ampt("prune").out == "0 events deleted\n"


def test_a_day_that_cannot_be_read_keeps_no_other_from_a_prune(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """What was done is said, and then what could not be."""
    run_ampt("publish", "n", "--id", "n", "--after", "1 day")
    run_ampt("cancel", "n")
    [day] = (spool_dir / "done").iterdir()
    day.rename(day.with_name("2020-01-02"))
    day.with_name("2020-01-01").mkdir(mode=0o000)
    dry, real = (run_ampt("prune", *how, powerless=True) for how in (["--dry-run"], []))

    assert (dry.status, dry.out) == (77, "done/2020-01-02: 1 event\n")
    assert (real.status, real.out) == (77, "1 event deleted\n")
    assert "done/2020-01-01" in dry.err
    assert "done/2020-01-01" in real.err


@pytest.mark.parametrize("command", ["prune", "run -m handlers.py"])
@pytest.mark.parametrize("state", ["done", "dead"])
def test_what_is_finished_is_kept_as_long_as_is_configured(
    state: str, command: str, run_ampt: RunAmpt, handlers: Path, spool_dir: Path
) -> None:
    """Each state for its own time, not at all where that is 0; a run with nothing to do asks too."""
    config = handlers.with_name("ampt.toml")
    config.write_text(f"retention_{state} = 0\n", encoding="utf-8")
    config.chmod(0o600)
    run_ampt("publish", "n")
    run_ampt("publish", "bad")
    run_ampt("run", "-m", handlers)
    [done], [dead] = ((spool_dir / kept).iterdir() for kept in ("done", "dead"))
    recent = instants.day(clock.now() - 3 * instants.DAY)
    for day in (done, dead):
        day.rename(day.with_name(recent))
    ran = run_ampt(*command.split(), cwd=handlers.parent)

    assert ran.status == 0, ran.err
    assert [day.parent.name for day in spool_dir.glob("d*/*")] == [
        "dead" if state == "done" else "done"
    ]


@pytest.mark.parametrize(
    ("argv", "read_as"),
    [
        (["inspect", "--since"], "ms since 1970"),
        (["inspect", "--json", "--until"], "ms since 1970"),
        (["run", "--dry-run", "--now"], "a delay in ms"),
    ],
)
def test_wherever_a_time_is_given_seconds_since_1970_are_warned_of(
    run_ampt: RunAmpt, handlers: Path, argv: list[str], read_as: str
) -> None:
    """`date +%s` would ask for all events, or for none."""
    run_ampt("publish", "n", "--after", "1 day")
    ran = run_ampt(*argv, "1800000000", env={"AMPT_HANDLERS": str(handlers)})
    right = run_ampt(*argv, "@1825000000", env={"AMPT_HANDLERS": str(handlers)})

    assert ran.status == 0
    assert ran.err.startswith(
        f"ampt: {argv[-1]} 1800000000 was read as {read_as}; for seconds since 1970 write @1800000000\n"
    )
    assert "was read" not in right.err


@pytest.mark.parametrize(
    "argv", [["move", "ID", "--after", "0"], ["run", "--dry-run", "--now", "2020-01-01"]]
)
def test_a_time_that_cannot_be_is_refused_without_talk_of_a_publish(
    run_ampt: RunAmpt, argv: list[str]
) -> None:
    """Nothing was to be published."""
    run_ampt("publish", "n")
    ran = run_ampt(*argv)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"ampt: cannot use {argv[-1]!r} as a time: it must ")


def test_a_read_only_spool_is_named_with_what_to_do(clean_env, spool_dir: Path, run_ampt) -> None:
    """The kernel's word alone would not tell which disk, nor what helps."""
    id_ = run_ampt("publish", "n", "--after", "1 day").out.strip()
    mounted = ["unshare", "-rm", "sh", "-c", 'mount --bind -o ro "$1" "$1" && shift && "$@"', "sh"]
    if not shutil.which("unshare") or subprocess.run([*mounted, spool_dir, "true"]).returncode:
        pytest.skip("there is no mounting here")
    done = subprocess.run(
        [*mounted, spool_dir, SCRIPT, "cancel", id_], env=clean_env, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (74, "")
    assert done.stderr.startswith(f"ampt: cannot cancel the event {id_} in the spool {spool_dir}: ")
    assert done.stderr.endswith("; its file system must be mounted for writing\n")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("deed", "state"), [("cancel", "pending"), ("retry", "pending"), ("retry", "dead")]
)
def test_what_only_a_newer_version_understands_is_left_where_it_is(
    deed: str, state: str, dry: list[str], run_ampt: RunAmpt, handlers: Path, spool_dir: Path
) -> None:
    """Not moved, nothing appended; it is told, and keeps no other from the deed (78)."""
    for id_ in ("newer", "known"):
        run_ampt("publish", "bad", "--id", id_, "--after", "1h")
    if state == "dead":
        run_ampt("retry", "newer", "known")
        run_ampt("run", "-m", handlers)
    [newer] = spool_dir.glob("[pd]*/**/*.newer.*.json")
    whole = newer.read_bytes().replace(b'{"ampt":1', b'{"ampt":2', 1)
    newer.write_bytes(whole)
    ran = run_ampt(deed, "--state", state, *dry)

    assert ran.status == 78, ran
    assert ran.err.startswith("ampt: the event newer is left where it is: its format is 2, and")
    assert ran.out.endswith("(1 bad)\n")
    assert newer.read_bytes() == whole


def test_a_move_of_what_only_a_newer_version_understands_is_refused(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """As that of anything that the program may not touch: with what to do."""
    run_ampt("publish", "n", "--id", "newer", "--after", "1h")
    [newer] = spool_dir.glob("pending/*/*/*.json")
    newer.write_bytes(newer.read_bytes().replace(b'{"ampt":1', b'{"ampt":2', 1))
    ran = run_ampt("move", "newer", "--after", "2h")

    assert (ran.status, ran.out, ran.err.endswith("; upgrade\n")) == (78, "", True)
    assert newer.exists()
