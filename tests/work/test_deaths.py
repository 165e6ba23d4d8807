"""The death of a worker is noticed, whenever it comes."""

import subprocess
import sys
from pathlib import Path

import pytest

from ampt_cli.policy import MAX_INTERRUPTIONS, MIN_RETRIES
from tests.conftest import RunAmpt

# The worker dies between a poll and the act on signals that follows it.
SCRIPT = """
import os, sys
from pathlib import Path
import pytest

from ampt_cli import runner
from ampt_cli.commands import run

gate, handlers = Path(sys.argv[1]), sys.argv[2]
act = runner.Runner._told_to_stop

def die_first(self):
    gate.touch()
    for slot in self.workers.slots:
        if slot.pid:
            os.waitid(os.P_PID, slot.pid, os.WEXITED | os.WNOWAIT)
    return act(self)

runner.Runner._told_to_stop = die_first
sys.exit(run.main(["--handlers", handlers]))
"""


@pytest.mark.row(51)
def test_a_death_right_after_a_poll_is_noticed(
    run_ampt: RunAmpt, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Its wake-up is not swallowed with that of a signal: the run ends with 78, and does not hang."""
    handlers, gate = tmp_path / "dying.py", tmp_path / "gate"
    handlers.write_text(
        f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nos._exit(0)\n",
        encoding="utf-8",
    )
    handlers.chmod(0o600)
    run_ampt("publish", "n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(gate), str(handlers)],
        env=clean_env,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode == 78, done.stderr
    assert "without a result" in done.stderr


def test_an_event_that_kills_its_runner_ends_in_dead(
    run_ampt: RunAmpt, spool_dir: Path, write_handlers, tmp_path: Path
) -> None:
    """Each attempt counts although nobody lived to record it; it never circles for ever."""
    handlers = write_handlers(
        "import os, signal\n@events.on('n')\ndef n(event): os.kill(os.getppid(), signal.SIGKILL)\n"
    )
    config = tmp_path / "ampt.toml"
    config.write_text("retry_every = 1\nretry_for = 1\n", encoding="utf-8")
    config.chmod(0o600)
    run_ampt("publish", "n")
    runs = 0
    while not list(spool_dir.glob("dead/*/*.json")):
        assert run_ampt("run", "-m", handlers, env={"AMPT_CONFIG": str(config)}).status in (0, -9)
        runs += 1
        assert runs < 30, list(spool_dir.glob("*/**/*.json"))

    attempts = MAX_INTERRUPTIONS * (1 + MIN_RETRIES)
    assert [path.name.split(".")[2] for path in spool_dir.glob("dead/*/*.json")] == [f"a{attempts}"]
