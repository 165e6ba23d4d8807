"""Mend what `check` has found, where that takes no person."""

from collections.abc import Callable

from ampt_cli import buckets, chosen, place, spool, upkeep
from ampt_cli.check import Finding, id_path
from ampt_cli.fsio import Disk
from ampt_cli.policy import Retries


def repair(
    disk: Disk,
    finding: Finding,
    now: int,
    retries: Retries,
    problem: Callable[[str], object] = lambda _: None,
) -> bool:
    """Mend one finding, if this can be done without a person. Raises OSError.

    What is gone has been put right by somebody else. What a rescue cannot settle, or sets
    aside, is told to `problem`.
    """
    try:
        return _repair(disk, finding, now, retries, problem)
    except FileNotFoundError:
        return finding.repair not in {"make", "link"} and not disk.exists(finding.path)


def _repair(
    disk: Disk, finding: Finding, now: int, retries: Retries, problem: Callable[[str], object]
) -> bool:
    if finding.repair == "quarantine":
        spool.quarantine(disk, finding.path, finding.wrong, now)
    elif finding.repair == "durable":
        buckets.make_durable(disk, finding.path)
    elif finding.repair == "make":
        place.complete(disk)
    elif finding.repair == "rescue":
        rescue = upkeep.Rescue(disk, lambda: now, retries, problem)
        rescue.one(finding.path)
        rescue.trouble.tell()
        return not disk.exists(finding.path)
    elif finding.repair == "link":
        _link(disk, finding, now)
    elif finding.repair == "sweep":
        upkeep.remove(disk, finding.path)
    return finding.repair != ""


def _link(disk: Disk, finding: Finding, now: int) -> None:
    try:
        chosen.link_again(disk, finding.path, now)
    except IsADirectoryError:
        spool.quarantine(disk, id_path(finding.path), "it is where an id has its link", now)
        chosen.link_again(disk, finding.path, now)
