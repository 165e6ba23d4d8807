"""dirq, a folder queue: `fill DIR N`, `drain DIR`, `one DIR`."""

import sys

from dirq.QueueSimple import QueueSimple  # type: ignore[import-not-found]


def main() -> None:
    """Fill, or drain in a bare loop: no isolation, no record, no sync."""
    queue = QueueSimple(sys.argv[2])
    if sys.argv[1] == "one":
        queue.add('{"user_id": 7}')
    elif sys.argv[1] == "fill":
        for number in range(int(sys.argv[3])):
            queue.add('{"user_id": %d}' % number)  # noqa: UP031  what is measured is the queue
    else:
        for name in queue:
            if queue.lock(name):
                queue.get(name)
                queue.remove(name)


if __name__ == "__main__":
    main()
