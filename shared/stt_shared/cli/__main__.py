"""`python -m stt_shared.cli`: the command where its script is not on PATH."""

from __future__ import annotations

import sys

from stt_shared.cli import main

sys.exit(main())
