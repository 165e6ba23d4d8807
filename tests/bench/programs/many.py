"""`events.publish_many` with N events: `many.py N`; the spool is in AMPT_SPOOL."""

import sys

from ampt_cli import events


def main() -> None:
    """Publish N small events as one batch."""
    count = int(sys.argv[1])
    events.publish_many(("user.joined", {"user_id": number}) for number in range(count))


if __name__ == "__main__":
    main()
