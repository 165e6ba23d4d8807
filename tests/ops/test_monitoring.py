"""Figures for Prometheus and for monitoring systems of Nagios' kind."""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ampt_cli import layout, lock, metrics, monitor
from ampt_cli.census import Census
from ampt_cli.commands import check
from ampt_cli.counters import BOUNDS, Counters
from ampt_cli.errors import CHECK
from ampt_cli.figures import figures as collected
from ampt_cli.fsio import Disk
from tests.conftest import RunAmpt, StartAmpt

NOW = 1_800_000_000_000
NASTY = 'a"b\\c\u202e'
HANDLERS = """
from ampt_cli import GiveUp
@events.on("good")
def good(event): pass
@events.on("bad")
def bad(event): raise GiveUp("no")
@events.on("later")
def later(event): raise OSError("not now")
"""


def figures(**changes: object) -> metrics.Figures:
    """All is well, but for `changes`."""
    counts = dict.fromkeys((*layout.STATES, layout.QUARANTINE), 0)
    whole = Census(counts, Counter(), 0, None, None, {}, {}, None)
    shown = metrics.Figures(whole, Counters(), NOW, 1, NOW - 1000, 0.5)
    own = {key: value for key, value in changes.items() if key in Census._fields}
    own["counts"] = {**counts, **own.get("counts", {})}  # type: ignore[dict-item]
    rest = {key: value for key, value in changes.items() if key not in Census._fields}
    return shown._replace(census=whole._replace(**own), **rest)  # type: ignore[arg-type]


