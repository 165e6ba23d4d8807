"""`ampt check`: verify the spool."""

from typing import Annotated

import typer

from ampt_cli import check as checking
from ampt_cli import clock, place, settings
from ampt_cli.policy import retries_of
from ampt_cli.render import say, show_json

HELP = """Verify the whole spool against its format; exit 1 on findings.

\b
Examples:
  ampt check
  ampt check --repair     quarantine what is damaged, rescue, sweep
"""


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines.")] = False,
    spool: Annotated[str, typer.Option(help="The spool.")] = "",
) -> None:
    """Report each finding; with --repair, what is left of them decides the status."""
    config, _ = settings.read()
    disk = place.open_disk(settings.spool_path(spool or None, config))
    now, retries = clock.now(), retries_of(config)
    left = 0
    for finding in list(checking.check(disk, now)):
        mended = repair and checking.repair(disk, finding, now, retries)
        left += not mended
        if as_json:
            show_json({**finding._asdict(), "mended": mended})
        else:
            say(f"{finding.path}: {finding.wrong}{' (mended)' if mended else ''}")
    if left:
        raise typer.Exit(1)
