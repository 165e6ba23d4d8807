"""`ampt metrics`: a spool's figures for Prometheus."""

import os
import tempfile
from typing import Annotated

import typer

from ampt_cli import metrics as page
from ampt_cli import place, settings
from ampt_cli.commands.choosing import Spool
from ampt_cli.errors import from_os
from ampt_cli.figures import figures
from ampt_cli.options import Command
from ampt_cli.render import write

COMMAND = Command(
    "metrics",
    "",
    "Print the spool's figures as Prometheus text.",
    """
With --output the file is replaced in one step, as the textfile collector of node_exporter
needs it; all users may read it.
""",
    (),
    (
        ("ampt metrics", "on stdout"),
        ("ampt metrics --output /var/lib/node_exporter/textfile/ampt.prom", "for node_exporter"),
    ),
)


def metrics(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write this file, atomically.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Count, and write."""
    text = page.text(figures(place.open_disk(settings.spool_path(spool_dir))))
    if not output:
        write(text)
        return
    try:
        _replace(settings.absolute(output), text)
    except OSError as error:
        raise from_os(error, f"write {output}") from error


def _replace(path: str, text: str) -> None:
    """Write beside, then rename: a reader sees the old file or the new one."""
    fd, draft = tempfile.mkstemp(prefix=".ampt-", dir=os.path.dirname(path))
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(fd, 0o644)  # another user's exporter reads it; no event's body is in it
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