def series(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All samples, as Prometheus' own parser reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_what_a_run_came_to(
    run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """Events by state and name, attempts by outcome, durations."""
    for name in ("good", "good", "bad", "later", "nobody", NASTY):
        run_ampt("publish", name)
    run_ampt("run", "-m", write_handlers(HANDLERS))
    run_ampt("publish", "good", "--after", "1 day")
    found = series(run_ampt("metrics").out)

    def events(state: str, name: str) -> float:
        return found["ampt_events", frozenset({("state", state), ("name", name)})]

    assert (events("done", "good"), events("pending", "good"), events("dead", "bad")) == (2, 1, 1)
    assert (events("retry", "later"), events("done", NASTY.replace("\u202e", "\\u202e"))) == (1, 1)
    attempts = {
        dict(labels)["outcome"]: n for (key, labels), n in found.items() if "attempts" in key
    }
    assert attempts == Counter(succeeded=2, failed=2, ignored=2) | dict.fromkeys(
        ("timed_out", "interrupted", "cancelled"), 0
    )
    assert found["ampt_attempt_duration_seconds_count", frozenset()] == 6
    assert found["ampt_last_run_timestamp_seconds", frozenset()] > 1.7e9


def test_prometheus_own_linter_has_no_complaint(
    run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """`promtool check metrics` also judges names, units and help."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    for name in ("good", "bad", NASTY):
        run_ampt("publish", name)
    run_ampt("run", "-m", write_handlers(HANDLERS))
    page = run_ampt("metrics").out
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True
    )
    wrong = subprocess.run(
        ["promtool", "check", "metrics"], input=page + "Bad{} x\n", capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert wrong.returncode != 0


def test_counters_grow_over_runs_and_survive_damage(
    run_ampt: RunAmpt, write_handlers: Callable[[str], Path], spool_dir: Path
) -> None:
    """They are statistics: a damaged file begins anew and stops nobody."""
    module = write_handlers(HANDLERS)
    for _ in range(2):
        run_ampt("publish", "good")
        run_ampt("run", "-m", module)
    counted = json.loads((spool_dir / "counters").read_text(encoding="utf-8"))
    (spool_dir / "counters").write_text('{"attempts":[]', encoding="utf-8")
    run_ampt("publish", "good")
    done = run_ampt("run", "-m", module)
    anew = json.loads((spool_dir / "counters").read_text(encoding="utf-8"))

    assert counted["attempts"]["succeeded"] == 2
    assert sum(counted["below"]) == 2
    assert (done.status, done.err) == (0, "")
    assert anew["attempts"]["succeeded"] == 1
    assert run_ampt("check").status == 0


def test_a_lock_that_is_never_let_go_costs_figures_and_holds_up_nobody(
    run_ampt: RunAmpt, write_handlers: Callable[[str], Path], spool_dir: Path
) -> None:
    """Whoever adds up may be stopped while it holds the lock; runs go on."""
    module = write_handlers(HANDLERS)
    run_ampt("publish", "good")
    with (spool_dir / "ran").open("w", encoding="utf-8") as file:
        flock(file, LOCK_EX)
        held = run_ampt("run", "-m", module, timeout=20)
        assert not (spool_dir / "counters").exists()
    run_ampt("publish", "good")
    run_ampt("run", "-m", module)

    assert (held.status, held.err) == (0, "")
    assert json.loads((spool_dir / "counters").read_text())["attempts"]["succeeded"] == 1


def test_an_attempt_that_a_dead_runner_began_is_counted_by_who_rescues_it(
    run_ampt: RunAmpt,
    start_ampt: StartAmpt,
    write_handlers: Callable[[str], Path],
    spool_dir: Path,
    tmp_path: Path,
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    """A machine that crashes often shows in the figures, and in a line of the log."""
    begun = tmp_path / "begun"
    module = write_handlers(
        "import time\n@events.on('slow')\ndef slow(event):\n"
        f"    open({str(begun)!r}, 'w').close(); time.sleep(event.body)\n"
    )
    run_ampt("publish", "slow", "4")
    runner = start_ampt("run", "-m", module)
    wait_until(begun.exists, 20)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    [folder] = (spool_dir / "running").iterdir()
    wait_until(lambda: run_ampt("check").out != "", 20)  # its worker has ended too
    run_ampt("run", "-m", module, "--name", "none")
    attempts = json.loads((spool_dir / "counters").read_text())["attempts"]

    assert (attempts["interrupted"], attempts["succeeded"]) == (1, 0)
    assert not folder.exists()


def test_a_file_is_replaced_in_one_step_and_can_be_read_by_an_exporter(
    run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """Nothing else is left in its folder."""
    run_ampt("publish", "n")
    folder = tmp_path / "textfile"
    folder.mkdir()
    for _ in range(2):
        assert run_ampt("metrics", "--output", folder / "ampt.prom").status == 0

    assert [path.name for path in folder.iterdir()] == ["ampt.prom"]
    assert (folder / "ampt.prom").stat().st_mode & 0o777 == 0o644
    assert run_ampt("metrics", "--output", tmp_path / "no" / "such").status == 74


def test_a_file_that_cannot_be_replaced_leaves_no_draft_of_it(
    run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """One would be left each minute. It is made beside the file, for a rename stays on one disk."""
    run_ampt("publish", "n")
    folder = tmp_path / "textfile"
    (folder / "ampt.prom").mkdir(parents=True)
    done = run_ampt("metrics", "--output", folder / "ampt.prom")

    assert (done.status, done.out) == (74, "")
    assert done.err.startswith(f"ampt: cannot write {folder}/ampt.prom: Is a directory (EISDIR at ")
    assert f" at {folder}/.ampt-" in done.err
    assert [path.name for path in folder.iterdir()] == ["ampt.prom"]


def test_figures_are_of_the_runners_that_live_and_of_what_is_free(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room or files, whichever is less; some file systems count no files."""
    folder = "running/20261128T093000000Z-00000001"
    disk.make_folder(folder)
    disk.write_new(f"{folder}/{layout.LOCK}", b"")
    held = lock.hold(disk, folder)
    assert isinstance(held, int)
    some = SimpleNamespace(f_blocks=100, f_bavail=75, f_files=100, f_favail=25)
    monkeypatch.setattr(os, "fstatvfs", lambda _: some)
    with_runner = collected(disk)
    os.close(held)
    some.f_files = some.f_favail = 0
    without = collected(disk)

    assert (with_runner.runners, with_runner.free) == (1, 0.25)
    assert (without.runners, without.free) == (0, 0.75)


def alone(shown: metrics.Figures) -> dict[str, float]:
    """The series without labels."""
    found = series(metrics.text(shown)).items()
    return {name: value for (name, labels), value in found if not labels}


@pytest.mark.parametrize(
    ("oldest", "late"), [(None, 0), (NOW - 1, 0.001), (NOW - 90_000, 90), (NOW + 5_000, 0)]
)
def test_prometheus_reads_how_the_spool_is(oldest: int | None, late: float) -> None:
    """In seconds and parts; a clock that was set back makes nothing negative."""
    counts = {"quarantine": 4}
    shown = figures(oldest=oldest, overdue=3, counts=counts, runners=2, free=0.25)
    found = alone(shown)
    never = series(metrics.text(shown._replace(last_run=None)))

    assert found["ampt_oldest_overdue_seconds"] == late
    assert found["ampt_overdue_events"] == 3
    assert found["ampt_quarantined_files"] == 4
    assert found["ampt_runners"] == 2
    assert found["ampt_free_ratio"] == 0.25
    assert found["ampt_last_run_timestamp_seconds"] == (NOW - 1000) / 1000
    assert ("ampt_last_run_timestamp_seconds", frozenset()) not in never

    claimed = alone(figures(claimed=oldest))
    assert claimed["ampt_oldest_claimed_seconds"] == late
    assert claimed["ampt_oldest_overdue_seconds"] == found["ampt_oldest_claimed_seconds"] == 0


def test_durations_are_counted_up_to_each_bound() -> None:
    """In seconds; each bucket has those of the smaller ones too, and the last has all."""
    below = [0] * (len(BOUNDS) + 1)
    below[0], below[3], below[-1] = 2, 1, 4  # up to 5 ms, to 50 ms, and over a minute
    found = series(metrics.text(figures(counters=Counters({}, 1234.5, tuple(below)))))
    name = "ampt_attempt_duration_seconds"
    buckets = {
        float(dict(labels)["le"]): n
        for (key, labels), n in found.items()
        if key == f"{name}_bucket"
    }

    assert buckets == dict.fromkeys((0.005, 0.01, 0.025), 2) | dict.fromkeys(
        (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60), 3
    ) | {float("inf"): 7}
    assert found[f"{name}_sum", frozenset()] == 1.2345
    assert found[f"{name}_count", frozenset()] == 7


def test_every_figure_says_of_what_kind_it_is() -> None:
    """What can go down, what only grows, and what is a distribution: functions rely on it."""
    families = [*text_string_to_metric_families(metrics.text(figures()))]
    kinds = {family.name: family.type for family in families}

    assert all(family.documentation for family in families)
    assert kinds.pop("ampt_attempts") == "counter"
    assert kinds.pop("ampt_attempt_duration_seconds") == "histogram"
    assert "ampt_events" in kinds
    assert set(kinds.values()) == {"gauge"}


def test_there_are_never_more_series_than_a_database_bears() -> None:
    """But for the two hundred of most events, names are one series."""
    names = Counter({("done", f"n{i:03}"): 1000 + i for i in range(300)})
    text = metrics.text(figures(names=names))
    found = series(text)
    rest = found["ampt_events", frozenset({("state", "done"), ("name", "")})]

    assert sum(key == "ampt_events" for key, _ in found) == metrics.MOST_NAMES + 5
    assert rest == sum(1000 + i for i in range(100))


def test_names_that_look_alike_are_one_series_with_the_events_of_all() -> None:
    """Prometheus refuses a page that has a series twice."""
    names = Counter({("dead", "a\u202e"): 2, ("dead", "a\\u202e"): 3})
    many = Counter({("done", f"n{i:03}"): 4 for i in range(metrics.MOST_NAMES)})
    found = series(metrics.text(figures(names=names | many)))
    same = frozenset({("state", "dead"), ("name", "a\\u202e")})

    assert found["ampt_events", same] == 5


def test_of_names_of_equally_many_events_the_same_have_a_series_each_time() -> None:
    """In whichever order they are found: or graphs would have holes."""
    names = [(("done", f"n{i:03}"), 1) for i in range(metrics.MOST_NAMES + 1)]
    one, other = (metrics.text(figures(names=Counter(dict(way)))) for way in (names, names[::-1]))

    assert one == other


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({}, 0, "AMPT OK - events are handled | late=0s;300;3600 dead=0;1;1000 "),
        ({}, 0, " runners=1 free=50.0%;10:;3:"),
        ({"oldest": NOW - 299_000}, 0, "OK"),
        ({"oldest": NOW - 300_000}, 1, "WARNING - the oldest event is overdue for 5 min"),
        ({"oldest": NOW - 3_599_999}, 1, "WARNING"),
        ({"oldest": NOW - 3_600_000}, 2, "CRITICAL - the oldest event is overdue for 1 h"),
        ({"oldest": NOW + 1}, 0, "OK - events are handled | late=0s"),
        ({"oldest": NOW - 7_200_000}, 2, "CRITICAL - the oldest event is overdue for 2 h"),
        ({"oldest": 0}, 2, "CRITICAL - the oldest event is overdue for 20833 days"),
        ({"claimed": NOW - 299_000}, 0, "OK - events are handled | late=299s"),
        ({"claimed": NOW - 7_200_000}, 2, "CRITICAL - the oldest event is overdue for 2 h"),
        ({"oldest": NOW - 400_000, "claimed": NOW}, 1, "the oldest event is overdue for 6.7 min"),
        ({"runners": 0, "last_run": NOW - 599_999}, 0, "OK"),
        ({"runners": 0, "last_run": NOW + 1}, 0, "OK"),
        ({"runners": 0, "last_run": NOW - 3_600_000}, 2, "no run has looked at the spool for 1 h"),
        ({"runners": 1, "last_run": NOW - 3_600_000}, 0, "OK"),
        ({"runners": 0, "last_run": NOW - 600_000}, 1, "no run has looked at the spool for 10 min"),
        ({"runners": 0, "last_run": None}, 0, "OK"),
        ({"runners": 0, "last_run": None, "counts": {"pending": 1}}, 2, "no run has ever looked"),
        ({"counts": {"dead": 3}}, 1, "WARNING - 3 dead events"),
        ({"counts": {"dead": 1_000}}, 2, "CRITICAL - 1,000 dead events"),
        ({"counts": {"quarantine": 1}}, 1, "1 damaged file in quarantine"),
        ({"free": 0.101}, 0, "OK"),
        ({"free": 0.03}, 2, "CRITICAL - 3 % of the disk is free"),
        ({"free": 0.1}, 1, "10 % of the disk is free"),
        ({"free": 0.01, "counts": {"dead": 1}}, 2, "1 % of the disk is free; 1 dead event |"),
    ],
)
def test_the_status_is_that_of_the_worst(
    changes: dict[str, object], status: int, said: str
) -> None:
    """What is wrong stands first, the worst of it foremost."""
    limits = check._limits(dict.fromkeys(check.DEFAULTS))
    found, line = monitor.judge(figures(**changes), limits)

    assert found == status
    assert said in line


