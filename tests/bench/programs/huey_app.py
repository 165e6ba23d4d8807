"""huey with its SqliteHuey storage: publish, and the consumer's events. See `main`."""

import os
import signal
import sys
import time
from typing import Any

import huey as peer  # type: ignore[import-not-found]

SYNC = {"0": False, "1": True}.get(os.environ.get("HUEY_FSYNC", ""))  # None: huey's default
huey = peer.SqliteHuey("bench", filename=os.environ["HUEY_FILE"], fsync=SYNC)


@huey.task()
def noop(body: Any) -> None:
    """An event that does nothing."""


@huey.task()
def burn(body: Any) -> None:
    """An event that uses 1 ms of CPU."""
    end = time.thread_time_ns() + 1_000_000
    while time.thread_time_ns() < end:
        pass


@huey.task()
def last(body: Any) -> None:
    """Note when (ns since 1970), and end the consumer: the queue is empty."""
    with open(os.environ["HUEY_LAST"], "w", encoding="ascii") as file:
        file.write(str(time.time_ns()))
    os.kill(os.getppid(), signal.SIGTERM)


def main() -> None:
    """`one` enqueues an event for tomorrow; `fill N noop [last]` N events, and the last one.

    Started as `python -c 'import huey_app; huey_app.main()'`: the consumer
    finds tasks by the name of their module.
    """
    if sys.argv[1] == "one":
        noop.schedule(({"user_id": 7},), delay=86_400)
        return
    task = {"noop": noop, "burn": burn}[sys.argv[3]]
    for number in range(int(sys.argv[2])):
        task({"user_id": number})
    if len(sys.argv) == 5:
        last(None)
