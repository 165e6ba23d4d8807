"""A spool that is missing, foreign, moved, shared, copied, or on the wrong disk."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ampt_cli import home, kernel, layout, lock, place
from ampt_cli.errors import AmptError, ConfigError, NotFound
from ampt_cli.fsio import Disk
from ampt_cli.told import Settings
from tests.conftest import SCRIPT


@pytest.mark.row(40)
@pytest.mark.parametrize(
    ("folder", "id"),
    [("", ""), ("tmp", ""), ("pending", ""), ("ids", "x"), ("tmp", "x"), ("pending", "x")],
)
def test_a_lost_permission_is_77_with_the_path_and_the_user(
    folder: str, id: str, run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """And all goes on once it is back."""
    run_ampt("publish", "n")
    (spool_dir / folder).chmod(0o000)
    asked = ["publish", "n", *(["--id", id] if id else [])]
    refused = run_ampt(*asked, powerless=True)
    (spool_dir / folder).chmod(0o700)

    assert (refused.status, refused.out) == (77, "")
    assert f"uid {os.geteuid()}" in refused.err
    assert str(spool_dir) in refused.err
    assert f" {folder}/" in refused.err or not folder
    assert ("cannot publish 'n' with the id x in" in refused.err) == bool(id)
    assert run_ampt(*asked).status == 0
    assert run_ampt("run", "-m", handlers).status == 0
    assert len(list(spool_dir.glob("done/*/*.json"))) == 2
    assert run_ampt("check").status == 0


@pytest.mark.row(38)
@pytest.mark.row(40)
@pytest.mark.parametrize("depth", [0, 1, 2], ids=["state", "date", "hour"])
def test_a_folder_that_cannot_be_read_is_told_and_never_taken_for_empty(
    depth: int, run_ampt, handlers: Path, spool_dir: Path, calls
) -> None:
    """77 with its path and the user; what is elsewhere runs, and this once it can be read."""
    hidden = run_ampt("publish", "n", "--id", "hidden").out.strip()
    folders = [spool_dir / "pending"]
    for _ in range(2):
        folders.append(next(folders[-1].iterdir()))
    folders[depth].chmod(0o000)
    ran = run_ampt("run", "-m", handlers, powerless=True)
    folders[depth].chmod(0o700)

    assert ran.status == 77, ran
    asked = f"cannot read {folders[depth].relative_to(spool_dir)}: Permission denied (EACCES)"
    assert f"{asked}; running as uid " in ran.err
    assert "all other events were handled" in ran.err
    assert folders[2].is_dir()
    assert run_ampt("run", "-m", handlers).status == 0
    assert calls() == [f"{hidden} 1"]


@pytest.mark.row(38)
@pytest.mark.row(40)
def test_a_folder_that_may_be_listed_and_not_entered_keeps_no_other_from_a_run(
    run_ampt, handlers: Path, spool_dir: Path, calls
) -> None:
    """It is told, and what is in other folders runs."""
    run_ampt("publish", "n", "--id", "seen")
    shutil.copytree(spool_dir / "pending", spool_dir / "retry", dirs_exist_ok=True)
    shutil.rmtree(spool_dir / "pending")
    (spool_dir / "pending").mkdir(mode=0o700)
    run_ampt("publish", "n", "--id", "hidden")
    (spool_dir / "pending").chmod(0o400)
    ran = run_ampt("run", "-m", handlers, powerless=True)
    (spool_dir / "pending").chmod(0o700)

    assert ran.status == 77
    assert ran.err.startswith("ampt: cannot read pending/2")
    assert "all other events were handled" in ran.err
    assert calls() == ["seen 1"]


@pytest.mark.row(38)
@pytest.mark.parametrize("depth", [1, 2], ids=["date", "hour"])
def test_check_goes_past_what_it_cannot_read(
    depth: int, run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """It is a finding, told once; what is wrong elsewhere is told, too."""
    run_ampt("publish", "n")
    [folder] = spool_dir.glob("pending" + "/*" * depth)
    (spool_dir / "tmp" / "odd").touch()
    folder.chmod(0o000)
    checked = run_ampt("check", powerless=True)
    folder.chmod(0o700)

    assert (checked.status, checked.err) == (1, "")  # and --repair is no help
    assert sorted(line.partition(":")[0] for line in checked.out.splitlines()) == [
        str(folder.relative_to(spool_dir)),
        "tmp/odd",
    ]
    assert "it cannot be read: Permission denied" in checked.out
    (spool_dir / "tmp" / "odd").unlink()
    assert run_ampt("check").status == 0


@pytest.mark.row(38)
@pytest.mark.parametrize("depth", [0, 1, 2], ids=["state", "date", "hour"])
def test_a_folder_that_cannot_be_read_hides_no_other(depth: int, run_ampt, spool_dir: Path) -> None:
    """Names that are none, events with two entries, and what is damaged, wherever those are."""
    run_ampt("publish", "n")
    [folder] = spool_dir.glob("pending" + "/*" * depth)
    for day in ("done/2099-01-01", "dead/2099-01-01"):
        (spool_dir / day).mkdir(0o700)
        (spool_dir / day / ".durable").touch(0o600)
        for id_ in ("twice", f"damaged-{day[:4]}"):
            entry = spool_dir / day / f"20990101T000000000Z.{id_}.a1.n.json"
            entry.write_text(
                f'{{"ampt":1,"id":"{id_}","name":"n","time":0,"due":0,"body":1}}\n'
                if id_ == "twice"
                else "half"
            )
            entry.chmod(0o600)
    (spool_dir / "done" / "odd").touch()
    (spool_dir / "pending" / "2099-01-01").mkdir()
    (spool_dir / "pending" / "2099-01-01" / "odd").touch()
    folder.chmod(0o000)
    checked = run_ampt("check", powerless=True)
    folder.chmod(0o700)

    assert sorted(line.partition(":")[0] for line in checked.out.splitlines()) == [
        "dead/2099-01-01/20990101T000000000Z.damaged-dead.a1.n.json",
        "done/2099-01-01/20990101T000000000Z.damaged-done.a1.n.json",
        "done/2099-01-01/20990101T000000000Z.twice.a1.n.json",
        "done/odd",
        str(folder.relative_to(spool_dir)),
        *(["pending/2099-01-01/odd"] if depth else []),
    ]


@pytest.mark.row(38)
@pytest.mark.parametrize("folder", layout.FOLDERS)
def test_a_top_folder_that_cannot_be_read_is_one_finding(
    folder: str, run_ampt, spool_dir: Path
) -> None:
    """Its path is told, and not those of all that it keeps from being looked at."""
    run_ampt("publish", "n", "--id", "mine")
    (spool_dir / folder).chmod(0o000)
    checked = run_ampt("check", powerless=True)
    (spool_dir / folder).chmod(0o700)

    assert checked.out == f"{folder}: it cannot be read: Permission denied\n"


@pytest.mark.row(38)
@pytest.mark.parametrize("depth", [0, 1, 2], ids=["state", "date", "hour"])
def test_inspect_shows_what_is_elsewhere_and_tells_what_cannot_be_read(
    depth: int, run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """77 after all that could be shown; and of one event that was found, all is said."""
    run_ampt("publish", "n", "--id", "seen")
    run_ampt("run", "-m", handlers)
    run_ampt("publish", "n", "--id", "hidden")
    [folder] = spool_dir.glob("pending" + "/*" * depth)
    path = str(folder.relative_to(spool_dir))
    asked: tuple[list[str], ...] = (
        [],
        ["--json"],
        ["--limit", "5"],
        ["-n", "*", "--json"],
        ["--group-by", "name"],
    )
    folder.chmod(0o000)
    glance, data, *lists = (run_ampt("inspect", *how, powerless=True) for how in asked)
    one, *others = (run_ampt("inspect", id_, powerless=True) for id_ in ("seen", "see", "hidden"))
    chosen = run_ampt("cancel", "--state", "pending", powerless=True)
    followed = run_ampt("inspect", "--state", "pending", "--follow", powerless=True)
    folder.chmod(0o700)

    for done in (glance, data, *lists, *others, chosen, followed):
        assert done.status == 77, done
        assert done.err.startswith(f"ampt: cannot read {folder}: Permission denied (EACCES); ")
        assert done.err.count("\n") == 1
    assert "1 path cannot be read, so not all is counted: ampt check\n" in glance.out
    assert "attention" not in glance.out
    told = json.loads(data.out)
    assert (told["counts"]["done"], told["counts"]["pending"]) == (1, 0)
    assert told["unread"] == {path: "Permission denied"}
    assert all("done" in done.out and done.out.count("\n") == 1 for done in lists)
    assert [done.out for done in (*others, followed)] == ["", "", ""]
    assert chosen.out == "0 cancelled\n"
    assert (one.status, one.err) == (0, "")
    assert "seen" in one.out
    assert run_ampt("inspect", "hidden").status == 0


@pytest.mark.row(38)
@pytest.mark.parametrize("folder", ["retry", "done", "dead", "quarantine", "quarantine/x"])
def test_an_event_is_found_past_what_cannot_be_read(folder: str, run_ampt, spool_dir: Path) -> None:
    """By its whole id; the whole spool is told with the path that is missing in it."""
    made = run_ampt("publish", "n").out.strip()
    (spool_dir / "quarantine" / "x").mkdir()
    (spool_dir / folder).chmod(0o000)
    one = run_ampt("inspect", made, powerless=True)
    whole = run_ampt("inspect", "--json", powerless=True)
    (spool_dir / folder).chmod(0o700)

    assert (one.status, one.err) == (0, "")
    assert made in one.out
    assert (whole.status, json.loads(whole.out)["unread"]) == (77, {folder: "Permission denied"})


@pytest.mark.row(38)
def test_an_event_that_cannot_be_read_keeps_no_other_from_being_redriven(
    run_ampt, write_handlers: Callable[[str], Path], spool_dir: Path
) -> None:
    """Whether it has that error nobody can say, so it is told, and stays."""
    path = write_handlers(
        'from ampt_cli import GiveUp\n@events.on("n")\ndef n(event): raise GiveUp("gone")\n'
    )
    for id_ in ("good", "bad"):
        run_ampt("publish", "n", "--id", id_)
    run_ampt("run", "-m", path)
    [bad] = spool_dir.glob("dead/*/*.bad.*")
    bad.chmod(0o000)
    asked = ("--state", "dead", "--error", "gone")
    grouped = run_ampt("inspect", "--state", "dead", "--group-by", "error", powerless=True)
    listed, redriven = (run_ampt(verb, *asked, powerless=True) for verb in ("inspect", "retry"))
    bad.chmod(0o600)

    for done in (listed, redriven):
        assert done.status == 77
        assert done.err.startswith(f"ampt: cannot read {bad}: Permission denied (EACCES); ")
    assert (grouped.status, grouped.out.count("\n")) == (0, 2)
    assert "\tit cannot be read: Permission denied\t" in grouped.out
    assert "good" in listed.out
    assert "bad" not in listed.out
    assert redriven.out == "1 tried now (1 n)\n"
    assert bad.exists()


@pytest.mark.row(38)
def test_inspect_counts_past_a_bucket_that_it_may_not_enter(run_ampt, spool_dir: Path) -> None:
    """It is seen in its date, and not taken for empty."""
    run_ampt("publish", "n")
    [bucket] = spool_dir.glob("pending/*/*")
    bucket.parent.chmod(0o400)
    done = run_ampt("inspect", "--json", powerless=True)
    bucket.parent.chmod(0o700)

    path = str(bucket.relative_to(spool_dir))
    assert (done.status, json.loads(done.out)["unread"]) == (77, {path: "Permission denied"})


@pytest.mark.row(38)
def test_inspect_goes_past_a_runner_that_it_may_not_look_at(run_ampt, spool_dir: Path) -> None:
    """Whether that lives is not said, all else is."""
    run_ampt("publish", "n")
    runner = spool_dir / "running" / "20260101T000000000Z-00000001"
    runner.mkdir()
    (spool_dir / "running").chmod(0o400)
    done = run_ampt("inspect", powerless=True)
    (spool_dir / "running").chmod(0o700)

    assert done.status == 77
    assert done.err.startswith(f"ampt: cannot read {runner}: Permission denied (EACCES); ")
    assert re.search(r"pending +1\n", done.out)
    assert "died" not in done.out


@pytest.mark.row(38)
@pytest.mark.parametrize(
    ("path", "mode"),
    [("", 0o000), ("", 0o400), ("r", 0o000), ("r", 0o400), ("r/lock", 0o000)],
)
def test_nobody_is_said_to_be_dead_who_cannot_be_looked_at(
    path: str, mode: int, run_ampt, spool_dir: Path
) -> None:
    """Of an event that waits all else is said; the overview names what cannot be read."""
    run_ampt("publish", "n", "--id", "due")
    run_ampt("publish", "n", "--id", "claimed")
    (spool_dir / "running" / "r").mkdir()
    (spool_dir / "running" / "r" / "lock").touch()
    [entry] = spool_dir.glob("pending/*/*/*.claimed.*")
    entry.rename(spool_dir / "running" / "r" / entry.name.replace(".a0.", ".a1."))
    hidden = spool_dir / "running" / path
    before = hidden.stat().st_mode
    hidden.chmod(mode)
    one, claimed, whole = (
        run_ampt("inspect", *asked, powerless=True) for asked in (["due"], ["claimed"], [])
    )
    measured = run_ampt("metrics", powerless=True)
    hidden.chmod(before)

    assert (one.status, one.err) == (0, "")
    assert re.match(r"It waits for .*; whether a runner is alive cannot be read\.\n", one.out)
    assert (whole.status, measured.status) == (77, 77)
    assert "1 path cannot be read" in whole.out
    assert "the next" not in whole.out + claimed.out
    assert "died" not in whole.out
    assert "whether a runner is at work cannot be read" in whole.out
    assert "  none that can be read is alive; " in whole.out
    if path == "r/lock":
        assert "The runner r has claimed it; whether that is alive cannot be read." in claimed.out
    (spool_dir / "running" / "odd").touch()  # nobody's
    assert "no runner is alive" in run_ampt("inspect", "due").out


@pytest.mark.row(38)
def test_what_is_in_quarantine_hides_no_other_of_it(run_ampt, spool_dir: Path) -> None:
    """By its whole id it is found; a list says why each is there, and then what cannot be read."""
    run_ampt("publish", "n")
    for name in ("1", "2", "3"):
        folder = spool_dir / "quarantine" / name
        folder.mkdir()
        (folder / f"20260101T000000000Z.id-{name}.a1.n.json").touch()
        (folder / "reason").write_text(f"why {name}", encoding="utf-8")
    hidden = spool_dir / "quarantine" / "2"
    hidden.chmod(0o000)
    asked = (["id-1"], ["id-3"], ["id-2"], ["id-"], ["--state", "quarantine"])
    first, last, gone, several, listed = (
        run_ampt("inspect", *how, powerless=True) for how in asked
    )
    hidden.chmod(0o700)

    for name, one in (("1", first), ("3", last)):
        assert (one.status, one.err) == (0, "")
        assert f"It is in quarantine: why {name}. " in one.out
    told = f"ampt: cannot read {hidden}: Permission denied (EACCES); "
    assert (gone.status, gone.out) == (77, "")
    assert gone.err.startswith(told)
    assert "is ambiguous, in quarantine: id-1, id-3" in several.err
    assert (listed.status, listed.out.count("\n")) == (77, 2)
    one, three, rest = listed.err.splitlines()
    assert one.endswith("json: why 1")
    assert three.endswith("json: why 3")
    assert rest.startswith(told)


@pytest.mark.row(38)
def test_the_handlers_are_shown_although_not_all_that_waits_can_be_read(
    run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """And what has none, as far as it can be read."""
    run_ampt("publish", "nobodys")
    shutil.copytree(spool_dir / "pending", spool_dir / "retry", dirs_exist_ok=True)
    (spool_dir / "pending").chmod(0o000)
    done = run_ampt("handlers", "-m", handlers, powerless=True)
    (spool_dir / "pending").chmod(0o700)

    assert done.status == 77
    assert done.err.startswith(f"ampt: cannot read {spool_dir / 'pending'}: Permission denied ")
    assert done.out == run_ampt("handlers", "-m", handlers).out
    assert done.out.endswith("no handler: nobodys\n")


def test_what_a_repair_does_is_said(run_ampt, spool_dir: Path) -> None:
    """What is put in quarantine is not mended, for a person has to see to it."""
    run_ampt("publish", "n")
    [entry] = spool_dir.glob("pending/*/*/*.json")
    entry.write_text("half", encoding="utf-8")
    (spool_dir / "dead").rmdir()

    assert run_ampt("check").err == "ampt: 2 of 2 can be mended: ampt check --repair\n"
    assert run_ampt("check", "--json").err == ""
    repaired = run_ampt("check", "--repair")
    assert (repaired.err, repaired.out) == (
        "",
        "dead: this folder is missing (mended)\n"
        f"{entry.relative_to(spool_dir)}: incomplete: the first line has no end"
        " (put in quarantine)\n",
    )


@pytest.mark.row(40)
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "folder"])
def test_what_cannot_be_swept_is_not_said_to_be_mended(
    make: Callable[[Path], None], run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """Nor passed over in silence by a run."""
    run_ampt("publish", "n", "--after", "1 day")
    make(spool_dir / "tmp" / "20200101T000000000Z.x")
    (spool_dir / "tmp").chmod(0o500)
    checked = run_ampt("check", "--repair", powerless=True)
    ran = run_ampt("run", "-m", handlers, powerless=True)
    (spool_dir / "tmp").chmod(0o700)
    mended = run_ampt("check", "--repair")

    assert checked.status == 1
    assert checked.out.endswith("killed; this cannot be mended: Permission denied\n")
    assert ran.err.startswith("ampt: cannot tidy the spool: [Errno 13] Permission denied: ")
    assert (mended.status, mended.out.endswith("killed (mended)\n")) == (0, True)


@pytest.mark.row(38)
@pytest.mark.parametrize("depth", [0, 1], ids=["state", "date"])
def test_events_behind_a_linked_folder_are_no_idle_run(
    depth: int, run_ampt, handlers: Path, spool_dir: Path, tmp_path: Path
) -> None:
    """A publish goes through the link, and no scan does: 74 with its path, never silence."""
    run_ampt("publish", "n")
    run_ampt("publish", "n", "--after", "1 hour")  # the bucket, should that one begin by then
    folder = min(spool_dir.glob("pending" + "/*" * depth))
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    published = run_ampt("publish", "n")
    ran = run_ampt("run", "-m", handlers)
    checked = run_ampt("check")
    listed = run_ampt("inspect", "--sort", "due")

    assert published.status == 0
    assert (ran.status, checked.status) == (74, 1)
    assert f"cannot read {folder.relative_to(spool_dir)}" in ran.err
    assert f"{folder.relative_to(spool_dir)}: " in checked.out
    if not depth:
        assert listed.status == 74
        assert "pending" in listed.err
    folder.unlink()
    (tmp_path / "elsewhere").rename(folder)
    assert run_ampt("run", "-m", handlers).status == 0


@pytest.mark.row(41)
@pytest.mark.parametrize("folder", ["pending", "tmp", "running"])
def test_what_a_missing_folder_keeps_from_being_done_says_what_next(
    folder: str, run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """`ampt check` names it, and its --repair makes it."""
    run_ampt("publish", "n", "--id", "kept")
    run_ampt("publish", "n")
    shutil.move(spool_dir / folder, spool_dir.parent / "away")
    refused = run_ampt("run", "-m", handlers) if folder == "running" else run_ampt("publish", "n")
    command = ("run", "-m", handlers) if folder == "running" else ("publish", "n")
    refused = run_ampt(*command)
    batch = run_ampt("publish", "--batch", "-", stdin='{"name": "n"}\n')
    repaired = run_ampt("check", "--repair")

    assert refused.status == 74
    assert "; what is wrong with the spool: ampt check" in refused.err
    assert batch.status == (0 if folder == "running" else 74)
    assert f"{folder}: this folder is missing (mended)" in repaired.out
    assert run_ampt("publish", "n").status == 0


@pytest.mark.row(41)
@pytest.mark.parametrize("damage", ["empty", "zeros", "long", "foreign", "folder", "link", "gone"])
def test_a_spool_whose_format_is_damaged_says_how_to_mend_it(
    damage: str, run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """One short line, 78 (3 where it is gone), nothing is touched, and what it says helps."""
    run_ampt("publish", "n", "--id", "kept")
    (spool_dir / "ran").touch()
    file = spool_dir / "FORMAT"
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage == "link":
        file.symlink_to("wake")
    elif damage != "gone":
        text = {"empty": "", "zeros": "\0" * 13, "long": "x" * 4000, "foreign": "ü"}[damage]
        file.write_text(text, encoding="utf-8")
    refused = [run_ampt(command) for command in ("check", "inspect")]
    refused += [run_ampt("publish", "n"), run_ampt("run", "-m", handlers)]

    assert {one.status for one in refused} == {3 if damage == "gone" else 78}
    for one in refused:
        assert one.err.startswith("ampt: ")
        assert 'write "ampt-spool 1" into a new file FORMAT' in one.err
        assert len(one.err) < 400
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    file.write_text("ampt-spool 1\n")
    assert run_ampt("inspect", "kept").status == 0


@pytest.mark.row(40)
def test_a_format_that_may_not_be_read_is_a_lost_permission(run_ampt, spool_dir: Path) -> None:
    """Whether the spool is one cannot be said."""
    run_ampt("publish", "n")
    (spool_dir / "FORMAT").chmod(0)
    refused = run_ampt("publish", "n", powerless=True)

    assert (refused.status, refused.out) == (77, "")
    assert f"cannot open the spool {spool_dir}: Permission denied" in refused.err


@pytest.mark.row(41)
def test_what_cannot_be_settled_for_a_missing_folder_is_told(
    run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """It stays claimed, and that is no success of the run, nor of the next; then it is mended."""
    run_ampt("publish", "n", "--id", "kept")
    (spool_dir / "done").rmdir()
    ran = [run_ampt("run", "-m", handlers) for _ in range(2)]

    assert [one.status for one in ran] == [74, 74]
    assert "cannot settle" in ran[0].err
    assert "cannot rescue running/" in ran[1].err
    assert "cannot rescue all that dead runners had claimed: " in ran[1].err
    assert run_ampt("check", "--repair").status == 0
    assert run_ampt("run", "-m", handlers).status == 0
    assert [file.name.split(".")[1] for file in spool_dir.glob("done/*/*.json")] == ["kept"]


@pytest.mark.row(41)
def test_what_is_no_spool_is_never_made_one(run_ampt, handlers: Path, tmp_path: Path) -> None:
    """A missing one is made by publish alone; a file or a folder of something else by nobody."""
    missing, file, other = (tmp_path / name for name in ("missing", "file", "other"))
    file.write_text("mine", encoding="utf-8")
    other.mkdir()
    (other / "mine").touch()
    for command in (["inspect"], ["check"], ["run", "-m", str(handlers)], ["prune"], ["metrics"]):
        refused = run_ampt(*command, "--spool", missing)
        assert (refused.status, "; publish an event there" in refused.err) == (3, True), command
    for place_ in (file, other):
        refused = run_ampt("publish", "n", "--spool", place_)
        assert refused.status == 3
        assert str(place_) in refused.err
        assert "; give another --spool" in refused.err

    (tmp_path / "link").symlink_to("unmounted")
    refused = run_ampt("publish", "n", "--spool", tmp_path / "link" / "spool")

    assert refused.status == 3
    assert f"{tmp_path}/link is a link to nothing" in refused.err
    assert "; mend the link, mount what it leads to" in refused.err
    assert not (tmp_path / "unmounted").exists()
    assert not missing.exists()
    assert file.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in other.iterdir()] == ["mine"]
    assert run_ampt("publish", "n", "--spool", missing).status == 0


@pytest.mark.row(41)
@pytest.mark.parametrize("inner", ["tmp", "done", "tmp/new", "../link/new/spool"])
def test_no_spool_is_made_inside_of_a_spool(
    inner: str, run_ampt, spool_dir: Path, tmp_path: Path
) -> None:
    """Its folders are what its own runners move, sweep and prune; the spool meant is named."""
    assert run_ampt("publish", "n", "--after", "1 day").status == 0
    (tmp_path / "link").symlink_to(spool_dir / "tmp")
    before = sorted(spool_dir.rglob("*"))
    refused = run_ampt("publish", "n", "--spool", spool_dir / inner)

    assert (refused.status, refused.out) == (3, "")
    assert f"; give --spool {spool_dir.resolve()}" in refused.err
    assert sorted(spool_dir.rglob("*")) == before
    (spool_dir / "FORMAT").unlink()
    assert run_ampt("publish", "n", "--spool", spool_dir / "tmp" / "new").status == 0


@pytest.mark.row(37)
@pytest.mark.parametrize("code", ["EACCES", "EPERM", "EINVAL", "EROFS", "EIO"])
def test_a_folder_above_that_may_not_be_synced_keeps_no_spool_from_being_made(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there before, and is its owner's to keep; a disk that fails is no place for a spool."""
    sync, above = os.fsync, tmp_path.parent.stat()

    def fail(fd: int) -> None:
        if os.path.samestat(os.fstat(fd), above):
            raise OSError(getattr(errno, code), code)
        sync(fd)

    monkeypatch.setattr(os, "fsync", fail)
    if code == "EIO":
        with pytest.raises(AmptError, match="cannot make a spool at"):
            place.open_disk(f"{tmp_path}/spool", create=True)
    else:
        place.open_disk(f"{tmp_path}/spool", create=True).close()
    assert (tmp_path / "spool").exists() == (code != "EIO")


