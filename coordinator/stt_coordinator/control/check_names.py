"""What a name of a check means: by the checks of the leader, whoever is asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.store.port import Ledger
from stt_shared.checkfile.catalogue import Catalogue

NOT_RECORDED = "the leader has not recorded its checks yet"


class CheckNames:
    """The names of the leader's checks; aliases are of `catalogue`, the own checks.

    Those may be of another pack: they neither add a check to `there` nor take one out.
    """

    def __init__(self, catalogue: Catalogue, there: Iterable[str]) -> None:
        self._catalogue, self.there = catalogue, frozenset(there)

    def meant(self, name: str) -> str:
        """The name of the check with this name or alias; empty: there is none."""
        if name in self.there:
            return name
        found = self._catalogue.find(name)
        return found.name if found is not None and found.name in self.there else ""

    def unknown(self, name: str, *, prefers_name: bool = False) -> str:
        """The sentence that no check has this name, with the most similar name or alias.

        `prefers_name`: of an alias the name of its check, where aliases are not taken.
        """
        own = self._catalogue.checks.values()
        aliases = (alias for one in own if one.name in self.there for alias in one.aliases)
        close = self.meant(name) if prefers_name else ""
        if not close:
            found = difflib.get_close_matches(name, [*self.there, *aliases], n=1)
            close = next(iter(found), "")
        hint = f", did you mean {close!r}?" if close else ""
        return f"unknown check {name!r:.100}{hint}"


def check_names(context: HandlerContext, ledger: Ledger) -> CheckNames:
    """The names of the leader's checks: elsewhere as it recorded them.

    Raises RequestError `unavailable` if it has not recorded them yet.
    """
    catalogue = context.library.catalogue
    if context.leads:
        return CheckNames(catalogue, catalogue.checks)
    found = CheckNames(catalogue, (one.check for one in ledger.fleet.checks()))
    if not found.there:
        raise request_error(ErrorCode.UNAVAILABLE, NOT_RECORDED)
    return found
