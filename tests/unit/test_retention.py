"""What is kept, and for how long."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ampt_cli import instants, layout
from ampt_cli.errors import Trouble
from ampt_cli.retention import Retention, expired, retention_of

NOW = 1_800_000_000_000


@pytest.mark.parametrize(("state", "days"), [(layout.DONE, 7), (layout.DEAD, 90)])
def test_a_day_of_finished_events_is_kept_as_long_as_is_promised(state: str, days: int) -> None:
    """From the end of that day on: nothing in its folder is thrown away early."""
    midnight = NOW - NOW % instants.DAY
    for age in range(days + 4):
        found = {state: [instants.day(midnight - age * instants.DAY)]}
        disk = cast("Any", SimpleNamespace(list=lambda of, found=found: found.get(of, [])))

        assert any(expired(disk, midnight, Retention(), Trouble())) == (age > days), age
        assert any(expired(disk, midnight - 1, Retention(), Trouble())) == (age > days + 1), age


def test_retention_is_as_documented_but_for_what_is_configured() -> None:
    """Each for itself."""
    kept = [retention_of(config) for config in ({}, {"retention_done": 1}, {"retention_dead": 0})]
    week, quarter = 7 * instants.DAY, 90 * instants.DAY

    assert [(one.done, one.dead) for one in kept] == [(week, quarter), (1, quarter), (week, 0)]
