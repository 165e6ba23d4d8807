"""The spool at a glance, from the names of its entries alone."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ampt_cli import catalog, due, layout
from ampt_cli.fsio import Disk
from ampt_cli.lock import is_alive
from ampt_cli.marks import Begun

SAMPLE = 200  # entries opened to group errors


def overview(disk: Disk, now: int) -> dict[str, Any]:
    """Counts by state, what is overdue and next, failing events by error, runners.

    Only names are read, but for at most SAMPLE failing entries.
    """
    counts: dict[str, int] = dict.fromkeys(layout.STATES, 0)
    stamp = due.stamp(now)
    overdue, oldest, following = 0, "", ""
    coming: Counter[str] = Counter()
    for folder in catalog.folders(disk, layout.STATES):
        state = folder.partition("/")[0]
        for file in catalog.files(disk, folder):
            if file in layout.RUNNER_FILES:
                continue
            counts[state] += 1
            if state not in layout.WAITING:
                continue
            if file[:19] <= stamp:
                overdue += 1
                oldest = min(oldest or file[:19], file[:19])
            else:
                following = min(following or file[:19], file[:19])
                coming[due.date(file)] += 1
    return {
        "counts": {**counts, layout.QUARANTINE: len(disk.list(layout.QUARANTINE))},
        "overdue": overdue,
        "oldest_due": due.unstamp(oldest),
        "next_due": due.unstamp(following),
        "coming": dict(sorted(coming.items())),
        "errors": errors(disk),
        "runners": list(runners(disk)),
    }


def errors(disk: Disk) -> list[dict[str, Any]]:
    """Failing and dead events grouped by their last error; of a sample, when there are many."""
    groups: Counter[tuple[str, str, str]] = Counter()
    failing = catalog.entries(disk, (layout.DEAD, layout.RETRY))
    for entry in islice(failing, SAMPLE):
        found = catalog.look(disk, entry)
        if found is not None:
            groups[(entry.state, entry.name, found.error or "no error was recorded")] += 1
    return [
        {"state": state, "name": name, "error": error, "events": count}
        for (state, name, error), count in groups.most_common()
    ]


def runners(disk: Disk) -> Iterator[dict[str, Any]]:
    """The runners that have a folder: alive or not, and what each worker began last."""
    for name in disk.list(layout.RUNNING):
        folder = f"{layout.RUNNING}/{name}"
        begun = Begun(disk, folder)
        claims = set(catalog.files(disk, folder)) - layout.RUNNER_FILES
        now = [
            {"id": entry.id, "name": entry.name, "start": start}
            for file, start in begun.latest().values()
            if file in claims and (entry := layout.parse(folder, file)) is not None
        ]
        alive = is_alive(disk, folder)
        yield {"runner": name, "pid": begun.pid, "alive": alive, "claims": len(claims), "now": now}
