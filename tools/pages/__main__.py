"""`python -m tools.pages`: write every page that needs neither servers nor a browser."""

from __future__ import annotations

from tools.pages.generated import PAGES, ROOT


def main() -> None:
    """Write the pages whose text changed, and name them."""
    for name, render in PAGES.items():
        path, text = ROOT / name, render()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main()
