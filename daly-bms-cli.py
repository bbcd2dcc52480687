#!/usr/bin/env python3
"""The command line, run from a clone."""

import sys

from dalybms.cli.main import main

sys.exit(main())
