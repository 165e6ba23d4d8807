"""`python -m ampt_cli`: the same as `ampt`."""

import sys

from ampt_cli.entry import main

sys.exit(main())
