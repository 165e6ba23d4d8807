"""How long a worker may take over what, and what is done when that is over."""

import os
from contextlib import suppress

from ampt_cli.deadline import SOFT_SIGNAL
from ampt_cli.ending import TIMEOUT
from ampt_cli.slot import Slot

GRACE = 0.5  # s between the exception in a handler and the end of its process group
IMPORT_TIMEOUT = 60.0  # s
STOLEN_AFTER = 0.05  # s that an event may run before what waits behind it is taken back
LISTEN_AFTER = 0.005  # s that an event may run before its output is drained as it comes
SILENCE = 10.0  # s that a worker may spend on an event outside of its handlers, or on leaving


def patience(slot: Slot, now: float, *, shortest: float, heard: bool) -> float:
    """How long (s) it may be left alone: until its next deadline, or until one could have come up.

    `shortest` is the shortest time that any handler is allowed, and `heard` says whether
    the output is drained as it comes.
    """
    if slot.killed_for or not slot.pid:
        return float("inf")  # its end wakes us, however long the kernel takes over it, or has
    if not slot.ready:
        return slot.since + IMPORT_TIMEOUT - now
    if not slot.waiting:
        return float("inf")
    limit, wait = slot.deadline, shortest  # it may have begun one right after we looked
    if limit:
        wait = limit + (GRACE if limit == slot.signalled else 0) - now
    if not heard:
        return min(wait, LISTEN_AFTER)
    return min(wait, STOLEN_AFTER) if len(slot.waiting) > 1 else wait


def enforce(slot: Slot, now: float) -> list[int]:
    """Signal and kill what is over its time; take back what waits behind a slow event: these."""
    limit = slot.deadline
    if not slot.ready:
        if slot.pid and now > slot.since + IMPORT_TIMEOUT:
            slot.kill(f"was ended, for importing the handlers took more than {IMPORT_TIMEOUT:g} s")
        return []
    if limit and slot.waiting and now >= limit:
        if limit != slot.signalled:
            slot.signalled = limit
            with suppress(PermissionError):  # it is another user's by now, as sudo is
                os.kill(slot.pid, SOFT_SIGNAL)
        if now >= limit + GRACE:
            slot.kill(TIMEOUT)
    if limit or not (slot.waiting or slot.leaving):
        slot.silent = 0.0
    elif not slot.silent or slot.since > slot.silent:
        slot.silent = now
    elif now - slot.silent > SILENCE:
        slot.kill("hung outside of a handler")
    if len(slot.waiting) > 1 and now - slot.since > STOLEN_AFTER:
        slot.pace = max(slot.pace, STOLEN_AFTER)
        return slot.take_back()
    return []
