"""Units and crontab lines: accepted by the real programs, whatever is in a path."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ampt_cli import units
from tests.conftest import RunAmpt

ODD = units.Wanted("/opt/a b/ampt", '/srv/100% "sp$ool"', "/srv/app/hand lers.py", 2, "daemon")
PLAIN = units.Wanted("/bin/true", "/srv/spool", "/srv/handlers.py", 1, "daemon")
ANALYZE = shutil.which("systemd-analyze")
systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def verify(made: dict[str, str], folder: Path, *how: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of units."""
    for name, content in made.items():
        (folder / name).write_text(content, encoding="utf-8")
    files = [str(folder / name) for name in made]
    return subprocess.run(
        [str(ANALYZE), *how, "--man=no", "verify", *files],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
    )


@systemd
@pytest.mark.parametrize("wanted", [PLAIN, ODD._replace(ampt="/bin/true")], ids=["plain", "odd"])
@pytest.mark.parametrize("make", [units.oneshot, units.watching])
@pytest.mark.parametrize("user", ["daemon", ""])
def test_systemd_accepts_the_units(
    make: object, wanted: units.Wanted, user: str, tmp_path: Path
) -> None:
    """Without a word."""
    made = make(wanted._replace(user=user))  # type: ignore[operator]
    done = verify(made, tmp_path, *(["--user"] if not user else []))

    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "ampt." in line]
    assert (done.returncode, said) == (0, [])


@systemd
def test_systemd_sees_what_is_wrong(tmp_path: Path) -> None:
    """The check above can fail."""
    made = units.watching(PLAIN._replace(ampt="/no/such/program"))

    assert verify(made, tmp_path).returncode != 0


@systemd
def test_a_system_unit_is_well_hardened(tmp_path: Path) -> None:
    """systemd's own exposure score: 10 is worst; below 2.5 it says OK."""
    (tmp_path / "ampt.service").write_text(units.watching(PLAIN)["ampt.service"], encoding="utf-8")
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=yes", "--no-pager", str(tmp_path / "ampt.service")],
        capture_output=True,
        text=True,
    )
    found = re.search(r"exposure level for ampt.service: ([\d.]+)", done.stdout)

    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < 2.5


def test_a_path_cannot_become_an_option_a_specifier_or_a_variable() -> None:
    """The four characters that systemd replaces are doubled or quoted."""
    service = units.oneshot(ODD)["ampt.service"]

    assert '"/opt/a b/ampt" run' in service
    assert r'--spool "/srv/100%% \"sp$$ool\""' in service
    assert r'ReadWritePaths="/srv/100%% \"sp$ool\""' in service


def test_private_tmp_is_left_out_where_it_would_hide_the_spool() -> None:
    """A spool in /tmp is odd, and must work."""
    hidden = PLAIN._replace(spool="/tmp/spool")

    assert "PrivateTmp" in units.oneshot(PLAIN)["ampt.service"]
    assert "PrivateTmp" not in units.oneshot(hidden)["ampt.service"]


def test_the_line_for_cron_runs_as_the_shell_reads_it(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """Also with spaces and percent signs; a second one at the same time does nothing."""
    spool, module = tmp_path / "100% sp ool", tmp_path / "hand lers.py"
    module.write_text("", encoding="utf-8")
    module.chmod(0o600)
    run_ampt("publish", "n", "--spool", spool)
    line = run_ampt("unit", "--cron", "--spool", spool, "-m", module).out
    assert line.startswith("* * * * * ")
    command = line.removeprefix("* * * * * ").replace("\\%", "%").rstrip("\n")  # as cron(8) does
    held = subprocess.run(
        ["flock", "-n", spool, "sh", "-c", command], capture_output=True, text=True
    )
    while_held = len(list(spool.glob("done/*/*.json")))
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True)

    assert (held.returncode, held.stderr, while_held) == (0, "", 0)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(list(spool.glob("done/*/*.json"))) == 1


def test_units_are_written_where_they_are_wanted(
    run_ampt: RunAmpt, tmp_path: Path, write_handlers: object
) -> None:
    """With absolute paths, for a user's manager."""
    module = write_handlers("")  # type: ignore[operator]
    done = run_ampt("unit", "--user", "-m", module, "--output", tmp_path / "units")
    service = (tmp_path / "units" / "ampt.service").read_text(encoding="utf-8")

    assert done.status == 0
    assert done.out.split() == [str(tmp_path / "units" / f"ampt.{k}") for k in ("service", "timer")]
    assert f"run --handlers {module} --spool /" in service
    assert "User=" not in service
