"""Somebody who is asking, and whether that is enough for what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stt_shared.protocol.enums import Role

_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A name and a role; the name is empty where no log-in is configured.

    `session` says whether it is a session of the page, which can be ended by logging out.
    """

    name: str
    role: Role
    session: bool = False

    def may(self, role: Role | str) -> bool:
        """Whether this role is `role` or more."""
        return _RANK[self.role] >= _RANK[Role(role)]


ANYBODY = Who(name="", role=Role.ADMIN)  # on this machine, without a log-in


def who_asks(scope: Any) -> Who | None:
    """Who was found to be asking; None if nobody is logged in, or no gate was passed."""
    found: Who | None = scope.get("user")
    return found


def enough(role: Role) -> str:
    """The roles that may do what needs `role`, in words."""
    return " or ".join(one for one in Role if _RANK[one] >= _RANK[role])
