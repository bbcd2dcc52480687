"""`python -m dalybms` is the command line."""

import sys

from dalybms.cli.main import main

sys.exit(main())
