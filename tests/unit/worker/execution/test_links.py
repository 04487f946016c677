"""A finding may point where PMM's may, but nowhere that runs code."""

from __future__ import annotations

import pytest

from stt_worker.execution.links import is_link
from tests.support.checks import go

LINKS = (
    *("https://example.org/a?b=c#d", "/docs/x", "//x/y", "http:///x", "mailto:dba@example.org"),
    *("ftp://x", "https://a:80/", "https://[::1]:1/", "https://u:p@h/x", "/a b", "http:a", "/é"),
    *("HTTPS://A/", "https://é/x", "/a?%zz"),
)
NO_LINKS = (
    *("nowhere", "docs/x", "#a", "?a", "http://a b/", "http://a/%zz", "https://a:8x/", "https://["),
    *("/%4", "/a\nb", "https://a\\b/", "1a://b"),
)


@pytest.mark.parametrize("text", [*LINKS, *NO_LINKS])
def test_what_pmm_takes_is_taken_and_nothing_else(text: str) -> None:
    assert is_link(text) == go.is_request_uri(text) == (text in LINKS)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", "file:///etc", "x:"])
def test_a_scheme_that_may_run_code_is_refused_although_pmm_takes_it(text: str) -> None:
    assert go.is_request_uri(text)
    assert not is_link(text)
