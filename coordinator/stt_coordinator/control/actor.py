"""Who asks for a change, and which way it came."""

from __future__ import annotations

from dataclasses import dataclass

from stt_shared.protocol.enums import Role, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who logged in; where nobody has to, name is empty and role is None."""

    name: str
    way: Way
    role: Role | None = None

    def known_as(self, told: str) -> str:
        """The name that is recorded: of the log-in, else the one that was told."""
        return self.name or told
