"""Line 2: many events published together.

What was published stays until the end: where a file system was told to give up
the blocks of a hundred thousand files, the next sync waits for that.
"""

import json
from pathlib import Path

from tests.bench import spools
from tests.bench.measure import MIB, Figure, Sample, rates, ratios, run, take_turns, walls, weigh
from tests.bench.place import Place, at_rest, discard

ONE_BY_ONE = 1000  # events of the queue that syncs each: more only takes longer


def batch(place: Place, count: int, rounds: int) -> list[Figure]:
    """`publish --batch` and `publish_many` against the bare system calls."""
    lines = _lines(place, count)
    many = [place.python, place.program("many"), str(count)]
    raw, published, api = take_turns(
        rounds,
        lambda: _raw(place, count, {}),
        lambda: _into_spool(place, _batch(place, lines), {}),
        lambda: _into_spool(place, many, {}),
        warm_up=0,
    )
    series = {
        "raw limit": rates(count, raw),
        "publish --batch": rates(count, published),
        "publish_many": rates(count, api),
    }
    return [
        Figure(
            2,
            "batch",
            f"publish --batch, {count:,} events",
            "of the raw limit",
            0.6,
            "more",
            ratios(walls(raw), walls(published)),
            series=series,
        ),
        Figure(
            2,
            "publish_many",
            f"events.publish_many, {count:,} events",
            "of the raw limit",
            0.6,
            "more",
            ratios(walls(raw), walls(api)),
            series=series,
        ),
    ]


def memory(place: Place, count: int) -> list[Figure]:
    """What ten times as many events cost in memory when they are streamed from a file."""

    def most(command: list[str]) -> float:
        spool = spools.make(place.fresh("spool"))
        return weigh(place.python, command, place.with_spool(spool)) / MIB

    small, large = (most(_batch(place, _lines(place, n))) for n in (count // 10, count))
    return [
        Figure(
            2,
            "publish_many_memory",
            f"events.publish_many, {count:,} events: memory",
            "MiB",
            None,
            "less",
            [most([place.python, place.program("many"), str(count)])],
            note="it returns all ids, so it grows with their number",
        ),
        Figure(
            2,
            "batch_memory",
            f"publish --batch: memory with {count:,} events, against {count // 10:,}",
            "times",
            1.1,
            "less",
            [large / small],
            series={"MiB": [small, large]},
        ),
    ]


def slow_disk(place: Place, count: int, rounds: int) -> list[Figure]:
    """The same on a disk that needs 2 ms for a sync, against a queue that syncs each event."""
    slow = place.slow_sync()
    if not slow or not place.has("huey"):
        return []
    lines = _lines(place, count)

    def huey() -> Sample:
        file = place.fresh("huey")
        fill = ("fill", str(ONE_BY_ONE), "noop")
        sample = place.huey(file, *fill, **slow, HUEY_FSYNC="1")
        discard(file)
        return sample

    theirs, ours, raw = take_turns(
        rounds,
        huey,
        lambda: _into_spool(place, _batch(place, lines), slow),
        lambda: _raw(place, count, slow),
        warm_up=0,
    )
    return [
        Figure(
            2,
            "slow_sync",
            "publish --batch, a sync takes 2 ms",
            "times SqliteHuey, one by one",
            10,
            "more",
            ratios(rates(count, ours), rates(ONE_BY_ONE, theirs)),
            series={
                "publish --batch": rates(count, ours),
                "SqliteHuey(fsync=True)": rates(ONE_BY_ONE, theirs),
                "raw limit": rates(count, raw),
            },
        )
    ]


def _lines(place: Place, count: int) -> Path:
    path = place.folder / f"batch-{count}.jsonl"
    if not path.exists():
        with path.open("w", encoding="utf-8") as file:
            for number in range(count):
                file.write(json.dumps({"name": "user.joined", "body": {"user_id": number}}) + "\n")
    return path


def _batch(place: Place, lines: Path) -> list[str]:
    return [place.ampt, "publish", "--batch", str(lines)]


def _into_spool(place: Place, command: list[str], more: dict[str, str]) -> Sample:
    spool = spools.make(place.fresh("spool"))
    at_rest()
    return run(command, place.with_spool(spool, **more))


def _raw(place: Place, count: int, more: dict[str, str]) -> Sample:
    root = place.fresh("raw")
    root.mkdir()
    command = [place.python, "-I", place.program("raw_bulk"), str(root), str(count)]
    at_rest()
    return run(command, {**place.env, **more})
