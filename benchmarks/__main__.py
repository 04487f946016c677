"""All benchmarks one after the other: `python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = ("sandbox", "library", "ingest", "store", "coordinators", "jobs", "counts", "page")


def main() -> int:
    """Run those named, or all; 1 if one of them failed."""
    failed = 0
    for name in sys.argv[1:] or NAMES:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
        failed |= done.returncode
    return int(failed != 0)


if __name__ == "__main__":
    if not Path("benchmarks").is_dir():
        sys.exit("run it in the root of the checkout")
    sys.exit(main())
