"""Coverage-guided fuzzing of the three parsers: python -m tests.faults.fuzz_atheris PARSER [ARGS].

PARSER is entry_content, file_name or after; ARGS go to libFuzzer, for example
-max_total_time=60. Needs `pip install atheris`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # not in the dev group

with atheris.instrument_imports(include=["ampt_cli"]):
    from tests.faults import parsers


SEEDS = {
    "entry_content": (
        b'{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":null}\n',
        b'{"ampt":1,"id":"x","name":"\\u00e9","time":1,"due":2,"body":[{"a":1.5e3},"\\ud83d\\ude00"],"x":1}\n',
    ),
    "file_name": (
        b"20261124T101500123Z.order-7.a0.user.joined.json",
        b"20261124T101500123Z.3f9c0a1244d0e5b7a9c1079bb2.a3.a%2Fb%20c.json",
        b"20240229T235959999Z.x.a999999.=" + b"YWJj" * 20 + b".json",
    ),
    "after": (
        b"1 day",
        b"2 Months",
        b"90s",
        b"@1800000000",
        b"2027-01-31T09:00Z",
        b"1795500000001",
    ),
}


def main() -> None:
    """Fuzz the parser that is named until it breaks, or the time is over."""
    name = sys.argv.pop(1)
    parse = getattr(parsers, name)

    def one(data: bytes) -> None:
        if name == "entry_content":
            parse(data)
        else:
            parse(data.decode("utf-8", "surrogateescape" if name == "file_name" else "replace"))

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            Path(corpus, str(number)).write_bytes(seed)
        arguments = [*sys.argv, "-use_value_profile=1", f"-artifact_prefix={corpus}/", corpus]
        atheris.Setup(arguments, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
