"""`python -m tools.record_surface`: write tests/data/surface anew from the running code."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.surface import RECORDED, SURFACE, text_of


def main() -> None:
    """Write one file a kind of name, or into the folder that is named; git shows what changed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED
    folder.mkdir(parents=True, exist_ok=True)
    for name, read in SURFACE.items():
        (folder / f"{name}.json").write_text(text_of(read()) + "\n", encoding="utf-8")
    print(f"wrote {len(SURFACE)} files in {folder}")


if __name__ == "__main__":
    main()