def test_a_spool_that_cannot_be_read_is_unknown(run_ampt: RunAmpt) -> None:
    """Status 3, on stdout."""
    done = run_ampt("check", "--monitor")

    assert (done.status, done.err) == (3, "")
    assert done.out.startswith("AMPT UNKNOWN - there is no spool at ")


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("", "open the spool {0}: Permission denied (EACCES at {0}); running as uid {1}\n"),
        ("pending", "read {0}/pending: Permission denied (EACCES); running as uid {1}; {2}\n"),
    ],
)
def test_a_permission_that_is_missing_is_told_with_the_spool_and_the_user(
    folder: str, said: str, run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """The line stands on another machine's screen, where it is all that is known."""
    run_ampt("publish", "n")
    (spool_dir / folder).chmod(0o000)
    done = run_ampt("check", "--monitor", powerless=True)
    (spool_dir / folder).chmod(0o700)

    assert (done.status, done.err) == (3, "")
    assert done.out.count("\n") == 1
    assert done.out.endswith(f" - cannot {said.format(spool_dir, os.geteuid(), CHECK)}")


@pytest.mark.parametrize(
    ("option", "limits"),
    [
        *(("--late", "soon"), ("--late", "5m"), ("--late", "1h,5m"), ("--idle", "0 s,1h")),
        *(("--dead", "x,y"), ("--dead", "5,1"), ("--dead", "nan,nan"), ("--dead", "1,inf")),
        *(
            ("--free", "3,10"),
            ("--free", "10,-1"),
            ("--free", "101,3"),
            ("--dead", "0,1"),
            ("--late", ""),
        ),
    ],
)
def test_limits_that_cannot_be_meant_are_unknown_and_not_critical(
    option: str, limits: str, run_ampt: RunAmpt
) -> None:
    """What could never alarm, or always would, is refused in the way that such systems read."""
    run_ampt("publish", "n")
    done = run_ampt("check", "--monitor", option, limits)

    assert (done.status, done.err) == (3, "")
    assert done.out.startswith(f"AMPT UNKNOWN - {option} takes two limits, like ")
    assert done.out.endswith(f", not {limits!r}\n")


@pytest.mark.parametrize("other", ["--repair", "--json"])
def test_what_does_not_go_with_a_monitor_is_unknown(run_ampt: RunAmpt, other: str) -> None:
    """And not left out in silence; a limit is for a monitor alone."""
    run_ampt("publish", "n")
    done = run_ampt("check", "--monitor", other)
    limit = run_ampt("check", "--late", "5m,1h")

    assert done == (3, f"AMPT UNKNOWN - {other} does not go with --monitor\n", "")
    assert limit == (2, "", "ampt: --late goes with --monitor; see: ampt check --help\n")


def test_equal_limits_leave_the_warning_out(run_ampt: RunAmpt) -> None:
    """And the ends of what can be meant are taken."""
    run_ampt("publish", "n")
    some = ("--late", "1h,1h", "--idle", "1h,1h", "--dead", "1,1", "--free", "100,0")

    assert run_ampt("check", "--monitor", *some).out.startswith("AMPT CRITICAL - no run has ever")
