"""The Link header of a page of a list (RFC 8288): its first page and its next page."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from litestar import Request, Response

PLACES = frozenset({"after", "offset"})  # parameters that select the page


class Paged(Protocol):
    """A reply with a cursor of the next page."""

    @property
    def next(self) -> str:
        """The cursor of the next page; empty on the last."""
        ...


R = TypeVar("R", bound=Paged)


def paged(request: Request[Any, Any, Any], reply: R) -> Response[R]:
    """The reply with its links, which keep every filter of the request."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in PLACES]
    links = [_link(request.url.path, kept, "first")]
    if reply.next:
        links.append(_link(request.url.path, [*kept, ("after", reply.next)], "next"))
    return Response(reply, headers={"Link": ", ".join(links)})


def _link(path: str, query: list[tuple[str, str]], relation: str) -> str:
    address = f"{path}?{urlencode(query)}" if query else path
    return f'<{address}>; rel="{relation}"'
