"""A disk that is really full, read-only, or limited: a clear error, and full recovery."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import tree
from tests.faults.program import Program, Result


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs of its own, unmounted afterwards."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("SKIPPED HARNESS: mounting a small disk needs root")
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", str(place)])
    if mounted.returncode != 0:
        pytest.skip("SKIPPED HARNESS: nothing can be mounted here")
    try:
        assert os.path.ismount(place)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Write until nothing more fits."""
    filler = place / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


def assert_clear(result: Result, *statuses: int) -> None:
    """A documented status, and a message without a traceback."""
    assert result.status in statuses, result
    assert "Traceback" not in result.err
    assert result.err.startswith("ampt: ")
    assert not result.out


def assert_recovered(program: Program, ids: list[str]) -> None:
    """One run later everything acknowledged is done, and nothing else is there."""
    last = program.run("run")

    assert last.status == 0, last
    assert {id_: ["done"] for id_ in ids} == tree.snapshot(program.spool).states()
    assert program.run("check").status == 0


@pytest.mark.row(33)
@pytest.mark.root
def test_publish_on_a_full_disk_says_75_and_leaves_nothing(folder):
    """And so it goes on once there is room; what was acknowledged before is handled."""
    with small_disk(folder, "size=1m,mode=700") as place:
        program = Program(folder / "work", place / "spool")
        ids = [program.publish("works") for _ in range(3)]
        filler = fill(place)

        assert_clear(program.run("publish", "works", '"' + "x" * 9000 + '"'), 75)
        assert tree.snapshot(program.spool).left_in("tmp") == []

        filler.unlink()
        ids.append(program.publish("works"))
        assert_recovered(program, ids)


@pytest.mark.rule(11)
@pytest.mark.root
def test_the_last_of_a_disk_is_left_to_runners(folder):
    """Where a publish would still fit it says 75; a run has room for its records."""
    with small_disk(folder, "size=2m,mode=700") as place:
        program = Program(folder / "work", place / "spool")
        ids = [program.publish("works") for _ in range(3)]
        filler = fill(place)
        os.truncate(filler, filler.stat().st_size - 300 * 1024)
        refused = program.run("publish", "works")

        assert_clear(refused, 75)
        assert "kept for running events" in refused.err
        assert_clear(program.run("publish", "works", "--id", "chosen"), 75)
        assert tree.snapshot(program.spool).left_in("tmp") == []
        assert_recovered(program, ids)


@pytest.mark.row(36)
@pytest.mark.root
def test_run_on_a_full_disk_loses_nothing_and_recovers(folder):
    """It may do the work or say that it cannot; afterwards every event is where it was or done."""
    with small_disk(folder, "size=1m,mode=700") as place:
        program = Program(folder / "work", place / "spool")
        ids = [program.publish("works") for _ in range(3)]
        ids += [program.publish("fails.once")]
        filler = fill(place)
        result = program.run("run")

        assert result.status in {0, 74, 75}, result
        assert list((program.spool / "tmp").iterdir()) == []
        assert "Traceback" not in result.err
        assert tree.misplaced(tree.snapshot(program.spool).files, dict.fromkeys(ids)) == []

        filler.unlink()
        assert program.run("run").status == 0  # what had not begun fails now, for the first time
        for entry in program.spool.glob("retry/*/*/*.json"):
            assert program.run("retry", entry.name.split(".")[1]).status == 0
        assert_recovered(program, ids)


@pytest.mark.row(35)
@pytest.mark.root
def test_publish_without_a_free_inode_says_75(folder):
    """Files are as scarce as bytes."""
    with small_disk(folder, "nr_inodes=60,mode=700") as place:
        program = Program(folder / "work", place / "spool")
        ids = [program.publish("works")]
        fillers = []
        try:
            for number in range(100):
                fillers.append(place / f"filler-{number}")
                fillers[-1].touch()
        except OSError:
            fillers.pop()

        assert_clear(program.run("publish", "works"), 75)

        for filler in fillers:
            filler.unlink()
        ids.append(program.publish("works"))
        assert_recovered(program, ids)


@pytest.mark.row(39)
@pytest.mark.root
def test_a_spool_that_turns_read_only_is_reported_and_recovers(folder):
    """Publish and run say 74; reading commands go on; afterwards all is done."""
    with small_disk(folder, "size=4m,mode=700") as place:
        program = Program(folder / "work", place / "spool")
        ids = [program.publish("works")]
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)

        assert_clear(program.run("publish", "works"), 74)
        assert_clear(program.run("run"), 74)
        assert program.run("inspect").status == 0

        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        assert_recovered(program, ids)


@pytest.mark.row(34)
def test_a_limit_on_the_size_of_files_never_tears_an_event(program):
    """The kernel writes a part and reports it as no error; publish says 75 and removes it."""
    if shutil.which("prlimit") is None:
        pytest.skip("SKIPPED HARNESS: prlimit is missing")
    ids = [program.publish("works")]
    command = list(program.command)
    program.command = ["prlimit", "--fsize=60", *command]

    assert_clear(program.run("publish", "works", '"' + "x" * 500 + '"'), 75)
    assert tree.snapshot(program.spool).left_in("tmp") == []

    program.command = command
    assert_recovered(program, ids)


@pytest.mark.row(36)
@pytest.mark.parametrize(
    ("deed", "said", "state"),
    [
        (["cancel"], "2 cancelled (2 fails)", "done"),
        (["retry"], "2 tried now (2 fails)", "retry"),
        (["move", "--after=2h"], " is due at ", "retry"),
        (["retry", "--edit"], "published anew as ", "done"),
    ],
    ids=["cancel", "retry", "move", "edit"],
)
def test_a_deed_that_cannot_be_noted_is_done_and_warned_of(program, deed, said, state):
    """The rename is the commit, and needs no room; the next event has its turn, too."""
    if shutil.which("prlimit") is None:
        pytest.skip("SKIPPED HARNESS: prlimit is missing")
    ids = [program.publish("fails", "1") for _ in range(1 if len(deed) > 1 else 2)]
    assert program.run("run").status == 0  # their files are longer now than the limit
    program.command = ["prlimit", "--fsize=300", *program.command]
    done = program.run(*deed, *ids, env={"EDITOR": "sed -i s/1/2/"})

    assert (done.status, done.err.count("\n")) == (0, 1), done
    assert said in done.out
    assert done.err.startswith("ampt: that was done, but could not be noted in ")
    assert done.err.endswith(f"{' and 1 more' * (len(ids) - 1)}: File too large\n")
    states = tree.snapshot(program.spool).states()
    assert {id_: [state] for id_ in ids} == {id_: states[id_] for id_ in ids}


@pytest.mark.row(33)
def test_an_edit_that_finds_no_room_says_75_and_where_the_text_is(program):
    """It may have been an hour's work."""
    if shutil.which("prlimit") is None:
        pytest.skip("SKIPPED HARNESS: prlimit is missing")
    id_ = program.publish("works", "1", "--after", "1 day")
    program.command = ["prlimit", "--fsize=60", *program.command]
    env = {"EDITOR": "sed -i s/1/2/", "TMPDIR": str(program.folder)}
    result = program.run("retry", id_, "--edit", env=env)

    assert_clear(result, 75)
    assert Path(result.err.split("; your text is kept in ")[1].strip()).read_text() == "2\n"
    assert tree.snapshot(program.spool).states() == {id_: ["pending"]}
