"""What all pages share: the template with the control state, and redirects after forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_303_SEE_OTHER

from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_shared.protocol.queries.fleet import MAX_FORGOTTEN, FleetReply

MAX_DIGITS = 10  # of a number in a form
UNNAMED_USER = "the web page"


def page(
    context: HandlerContext,
    template: str,
    *,
    title: str,
    at: str,
    status_code: int = HTTP_200_OK,
    **values: Any,
) -> Template:
    """A page; `at` is the address in the navigation that it belongs to."""
    common: dict[str, Any] = {"title": title, "page": at, "state": context.control_state.state}
    return Template(template, context={**common, **values}, status_code=status_code)


def redirect(path: str) -> Redirect:
    """Redirect after a form was sent, so that a reload does not send it again."""
    return Redirect(path, status_code=HTTP_303_SEE_OTHER)


def one_of(what: str, text: str, known: Iterable[str]) -> str:
    """The text, one of `known` or empty; raises RequestError for any other.

    Without the filter that it was meant for, a page would show everything.
    """
    names = list(known)
    if text and text not in names:
        expected = ", ".join(name for name in names if name)
        raise request_error(ErrorCode.BAD_REQUEST, f"{what} is {text!r:.60}, expected {expected}")
    return text


def reason_in(data: dict[str, str]) -> str:
    """The reason in a form; raises RequestError for a blank one.

    The verbs take requests without a reason: people who use a form have to give one.
    """
    reason = data.get("reason", "").strip()
    if not reason:
        raise request_error(ErrorCode.BAD_REQUEST, "the reason is empty: go back and enter one")
    return reason


async def forget_shown(
    forget: Callable[[int], Awaitable[FleetReply]],
    data: dict[str, str],
    number: Callable[[FleetReply], int],
) -> None:
    """Call `forget` with a limit until as many are forgotten as the form says that it showed.

    `number` is how many a reply forgot. What is left over since the page was made stays.
    """
    shown = data.get("shown", "")
    left = int(shown) if shown.isascii() and shown.isdigit() and len(shown) < MAX_DIGITS else 0
    while left > 0:
        reply = await forget(min(left, MAX_FORGOTTEN))
        left -= number(reply)
        if not reply.more or not reply.changed:
            return


def titles(context: HandlerContext) -> dict[str, str]:
    """The summary of each check, by its name."""
    return {check.name: check.summary for check in context.library.catalogue.checks.values()}
