"""`python -m scripts.pages`: write the pages; with --check, say which differ, and exit 1."""

import sys
from pathlib import Path

from scripts.pages.generated import pages

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Compare or write."""
    check = sys.argv[1:] == ["--check"]
    stale = 0
    for name, text in pages().items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{name} {'is not what the code says: make docs' if check else 'written'}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


sys.exit(main())
