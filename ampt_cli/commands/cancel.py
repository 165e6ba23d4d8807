"""`ampt cancel`: a waiting event is moved to done, and will not run."""

from ampt_cli import clock, layout, place, settings, spool
from ampt_cli.commands.choosing import (
    AsJson,
    Chosen,
    Deeds,
    DryRun,
    Error,
    Ids,
    Names,
    Spool,
    States,
    telling,
)
from ampt_cli.options import Command

COMMAND = Command(
    "cancel",
    "[ID...]",
    "Cancel events that wait.",
    """
They end in done, with the outcome cancelled, and do not run.
""",
    (),
    (
        ("ampt cancel 3f9c", "one event"),
        ("ampt cancel --state retry --name 'mail.*' --dry-run", "which would be cancelled"),
    ),
)


def cancel(
    ids: Ids = None,
    state: States = None,
    name: Names = None,
    error: Error = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    spool_dir: Spool = "",
) -> None:
    """Move each to done."""
    chosen = Chosen(ids, state, name, error)
    disk = place.open_disk(settings.spool_path(spool_dir))
    now = clock.now()
    deeds = Deeds(disk, "cancelled", dry_run, as_json)
    deeds.each(
        chosen.entries(disk, layout.WAITING),
        lambda entry: layout.finished(entry, layout.DONE, now),
        telling(disk, "cancel", lambda entry: spool.cancel(disk, entry, now)),
    )
    deeds.complain(by_id=bool(chosen.ids), unread=chosen.unread)
