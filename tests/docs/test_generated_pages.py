"""Every page that is rendered from the code says what the code says now."""

from __future__ import annotations

import pytest

from tools.pages.generated import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_renders(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name](), "write it: make pages"
