"""Requests of the doctor: to nats-server by its own subjects, to its monitoring by HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from stt_cli.doctor.diagnostic_line import Unknown
from stt_cli.doctor.rights import Permissions
from stt_shared.bus.port import Bus
from stt_shared.bus.values import RequestError
from stt_shared.command.control import Control
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.codec import UNDECODABLE
from stt_shared.protocol.control import Empty, Verb
from stt_shared.protocol.messages import Value

MONITOR_TIMEOUT_S = 5.0
SYSTEM_ACCOUNT_TIMEOUT_S = 1.0  # only a system account gets an answer: do not wait long
MAX_MONITOR_BYTES = 4 * 1024 * 1024
R = TypeVar("R", bound=Value)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_SYSTEM_VARZ = "$SYS.REQ.SERVER.PING.VARZ"


@dataclass(slots=True)
class Asker:
    """Sends requests to nats-server; a subject that `permissions` forbid is not requested."""

    bus: Bus
    timeout_s: float
    permissions: Permissions | None = None

    def refused(self, subject: str) -> str:
        """Why this user may not publish to `subject`; empty if allowed or unknown."""
        if self.permissions is None or self.permissions.may("publish", subject):
            return ""
        return f"this user may not publish to {subject}"

    async def ask(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The server's answer; its key `unanswered` holds the reason if there is none."""
        # The server drops a forbidden message without a reply: a request would run into timeout.
        if why := self.refused(subject):
            return {"unanswered": why}
        data = json.dumps(body).encode() if body else b""
        try:
            return _OBJECT.decode(await self.bus.request(subject, data, timeout=self.timeout_s))
        except (UnreachableError, RequestError, *UNDECODABLE) as error:
            return {"unanswered": str(error)}

    async def ask_coordinator(self, control: Control, verb: Verb, reply: type[R]) -> R | Unknown:
        """The coordinator's answer, or why this user may not ask; raises what `ask` raises."""
        subject = subjects.control(verb)
        if why := self.refused(subject):
            return Unknown(because=why, todo="diagnose it as an operator: stt doctor --as operator")
        return await control.ask(verb, Empty(), reply)

    async def varz(self, monitor_url: str | None) -> tuple[dict[str, Any] | None, str]:
        """The server's settings and state, or None and the reason."""
        if monitor_url is None:
            timeout_s = min(SYSTEM_ACCOUNT_TIMEOUT_S, self.timeout_s)
            found = (await replace(self, timeout_s=timeout_s).ask(_SYSTEM_VARZ)).get("data")
            return found, "only the monitoring address or a system account can read it"
        from stt_shared import http_client  # noqa: PLC0415  # httpx only where it is used

        url = monitor_url.rstrip("/") + "/varz"
        try:
            async with (
                asyncio.timeout(MONITOR_TIMEOUT_S),
                http_client.open_client(ssl.create_default_context()) as client,
                client.stream("GET", url) as reply,
            ):
                if reply.is_success:
                    body = await http_client.read_body(reply, MAX_MONITOR_BYTES)
                    return _OBJECT.decode(body), ""
                why = f"{url} answers {reply.status_code}"
        except TimeoutError:
            why = f"no answer from {url} within {MONITOR_TIMEOUT_S:g} s"
        except UNDECODABLE:
            why = f"{url} answers with something else than JSON"
        except http_client.FAILURES as error:
            why = f"{url} {http_client.failure_of(error)}"
        return None, why
