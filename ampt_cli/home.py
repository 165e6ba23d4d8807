"""A runner's own folder: made complete and locked, and taken apart at the end."""

import os

from ampt_cli import instants, kernel, layout, lock, upkeep
from ampt_cli.errors import ConfigError
from ampt_cli.fsio import Disk


class Home:
    """`running/NAME`, which does not exist before it is locked and durable.

    A crash at any point before the move leaves a folder in tmp/, for the sweep;
    a crash after it leaves a runner of whom nobody lives, for the rescue.
    """

    def __init__(self, disk: Disk, now: int) -> None:
        self.disk = disk
        self.name = f"{instants.stamp(now)}-{os.urandom(4).hex()}"
        self.folder = f"{layout.RUNNING}/{self.name}"
        self.draft = f"{layout.TMP}/{self.name}"
        disk.make_folder(self.draft)
        try:
            for file in (layout.LOCK, layout.WORKERS):
                disk.write_new(f"{self.draft}/{file}", b"", sync=False)
        except BaseException:
            upkeep.remove(disk, self.draft)
            raise

    def move_in(self) -> None:
        """Take the lock, then appear in running/, durably: claims may go into it."""
        self.held = lock.hold(self.disk, self.draft)
        self.disk.sync(self.draft)  # a folder without its lock could never be rescued
        self.disk.move(self.draft, self.folder)
        self.disk.sync(layout.RUNNING)

    def move_out(self) -> None:
        """Remove the folder, unless claims are left in it: those are for the next rescue.

        The lock is held until this process ends.
        """
        upkeep.dismantle(self.disk, self.folder)
        upkeep.remove(self.disk, self.draft)


def check_place(disk: Disk, *, network: bool) -> None:
    """Raise ConfigError where renames, or kernel locks (unless `network`), cannot be relied on."""
    device = os.fstat(disk.root).st_dev
    for folder in layout.FOLDERS:
        try:
            found = os.stat(folder, dir_fd=disk.root).st_dev
        except FileNotFoundError:
            continue
        if found != device:
            raise ConfigError(
                f"{disk.path}/{folder} is on another file system than {disk.path}",
                "all of a spool must lie on one file system",
            )
    kind = kernel.network_file_system(disk.root)
    if kind is not None and not network:
        raise ConfigError(
            f"the spool {disk.path} is on {kind}: locks cannot be relied on there",
            "use a local file system, or set network_file_system = true at your own risk",
        )
