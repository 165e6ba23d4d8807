"""`python -m ampt_cli`: the same as `ampt`."""

import sys

from ampt_cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
