"""persist-queue, SQLiteAckQueue: `fill DIR N`, `drain DIR`, `one DIR`."""

import sys

from persistqueue import SQLiteAckQueue  # type: ignore[import-not-found]


def main() -> None:
    """Fill, or drain with an acknowledgement each."""
    queue = SQLiteAckQueue(sys.argv[2], auto_commit=True)
    if sys.argv[1] == "one":
        queue.put({"user_id": 7})
    elif sys.argv[1] == "fill":
        for number in range(int(sys.argv[3])):
            queue.put({"user_id": number})
    else:
        while queue.size:
            queue.ack(queue.get(block=False))


if __name__ == "__main__":
    main()
