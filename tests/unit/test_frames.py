"""What a worker tells its supervisor, through a pipe that cuts it anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from ampt_cli.frames import Incoming, frame

FRAMES = st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(max_size=40)), max_size=8)
READS = st.lists(st.integers(1, 60))  # bytes that each read brings; the last one brings the rest


@given(FRAMES, READS)
def test_each_frame_is_heard_once_in_order_with_its_last_byte(
    told: list[tuple[bytes, bytes]], reads: list[int]
) -> None:
    """However the pipe cuts them: none is early, late, lost, or made of two."""
    frames = [frame(kind, payload) for kind, payload in told]
    ends = [len(b"".join(frames[: number + 1])) for number in range(len(frames))]
    incoming, heard, rest = Incoming(), list[tuple[bytes, bytes]](), b"".join(frames)
    whole = len(rest)
    for count in [*reads, whole]:
        heard += incoming.take(rest[:count])
        rest = rest[count:]
        assert heard == told[: sum(end <= whole - len(rest) for end in ends)]


def test_a_long_frame_has_its_length_in_four_bytes() -> None:
    """Tracebacks of many handlers are longer than a short number of bytes can say."""
    long = b"x" * 70_000

    assert frame(b"F", long) == b"F" + b"\x00\x01\x11\x70" + long
