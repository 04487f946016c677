"""`python -m stt_cli`: the command where its script is not on PATH."""

from __future__ import annotations

import sys

from stt_cli.entry import main

sys.exit(main())
