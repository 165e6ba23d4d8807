"""The spool at a glance: counted by names, and a few failing entries opened."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ampt_cli import catalog, instants, layout, lock, walk
from ampt_cli.census import Census
from ampt_cli.fsio import Disk
from ampt_cli.marks import Begun
from ampt_cli.ran import last_run
from ampt_cli.unread import Unread

SAMPLE = 200  # entries opened to group errors


def overview(unread: Unread, counted: Census) -> dict[str, Any]:
    """What a census found, failing events by error, and runners: the fields of --json.

    Times are instants (ms), or None. `unread` knows what could not be counted.
    """
    return {
        "counts": counted.counts,
        "overdue": counted.overdue,
        "oldest_due": counted.oldest,
        "next_due": counted.following,
        "coming": counted.coming,
        "ended": counted.ended,
        "errors": errors(unread),
        "errors_sampled": counted.counts[layout.RETRY] + counted.counts[layout.DEAD] > SAMPLE,
        "runners": list(runners(unread)),
        "last_run": last_run(unread.disk),
        "unread": {path: error.strerror for path, error in unread.why.items()},
    }


def errors(unread: Unread) -> list[dict[str, Any]]:
    """Failing and dead events grouped by their last error; of a sample, when there are many."""
    failing = unread.entries((layout.DEAD, layout.RETRY))
    seen = (catalog.look(unread.disk, entry) for entry in islice(failing, SAMPLE))
    return grouped((one for one in seen if one is not None), by="error")


def grouped(found: Iterable[catalog.Seen], by: str) -> list[dict[str, Any]]:
    """Events that were opened, by state, name and, with `by` error, their last error.

    The largest group first, each with the id of an example: the one that is due last.
    """
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for seen in found:
        entry = seen.entry
        error = seen.error or seen.damage or ""
        key = (entry.state, entry.name, error if by == "error" else "")
        group = groups.setdefault(
            key, {"state": key[0], "name": key[1], "error": key[2], "events": 0, "id": "", "due": 0}
        )
        group["events"] += 1
        if (entry.due, entry.id) > (group["due"], group["id"]):
            group["id"], group["due"] = entry.id, entry.due
    return sorted(
        groups.values(),
        key=lambda group: (-group["events"], group["name"], group["state"], group["error"]),
    )


def runners(unread: Unread) -> Iterator[dict[str, Any]]:
    """The runners that have a folder: alive or not, and what each worker began last."""
    for folder in unread.folders((layout.RUNNING,)):
        yield from unread.skipping(_runner(unread.disk, folder), folder)


def _runner(disk: Disk, folder: str) -> Iterator[dict[str, Any]]:
    if not disk.is_folder(folder):
        return  # nobody's
    name = folder.rpartition("/")[2]
    begun = Begun(disk, folder)
    claims = set(walk.files(disk, folder)) - layout.RUNNER_FILES
    now = [
        {"id": entry.id, "name": entry.name, "attempt": entry.attempt, "start": start}
        for file, start in begun.latest().values()
        if file in claims and (entry := layout.parse(folder, file)) is not None
    ]
    alive = lock.is_alive(disk, folder)
    if not alive and not disk.exists(folder):
        return  # race: it has ended since its folder was found, and did not die
    since = instants.unstamp(name.partition("-")[0])
    yield {"runner": name, "pid": begun.pid, "alive": alive, "since": since} | {
        "claims": len(claims),
        "now": now,
    }
