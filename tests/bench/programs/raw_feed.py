"""The raw limit of a drain: one pre-forked worker, a rename to claim and one to settle.

Nothing is written, nothing is recorded and nothing is watched: what remains is
what the file system and two pipes cost.
"""

import os
import sys

WINDOW = 16
RECORD = 8


def main() -> None:
    """`raw_feed.py DIR`: every file of DIR/bucket goes to DIR/done, through DIR/running."""
    root = sys.argv[1]
    bucket, running, done = (os.open(f"{root}/{n}", os.O_RDONLY) for n in ("bucket", "run", "done"))
    queue_r, queue_w = os.pipe()
    result_r, result_w = os.pipe()
    if os.fork() == 0:
        os.close(queue_w)
        while record := os.read(queue_r, RECORD):
            os.write(result_w, record)
        os._exit(0)
    waiting: dict[int, str] = {}
    for number, name in enumerate(sorted(os.listdir(bucket))):
        os.rename(name, name, src_dir_fd=bucket, dst_dir_fd=running)
        waiting[number] = name
        os.write(queue_w, number.to_bytes(RECORD, "big"))
        if len(waiting) >= WINDOW:
            settle(result_r, waiting, running, done)
    while waiting:
        settle(result_r, waiting, running, done)


def settle(result_r: int, waiting: dict[int, str], running: int, done: int) -> None:
    """Settle what the worker has reported."""
    data = os.read(result_r, RECORD * WINDOW)
    for at in range(0, len(data), RECORD):
        name = waiting.pop(int.from_bytes(data[at : at + RECORD], "big"))
        os.rename(name, name, src_dir_fd=running, dst_dir_fd=done)


if __name__ == "__main__":
    main()
