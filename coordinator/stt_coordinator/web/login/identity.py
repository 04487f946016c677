"""The identity of a request: a name with a role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stt_shared.protocol.enums import Role

_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A name and a role; the name is empty where no log-in is configured.

    `session`: it is a session of the page, which logging out ends.
    """

    name: str
    role: Role
    session: bool = False

    def may(self, role: Role | str) -> bool:
        """Whether this role is `role` or more."""
        return _RANK[self.role] >= _RANK[Role(role)]


LOCAL_USER = Identity(name="", role=Role.ADMIN)  # on this machine, without a log-in


def identity_of(scope: Any) -> Identity | None:
    """The identity that was found; None without a login, or before authentication."""
    found: Identity | None = scope.get("user")
    return found


def roles_from(role: Role) -> str:
    """The roles that are `role` or more, e.g. `operator or admin`."""
    return " or ".join(one for one in Role if _RANK[one] >= _RANK[role])
