"""Spools with many events in them, written as spool_format.md has it, without our code."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

HOUR = 3600
FOLDERS = ("tmp", "ids", "pending", "retry", "running", "done", "dead", "quarantine")


def make(spool: Path) -> Path:
    """An empty spool."""
    spool.mkdir(mode=0o700)
    for folder in FOLDERS:
        (spool / folder).mkdir(mode=0o700)
    os.mkfifo(spool / "wake", 0o600)
    (spool / "FORMAT").write_text("ampt-spool 1\n", encoding="ascii")
    (spool / "FORMAT").chmod(0o600)
    return spool


def fill(spool: Path, name: str, dues: Iterable[float]) -> None:
    """One pending event for each due time (s since 1970, in order), each a file of its own."""
    made = int(time.time()) - 24 * HOUR  # before any due time
    opened, bucket = -1, ""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    for number, due in enumerate(dues):
        whole = int(due)
        wanted = time.strftime("%Y-%m-%d/%H", time.gmtime(whole))
        if wanted != bucket:
            if opened >= 0:
                os.close(opened)
            bucket, opened = wanted, _bucket(spool, wanted)
        milli = int(due * 1000) % 1000
        stamp = time.strftime(f"%Y%m%dT%H%M%S{milli:03}Z", time.gmtime(whole))
        id_ = f"{number:020x}{whole // HOUR:06x}"
        fd = os.open(f"{stamp}.{id_}.a0.{name}.json", flags, 0o600, dir_fd=opened)
        os.write(
            fd,
            f'{{"ampt":1,"id":"{id_}","name":"{name}","time":{made}000,'
            f'"due":{whole}{milli:03},"body":{{"user_id":{number}}}}}\n'.encode(),
        )
        os.close(fd)
    if opened >= 0:
        os.close(opened)


def _bucket(spool: Path, bucket: str) -> int:
    folder = spool / "pending" / bucket
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.close(os.open(".durable", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def due_now(spool: Path, count: int, name: str) -> Path:
    """A new spool with so many events that are due, all in one bucket."""
    hour = int(time.time()) // HOUR * HOUR - HOUR
    step = (HOUR - 1) / count
    fill(make(spool), name, (hour + number * step for number in range(count)))
    return spool


def year(spool: Path, count: int) -> Path:
    """A new spool whose events are spread over the coming year, from two hours ahead."""
    begin = int(time.time()) + 2 * HOUR
    step = (365 * 24 - 3) * HOUR / count
    fill(make(spool), "bench.noop", (begin + number * step for number in range(count)))
    return spool