@pytest.mark.row(12)
@pytest.mark.row(41)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ampt-spool 1\n", ""),
        ("ampt-spool 1\ngroup\n", ""),
        ("ampt-spool 1\nkey of a later version\n", ""),
        ("ampt-spool 1\nkey of a later version\ngroup\n", ""),
        ("ampt-spool 2\n", "has format 2, and this program knows 1"),
        ("ampt-spool 10\n", "has format 10, and this program knows 1"),
        ("ampt-spool 1x\n", "says 'ampt-spool 1x', so it is no spool"),
        ("ampt-spool\n", "says 'ampt-spool', so it is no spool"),
        ("mailbox 1\n", "says 'mailbox 1', so it is no spool"),
        ("1\n", "says '1', so it is no spool"),
        ("", "says '', so it is no spool"),
    ],
)
def test_a_spool_is_what_its_format_says(text: str, said: str, tmp_path: Path) -> None:
    """And it is shared by a group only where that is the second line."""
    path = tmp_path / "spool"
    place.open_disk(str(path), create=True).close()
    (path / "FORMAT").write_text(text, encoding="ascii")

    if said:
        open_before = len(os.listdir("/dev/fd"))
        with pytest.raises(ConfigError, match=said):
            place.open_disk(str(path), create=True)
        assert len(os.listdir("/dev/fd")) == open_before
        assert (path / "FORMAT").read_text(encoding="ascii") == text
    else:
        assert place.open_disk(str(path)).group == text.startswith("ampt-spool 1\ngroup\n")


