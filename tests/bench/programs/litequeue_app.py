"""litequeue, a queue in one SQLite file: `fill FILE N`, `drain FILE`, `one FILE`."""

import sys

from litequeue import LiteQueue  # type: ignore[import-not-found]


def main() -> None:
    """Fill, or drain in a bare loop."""
    queue = LiteQueue(sys.argv[2])
    if sys.argv[1] == "one":
        queue.put('{"user_id": 7}')
    elif sys.argv[1] == "fill":
        for number in range(int(sys.argv[3])):
            queue.put(f'{{"user_id": {number}}}')
    else:
        while (taken := queue.pop()) is not None:
            queue.done(taken.message_id)


if __name__ == "__main__":
    main()
