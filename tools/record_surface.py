"""`python -m tools.record_surface`: write tests/data/surface anew from the running code."""

from __future__ import annotations

from tools.surface import RECORDED, SURFACE, text_of


def main() -> None:
    """Write one file a kind of name; git shows what changed."""
    RECORDED.mkdir(parents=True, exist_ok=True)
    for name, read in SURFACE.items():
        (RECORDED / f"{name}.json").write_text(text_of(read()) + "\n", encoding="utf-8")
    print(f"wrote {len(SURFACE)} files in {RECORDED}")


if __name__ == "__main__":
    main()
