"""What a worker tells its supervisor: frames, in its result pipe.

A frame is a kind (one byte), a length (four, big endian), and a payload, whose form its
kind decides. Where it answers an event, it begins with SEQ and a newline.
"""

from collections.abc import Iterator
from struct import Struct

READY, UNUSABLE = b"R", b"X"
SUCCEEDED, IGNORED, ATTEMPTED = b"S", b"I", b"F"
RECORDED = b"s"  # succeeded, with the record appended; the payload is its µs
DAMAGED, TOO_NEW, UNREADABLE = b"Q", b"N", b"U"
LEAVING, POKE = b"L", b"T"
OF_ITSELF = frozenset({READY, UNUSABLE, LEAVING, POKE})  # the kinds that answer no event
DEATH = b"D"  # said by nobody: the supervisor's, of an attempt whose worker ended
TIMED_OUT = b"timeout"  # why it leaves
HEAD = Struct(">cI")
Report = tuple[bytes, int, bytes, bytes]  # what became of an event: kind, seq, payload, output


def frame(kind: bytes, payload: bytes) -> bytes:
    """What the supervisor is told, as it stands in the pipe."""
    return HEAD.pack(kind, len(payload)) + payload


class Incoming:
    """The frames of one worker, however the pipe cuts them."""

    def __init__(self) -> None:
        self._held = b""  # the beginning of a frame

    def take(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The kind and the payload of each frame that is whole with `data`."""
        frames, at = self._held + data, 0
        while len(frames) >= at + HEAD.size:
            kind, length = HEAD.unpack_from(frames, at)
            begin = at + HEAD.size
            if len(frames) < begin + length:
                break
            at = begin + length
            yield kind, frames[begin:at]
        self._held = frames[at:]
