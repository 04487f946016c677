"""Answer requests as a NATS micro service (ADR-32), so that `nats service` tools see it.

The class of the client is not used: it runs requests of an endpoint sequentially and does not
survive a new client.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from nats.aio.msg import Msg

from stt_shared import clock, identity
from stt_shared.bus.jetstream.link import Callback, Link, Wire
from stt_shared.bus.port import SERVICE_GROUP, Handler
from stt_shared.bus.values import NoReplyError, Request, RequestError
from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import background_task
from stt_shared.protocol.subjects import SERVICE, SERVICE_VERSION
from stt_shared.telemetry.logs import log_crash, logger

TYPE = "io.nats.micro.v1."
MAX_RUNNING = 64  # concurrent requests; more have to wait
CODE_BUG = "500"
STATUS = "Status"
REQUEST_INFO = "Nats-Request-Info"  # written by the server for messages of other accounts
MAX_INFO_CHARACTERS = 4_096

log = logger("service")


@dataclass(slots=True)
class _Endpoint:
    subject: str
    handler: Handler
    group: str
    requests: int = 0
    errors: int = 0
    last_error: str = ""
    dropped: int = 0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.subject.rpartition(".")[2]

    def info(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "subject": self.subject,
            "queue_group": self.group,
            "metadata": {},
        }

    def stats(self) -> dict[str, Any]:
        nanoseconds = int(self.seconds * 1e9)
        return {
            "name": self.name,
            "subject": self.subject,
            "queue_group": self.group,
            "num_requests": self.requests,
            "num_errors": self.errors,
            "last_error": self.last_error,
            "processing_time": nanoseconds,
            "average_processing_time": nanoseconds // max(1, self.requests),
        }


@dataclass(eq=False, slots=True)
class Service:
    """One instance of the service; endpoints run concurrently."""

    link: Link
    handlers: Mapping[str, Handler]
    group: str = SERVICE_GROUP
    endpoints: list[_Endpoint] = field(default_factory=list[_Endpoint])
    wires: list[Wire] = field(default_factory=list[Wire])
    running: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_RUNNING))
    started: str = field(default_factory=lambda: clock.to_text(clock.now()))
    id: str = ""

    async def open(self) -> None:
        """Subscribe to every subject of the service and of its discovery."""
        self.id = identity.digest(self.link.client.new_inbox().encode())[:22]
        for subject, handler in self.handlers.items():
            endpoint = _Endpoint(subject, handler, self.group)
            self.endpoints.append(endpoint)
            self.wires.append(await self.link.wire(subject, self._taker(endpoint), self.group))
        for verb, body in {"PING": self._ping, "INFO": self._info, "STATS": self._stats}.items():
            for tail in ("", f".{SERVICE}", f".{SERVICE}.{self.id}"):
                self.wires.append(await self.link.wire(f"$SRV.{verb}{tail}", self._discovery(body)))

    async def close(self) -> None:
        """Accept no more requests and wait for the running ones."""
        for wire in self.wires:
            # First no more requests, then the end of those under way: their answers still go out.
            await self.link.unwire(wire)
        await asyncio.gather(*self.running, return_exceptions=True)

    def _taker(self, endpoint: _Endpoint) -> Callback:
        async def take(message: Msg) -> None:
            # The server's answer to somebody whose reply subject was this one: as a request with
            # an empty body it would have the defaults of the verb.
            if STATUS in (message.headers or {}):
                endpoint.dropped += 1
                log.warning("request_dropped", subject=endpoint.subject)
                return
            task = background_task(self._answer(endpoint, message), endpoint.name, log_crash)
            self.running.add(task)
            task.add_done_callback(self.running.discard)

        return take

    def _discovery(self, body: Any) -> Callback:
        async def inform(message: Msg) -> None:
            await self._reply(message, json.dumps(body()).encode())

        return inform

    async def _answer(self, endpoint: _Endpoint, message: Msg) -> None:
        # The limit: without it a burst of requests would run all at once against the store.
        async with self.places:
            begun = clock.monotonic()
            try:
                request = Request(data=message.data, account=account_of(message.headers))
                data, headers = await endpoint.handler(request), None
            except NoReplyError:
                return
            except RequestError as error:
                data, headers = b"", self._fault(endpoint, error.code, error.message)
            except Exception as error:  # an edge: one bad request must not end the service
                log.exception("handler_failed", subject=endpoint.subject)
                sentence = f"this is a bug in the coordinator ({type(error).__name__})"
                data, headers = b"", self._fault(endpoint, CODE_BUG, sentence)
            endpoint.requests += 1
            endpoint.seconds += clock.monotonic() - begun
        await self._reply(message, data, headers)

    def _fault(self, endpoint: _Endpoint, code: str, sentence: str) -> dict[str, str]:
        endpoint.errors += 1
        endpoint.last_error = f"{code}:{sentence}"
        # A line feed would end the header.
        one_line = " ".join(sentence.split())
        return {"Nats-Service-Error": one_line, "Nats-Service-Error-Code": code}

    async def _reply(
        self, message: Msg, data: bytes, headers: dict[str, str] | None = None
    ) -> None:
        if not message.reply:
            return
        try:
            await self.link.publish(message.reply, data, headers=headers)
        except UnreachableError:
            log.warning("reply_failed", subject=message.subject)

    def _identity(self, kind: str) -> dict[str, Any]:
        return {
            "type": f"{TYPE}{kind}_response",
            "name": SERVICE,
            "id": self.id,
            "version": SERVICE_VERSION,
            "metadata": {},
        }

    def _ping(self) -> dict[str, Any]:
        return self._identity("ping")

    def _info(self) -> dict[str, Any]:
        return self._identity("info") | {
            "description": "Security Threat Tool, coordinator",
            "endpoints": [endpoint.info() for endpoint in self.endpoints],
        }

    def _stats(self) -> dict[str, Any]:
        return self._identity("stats") | {
            "started": self.started,
            "endpoints": [endpoint.stats() for endpoint in self.endpoints],
        }


class _Info(msgspec.Struct):
    acc: str = ""


_INFO = msgspec.json.Decoder(_Info)


def account_of(headers: Mapping[str, str] | None) -> str:
    """The account that the server names as the sender's; empty for one of our own account."""
    text = (headers or {}).get(REQUEST_INFO, "")
    if not text or len(text) > MAX_INFO_CHARACTERS:
        return ""
    try:
        return _INFO.decode(text).acc
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
