"""One session with a MongoDB server: greeting, log-in, then all questions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.distribution import installed_version
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases.bounds import bounded, too_much_memory
from stt_worker.databases.held import Answers
from stt_worker.databases.mongodb import accounts, errors, login
from stt_worker.databases.mongodb.commands import command, tests
from stt_worker.databases.mongodb.errors import API_REQUIRED, UNKNOWN_COMMAND
from stt_worker.databases.mongodb.values import document
from stt_worker.databases.mongodb.wire import CommandError, TooLargeError, Wire, WireError
from stt_worker.databases.port import Answer, Endpoint, Failure, InspectionError, Limits

MIN_WIRE_VERSION = 6  # of MongoDB 3.6, the first that speaks OP_MSG
MAX_APPLICATION_BYTES = 128
ACCOUNTS_S = 80.0  # for all users and roles; longer, and the parent kills this process first
# Of an answer about users or roles: slices this large fit, decoded, into the 40 MiB that an
# inspection has.
MAX_ACCOUNTS_BYTES = 3 * 1_048_576
BROKEN = (OSError, EOFError, WireError)  # after these errors the connection is unusable
_MAX_GREETING_BYTES = 1_048_576
_DRIVER = {"name": "stt", "version": installed_version()}
# Part of each command, so that no default of the server or the cluster applies: the member that
# is asked answers from its own data and asks no other member.
_PREFERENCE = {"$readPreference": {"mode": "primaryPreferred"}}
_CONCERN = {"readConcern": {"level": "local"}}
_WITH_CONCERN = frozenset({"mongodb", "percona"})  # emulators accept it for some commands only


class Session:
    """A connection in use; `lost` is the failure that made it unusable."""

    def __init__(self, wire: Wire, endpoint: Endpoint, limits: Limits) -> None:
        self._wire, self._endpoint, self._limits = wire, endpoint, limits
        self._hello = "hello"
        self._pins: dict[str, Any] = dict(_PREFERENCE)
        self.lost: Failure | None = None

    async def greet(self) -> dict[str, Any]:
        """Log in and return the server's greeting. The caller limits the time.

        An arbiter has no users, so there is no log-in. Raises InspectionError, and what `Wire.ask`
        raises.
        """
        name = self._endpoint.application.encode()[:MAX_APPLICATION_BYTES].decode(errors="ignore")
        client = {"application": {"name": name}, "driver": _DRIVER, "os": {"type": "unknown"}}
        words = {"client": client, **login.greeting(self._endpoint)}
        hello: dict[str, Any] | None = None
        # Ends: at most three attempts, each with other fields for older servers.
        while hello is None:
            try:
                wanted = {self._hello: 1, **words, **self._pins}
                hello = await self._wire.ask("admin", wanted, _MAX_GREETING_BYTES)
            except CommandError as error:
                if error.code == UNKNOWN_COMMAND and self._hello == "hello":
                    self._hello = "isMaster"  # before 4.4.2
                elif error.code == API_REQUIRED and "apiVersion" not in self._pins:
                    self._pins["apiVersion"] = "1"
                else:
                    raise
        spoken = hello.get("maxWireVersion")
        if not isinstance(spoken, int) or spoken < MIN_WIRE_VERSION:
            why = "the server is older than MongoDB 3.6, which is the oldest that can be checked"
            raise InspectionError(Kind.CONFIG, why)
        if not hello.get("arbiterOnly"):
            await login.log_in(
                self._wire, self._endpoint, self._pins, hello.get("saslSupportedMechs")
            )
        return hello

    def known(self, facts: Facts) -> None:
        """Add the pins that a server of this flavour accepts."""
        if facts.flavour in _WITH_CONCERN:
            self._pins |= _CONCERN

    async def build(self) -> dict[str, Any]:
        """`buildInfo`; empty if this user may not read it. Raises InspectionError."""
        found = await self._received(self._sent({"buildInfo": 1}))
        if isinstance(found, Failure) and self.lost is not None:
            raise InspectionError(found.kind, found.reason)
        return {} if isinstance(found, Failure) else found

    async def answers(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        """The answer to each question: a list with the one document of the reply.

        All are sent before the first answer is read, so all cost one round trip. Questions about
        users follow, whose commands depend on each other.
        """
        sent: dict[Question, int | Failure] = {}
        asked = dict.fromkeys(questions)
        about_users = [one for one in asked if one.type is QueryType.MONGODB_USERS]
        for one in asked:
            if one in about_users:
                continue
            wanted = command(one)
            if isinstance(wanted, Failure):
                sent[one] = wanted
                continue
            if "hello" in wanted:
                wanted = {self._hello: wanted.pop("hello"), **wanted}
            sent[one] = self._sent(wanted)
        answers: Answers[Question, Answer] = Answers(self._limits.bytes)
        for one, number in sent.items():
            answers[one] = number if isinstance(number, Failure) else await self._answer(number)
        for one in about_users:
            answers[one] = await self._accounts(one)
        return answers

    async def _answer(self, number: int) -> Answer:
        try:
            reply = await self._received(number)
            if isinstance(reply, Failure):
                return reply
            return bounded([document(reply)], self._limits)
        except MemoryError:  # the message was read to its end, so the next can be read
            return too_much_memory()
        except ValueError as error:
            return Failure(kind=Kind.QUERY, reason=f"malformed answer: {error}")

    async def _accounts(self, question: Question) -> Answer:
        wanted = tests(question)
        if isinstance(wanted, Failure):
            return wanted
        try:
            async with asyncio.timeout(ACCOUNTS_S):
                found = await accounts.rows(self._ask, wanted)
            return found if isinstance(found, Failure) else bounded(found, self._limits)
        except TimeoutError:
            # The connection has an answer under way, which no later question may read.
            self.lost = Failure(
                kind=Kind.TIMEOUT, reason=f"the users could not be read within {ACCOUNTS_S:g} s"
            )
            return self.lost
        except MemoryError:
            return too_much_memory()
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            return Failure(kind=Kind.QUERY, reason=f"malformed answer: {error!r}")

    async def _ask(self, wanted: dict[str, Any], database: str) -> dict[str, Any] | Failure:
        return await self._received(
            self._sent(wanted, database), min(MAX_ACCOUNTS_BYTES, self._limits.bytes)
        )

    def _sent(self, wanted: dict[str, Any], database: str = "admin") -> int:
        statement_ms = max(1, round(self._limits.statement_s * 1_000))
        return self._wire.send(database, {**wanted, **self._pins, "maxTimeMS": statement_ms})

    async def _received(self, number: int, most: int | None = None) -> dict[str, Any] | Failure:
        if self.lost is not None:
            return self.lost
        seconds = self._limits.client_s
        try:
            async with asyncio.timeout(seconds):
                return await self._wire.receive(number, most or self._limits.bytes)
        except TimeoutError:
            why = f"no answer within {seconds:g} s, the connection was cut"
            self.lost = Failure(kind=Kind.TIMEOUT, reason=why)
            return self.lost
        except (CommandError, TooLargeError) as error:
            return errors.of_question(error)
        except BROKEN as error:
            self.lost = errors.of_question(error)
            return self.lost
