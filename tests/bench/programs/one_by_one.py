"""Publish at random instants, and tell for each id when publish returned (ns since 1970).

`one_by_one.py N MIN_MS MAX_MS [AFTER_MS]`: waits that long between events, and
with AFTER_MS publishes them for a random instant within so many milliseconds.
"""

import random
import sys
import time

from ampt_cli import events


def main() -> None:
    """One line for each event: id, when publish returned, and its due time (ms)."""
    count, low, high = (int(word) for word in sys.argv[1:4])
    span = int(sys.argv[4]) if len(sys.argv) == 5 else 0
    for number in range(count):
        time.sleep(random.uniform(low, high) / 1000)
        if span:
            after = random.randint(1000, span)
            made = events.publish("bench.note", {"n": number}, after=after)
        else:
            made = events.publish("bench.note", {"n": number})
        returned = time.time_ns()
        print(made.id, returned, made.due)


if __name__ == "__main__":
    main()