@pytest.mark.row(46)
def test_what_a_crash_left_of_a_new_spool_is_made_whole(tmp_path: Path) -> None:
    """By the next publisher: its FORMAT comes last. To all others it is none yet."""
    path = tmp_path / "spool"
    for gone in ([], ["wake"], ["wake", *layout.FOLDERS[1:]], ["wake", *layout.FOLDERS]):
        place.open_disk(str(path), create=True).close()
        (path / "FORMAT").unlink()
        for name in gone:
            (path / name).rmdir() if name != "wake" else (path / name).unlink()
        with pytest.raises(NotFound, match="there is no spool"):
            place.open_disk(str(path))

    place.open_disk(str(path), create=True).close()
    assert {*layout.FOLDERS, "wake", "FORMAT"} == set(os.listdir(path))


@pytest.mark.row(70)
def test_a_spool_that_somebody_makes_meanwhile_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look for its FORMAT and one at what is there."""
    path = tmp_path / "spool"
    place.open_disk(str(path), create=True).close()
    (path / "FORMAT").rename(tmp_path / "FORMAT")

    def late(root: Disk, folder: str) -> list[str]:
        monkeypatch.undo()
        (tmp_path / "FORMAT").rename(path / "FORMAT")
        return root.list(folder)

    monkeypatch.setattr(Disk, "list", late)
    place.open_disk(str(path)).close()
    assert (path / "FORMAT").exists()


@pytest.mark.row(42)
@pytest.mark.root
def test_a_folder_of_the_spool_on_another_disk_is_refused(
    run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """A rename could not reach it: 78 for both, nothing is lost, and no file is left in tmp."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    run_ampt("publish", "n", "--after", "1 second")
    done, pending = spool_dir / "done", spool_dir / "pending"
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none"]
    if subprocess.run([*mount, done], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        time.sleep(1)
        ran = run_ampt("run", "-m", handlers)
    finally:
        subprocess.run(["umount", "-l", done], check=True)
    subprocess.run([*mount, pending], check=True)
    try:
        published = run_ampt("publish", "n")
    finally:
        subprocess.run(["umount", "-l", pending], check=True)

    assert (ran.status, published.status) == (78, 78)
    assert "one file system" in ran.err
    assert "one file system" in published.err
    assert list((spool_dir / "tmp").iterdir()) == []
    assert run_ampt("run", "-m", handlers).status == 0


@pytest.mark.row(43)
def test_a_spool_that_is_deleted_under_a_runner_is_not_made_again(
    run_ampt, start_ampt, handlers: Path, spool_dir: Path, wait_until, calls
) -> None:
    """The runner says 3."""
    run_ampt("publish", "n")
    runner = start_ampt("run", "--watch", "-m", handlers)
    wait_until(calls)
    wait_until(lambda: list(spool_dir.glob("done/*/*.json")))

    def gone() -> bool:
        shutil.rmtree(spool_dir, ignore_errors=True)  # the runner may be writing a statistic
        return not spool_dir.exists()

    wait_until(gone)
    _, told = runner.communicate(timeout=20)

    assert runner.returncode == 3
    assert "Traceback" not in told
    assert not spool_dir.exists()


@pytest.mark.row(44)
def test_a_spool_that_is_renamed_under_a_runner_is_left_alone(
    run_ampt, start_ampt, handlers: Path, spool_dir: Path, wait_until, calls, gate: Path
) -> None:
    """What runs is settled in the old one; the new one at its path is never touched."""
    id_ = run_ampt("publish", "slow").out.strip()
    runner = start_ampt("run", "--watch", "-m", handlers)
    wait_until(calls)
    old = spool_dir.rename(spool_dir.with_name("old"))
    run_ampt("publish", "n")  # which it is not to touch
    with pytest.raises(subprocess.TimeoutExpired):
        runner.wait(3)  # it looks where its spool is each second, and waits for what runs
    gate.touch()
    runner.communicate(timeout=20)

    assert runner.returncode == 3
    assert len(list(old.glob(f"done/*/*.{id_}.*"))) == 1
    assert calls() == [f"{id_} 1"]


@pytest.mark.row(38)
def test_a_spool_that_cannot_be_looked_at_is_not_said_to_be_removed(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails, or a folder above was closed: the error is told (74, 77), not a spool gone (3)."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", fails)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            place.check_still(disk)
        assert not place.is_still(disk)
    assert place.is_still(disk)


@pytest.mark.row(70)
def test_runners_and_publishers_that_start_at_once_on_no_spool_share_it(
    start_ampt, run_ampt, handlers: Path, calls
) -> None:
    """Whoever is first makes it."""
    publishers = [start_ampt("publish", "n") for _ in range(4)]
    ids = sorted(one.communicate(timeout=30)[0].strip() for one in publishers)
    runners = [start_ampt("run", "-m", handlers) for _ in range(3)]
    for one in runners:
        one.communicate(timeout=30)

    assert [one.returncode for one in publishers + runners] == [0] * 7
    assert ids == sorted(line.split()[0] for line in calls())
    assert run_ampt("check").status == 0


@pytest.mark.rule(10)
@pytest.mark.row(73)
def test_a_lock_that_was_deleted_while_it_was_held_is_no_lock(
    run_ampt, start_ampt, handlers: Path, spool_dir: Path, wait_until, calls, gate: Path
) -> None:
    """Nobody takes the claims of a runner that lives, whatever became of its lock's name."""
    run_ampt("publish", "slow")
    runner = start_ampt("run", "-m", handlers)
    wait_until(calls)
    [held] = spool_dir.glob("running/*/lock")
    held.unlink()
    run_ampt("run", "-m", handlers)
    held.touch(0o600)
    run_ampt("run", "-m", handlers)
    gate.touch()
    runner.communicate(timeout=20)

    assert len(calls()) == 1
    assert len(list(spool_dir.glob("done/*/*.json"))) == 1


@pytest.mark.row(74)
@pytest.mark.root
def test_runners_in_other_pid_namespaces_respect_each_other(
    run_ampt, start_ampt, clean_env, handlers: Path, wait_until, calls, gate: Path
) -> None:
    """A process id means nothing here: what lives is known by its lock."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a pid namespace needs root and unshare")
    run_ampt("publish", "slow")
    runner = start_ampt("run", "-m", handlers)
    wait_until(calls)
    other = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", SCRIPT, "run", "-m", handlers],
        env=clean_env, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    if "unshare" in other.stderr:
        pytest.skip(other.stderr)
    gate.touch()
    runner.communicate(timeout=20)

    assert other.returncode == 0, other.stderr
    assert len(calls()) == 1


@pytest.fixture(params=["linux", "elsewhere"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux, where we call flock, and what we take for another system, where filelock does."""
    monkeypatch.setattr(lock, "sys", SimpleNamespace(platform=request.param))


@pytest.mark.usefixtures("system")
@pytest.mark.row(76)
def test_a_file_system_without_kernel_locks_is_refused(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no lock that is only a file."""
    disk.make_folder("running/r")
    disk.write_new("running/r/lock", b"")

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    monkeypatch.setattr(lock, "flock", no_locks)

    with pytest.raises(ConfigError, match=r"cannot lock .*lock"):
        lock.hold(disk, "running/r")


@pytest.mark.usefixtures("system")
@pytest.mark.row(76)
def test_nobody_else_gets_a_runners_lock(disk: Disk) -> None:
    """Nor takes it for dead."""
    disk.make_folder("running/r")
    for name in (layout.LOCK, layout.WORKERS):
        disk.write_new(f"running/r/{name}", b"")
    held = lock.hold(disk, "running/r")

    assert held is not None
    assert lock.is_alive(disk, "running/r")
    assert lock.take_abandoned(disk, "running/r") is None


@pytest.mark.usefixtures("system")
@pytest.mark.row(35)
@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_at_a_lock_is_not_blamed_on_its_locks(
    code: int, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as it is: a manager of services gives up on 78, and tries again after 74 and 75."""
    disk.make_folder("running/r")
    disk.write_new("running/r/lock", b"")

    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock, "flock", fails)

    with pytest.raises(OSError, match=re.escape(os.strerror(code))) as failed:
        lock.hold(disk, "running/r")
    assert failed.value.errno == code


@pytest.mark.row(76)
def test_a_network_file_system_is_refused_unless_asked_for(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it is, and what to do."""
    monkeypatch.setattr(kernel, "network_file_system", lambda _: "NFS")

    with pytest.raises(ConfigError, match="is on NFS") as refused:
        home.check_place(disk, network=False)
    assert "network_file_system = true" in str(refused.value.hint)
    home.check_place(disk, network=True)
    for said in (True, False):
        assert Settings.of({"network_file_system": said}, handlers="").network == said


@pytest.mark.row(80)
def test_after_a_reboot_all_claims_are_due_again(
    run_ampt,
    start_ampt,
    handlers: Path,
    spool_dir: Path,
    wait_until,
    trace: Path,
    calls,
    gate: Path,
) -> None:
    """A copy of a spool in use is what a machine that lost its processes finds."""
    ids = [run_ampt("publish", "slow").out.strip() for _ in range(2)]
    runner = start_ampt("run", "-m", handlers, "--jobs", "2")
    wait_until(lambda: len(calls()) == 2)
    after = spool_dir.with_name("after")
    shutil.copytree(spool_dir, after, ignore=lambda _, names: {"wake"} & set(names))
    gate.touch()
    runner.communicate(timeout=20)
    trace.unlink()

    assert run_ampt("run", "-m", handlers, "--spool", after).status == 0
    assert sorted(ids) == sorted(line.split()[0] for line in calls())
    assert run_ampt("check", "--repair", "--spool", after).status in {0, 1}
    assert run_ampt("check", "--spool", after).status == 0


@pytest.mark.row(82)
def test_looking_while_all_moves_is_no_error(
    run_ampt, start_ampt, handlers: Path, spool_dir: Path
) -> None:
    """Entries that are gone by the time they are opened are left out."""
    batch = "".join(f'{{"name":"n","body":{number}}}\n' for number in range(3000))
    run_ampt("publish", "--batch", "-", stdin=batch)
    runner = start_ampt("run", "-m", handlers)
    looks = 0
    while runner.poll() is None:
        for arguments in (["inspect"], ["inspect", "--limit", "5", "--error", "x"], ["check"]):
            looked = run_ampt(*arguments)
            assert looked.status == 0, looked
            assert "Traceback" not in looked.err
            looks += 1

    assert looks >= 3
    assert runner.returncode == 0


@pytest.mark.row(83)
def test_a_pipe_that_nobody_reads_ends_a_listing_quietly(run_ampt, clean_env) -> None:
    """As `ampt inspect | head -1` leaves one."""
    batch = '{"name":"n"}\n' * 2000
    run_ampt("publish", "--batch", "-", stdin=batch)
    listing = "inspect --state pending --json --limit 2000"  # more than a pipe holds
    ended = subprocess.run(
        ["bash", "-c", f'"$0" {listing} | head -n 1; exit "${{PIPESTATUS[0]}}"', SCRIPT],
        env=clean_env, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert json.loads(ended.stdout)["name"] == "n"
    assert ended.stderr == ""
    assert ended.returncode in {0, 128 + signal.SIGPIPE}
