"""Settle an attempt: what its record and its history come to, appended and moved."""

from ampt_cli import layout, policy, reading, record, spool
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.policy import NO_WISH, Retries, Verdict, Wish


def settle_success(disk: Disk, entry: Entry, line: bytes, now: int) -> bool:
    """Move a claim to done, with its record; False if somebody else has.

    Not synced: a power cut may repeat the attempt.
    """
    target = layout.finished(entry, layout.DONE, now)
    return spool.settle(disk, entry, target, line, sync=False)


def has_succeeded(disk: Disk, entry: Entry) -> bool:
    """Whether the last line of a claim is the record of its attempt, and that it succeeded.

    Only where nobody can append any more: its worker has ended.
    """
    last = reading.last_record(disk, entry.path)
    return last.get("attempt") == entry.attempt and last.get("outcome") == record.SUCCEEDED


def settle_other(
    disk: Disk,
    entry: Entry,
    made: record.Record,
    *,
    now: int,
    retries: Retries,
    wish: Wish = NO_WISH,
    succeeded: tuple[str, ...] | None = None,
) -> Verdict | None:
    """Decide on an attempt that did not succeed, note it durably, and move the claim.

    None if somebody else has settled it meanwhile. Raises OSError.
    """
    try:
        history = reading.history(disk, entry.path)
        size = disk.status(entry.path).st_size
    except FileNotFoundError:
        return None
    if succeeded is not None:
        history = history.but(succeeded=succeeded)
    verdict = policy.decide(
        made["outcome"],
        attempt=entry.attempt,
        start=made["start"],
        now=now,
        history=history,
        retries=retries,
        wish=wish,
        full=size > record.FULL_FROM,
    )
    noted = made | verdict.history.as_dict() | {"verdict": verdict.state, "next": verdict.next}
    if size > record.BRIEF_FROM:
        noted = brief(noted)
    target = destination(entry, verdict)
    moved = spool.settle(disk, entry, target, record.line(noted), sync=True)
    return verdict if moved else None


def destination(entry: Entry, verdict: Verdict) -> Entry:
    """Where the verdict sends a claim."""
    if verdict.state == layout.RETRY:
        return layout.waiting(entry, layout.RETRY, verdict.next)
    return layout.finished(entry, verdict.state, verdict.next)


def brief(noted: record.Record) -> record.Record:
    """A record without what makes it long: the file has many of them."""
    reports = [
        {key: value for key, value in report.items() if key != "traceback"}
        for report in noted.get("handlers", [])
    ]
    return {key: value for key, value in noted.items() if key != "output"} | {"handlers": reports}
