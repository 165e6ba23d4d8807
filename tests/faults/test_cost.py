"""What waits costs nobody anything: counted in calls, which do not depend on the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import shim as shims
from tests.faults.program import Program
from tests.faults.shim import Shim

WAITING = 4_000


@pytest.mark.row(78)
@pytest.mark.parametrize(
    "command",
    [("publish", "works"), ("publish", "works", "--after", "1 day"), ("run",)],
    ids=" ".join,
)
def test_a_publish_and_an_idle_run_make_no_more_calls_when_much_waits(
    command: tuple[str, ...], library: Path, folder: Path
) -> None:
    """Names are looked at in the buckets that are due, and nowhere else."""
    counts = []
    for waiting in (1, WAITING):
        program = Program(folder / str(waiting))
        lines = [
            json.dumps({"name": "works", "after": f"{2 + number % 300} days"})
            for number in range(waiting)
        ]
        batch = program.folder / "batch"
        batch.write_text("\n".join(lines))
        program.publish("--batch", str(batch))
        program.publish("works", "--after", "2 hours")
        program.run("run")
        shim = Shim(library, program.folder / "state", program.spool)
        shim.classes(shims.CHANGES | shims.HANDLES | shims.READS)
        shim.arm(None)
        assert program.run(*command, shim=shim).status == 0
        counts.append(shim.calls)
        shim.close()

    few, many = counts
    assert few > 5, "the library saw nothing"
    assert many <= few + 400, "300 more folders of dates are listed at most once"
