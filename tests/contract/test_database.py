"""What every implementation of the database port guarantees, on every server at hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases.port import (
    Answer,
    Database,
    Endpoint,
    Failure,
    Inspection,
    InspectionError,
    Limits,
)
from tests.servers.fixtures import serving
from tests.servers.listeners import Proxy, dripping, hang_up, listening, saying, silence
from tests.support.worker.database_subjects import (
    Subject,
    memory_subject,
    mongodb_subject,
    mysql_subject,
    postgresql_subject,
)

LIMITS = Limits(connect_s=5, statement_s=0.5, client_s=5, rows=100, bytes=100_000)
SHORT = Limits(connect_s=0.4, statement_s=0.2, client_s=0.4)
PATIENCE_S = 30.0  # a look that has not ended by then would never end

SQL = ("mariadb", "mysql", "postgresql", "postgresql15")
REAL = (*SQL, "mongodb60_auth", "mongodb44_auth", "mongodb42_auth")
VERSIONS = {
    "mariadb": ("mariadb", (10, 11)),
    "mysql": ("mysql", (9, 7)),
    "postgresql": ("postgresql", (18,)),
    "postgresql15": ("postgresql", (15,)),
    "mongodb60_auth": ("mongodb", (6, 0)),
    "mongodb44_auth": ("mongodb", (4, 4)),
    "mongodb42_auth": ("mongodb", (4, 2)),
}


def with_auth(servers_folder: Path, name: str) -> Iterator[Running]:
    def start() -> Running:
        folder = servers_folder / f"{name}-auth"
        return embedded_mongodb.start(folder, binary=embedded_mongodb.find(name), extra=["--auth"])

    with serving(name, start) as running:
        yield running


@pytest.fixture(scope="session")
def mongodb60_auth(servers_folder: Path) -> Iterator[Running]:
    yield from with_auth(servers_folder, "mongodb-6.0")


@pytest.fixture(scope="session")
def mongodb44_auth(servers_folder: Path) -> Iterator[Running]:
    yield from with_auth(servers_folder, "mongodb-4.4")


@pytest.fixture(scope="session")
def mongodb42_auth(servers_folder: Path) -> Iterator[Running]:
    yield from with_auth(servers_folder, "mongodb-4.2")


@pytest.fixture(scope="session")
def subject_of(request: pytest.FixtureRequest) -> Callable[[str], Subject]:
    made: dict[str, Subject] = {}

    def subject(name: str) -> Subject:
        if name not in made:
            made[name] = make(name)
        return made[name]

    def make(name: str) -> Subject:
        if name == "memory":
            return memory_subject()
        server: Running = request.getfixturevalue(name)
        flavour, version = VERSIONS[name]
        if flavour == "postgresql":
            return postgresql_subject(server, version)
        if flavour == "mongodb":
            return mongodb_subject(server, version)
        return mysql_subject(server, flavour, version)

    return subject


@dataclass(frozen=True)
class Trial:
    """A subject in use."""

    subject: Subject
    database: Database

    async def ask(
        self, *questions: Question, endpoint: Endpoint | None = None, limits: Limits = LIMITS
    ) -> dict[Question, Answer]:
        inspection = await self.inspect(endpoint or self.subject.endpoint, questions, limits)
        return dict(inspection.answers)

    async def inspect(
        self, endpoint: Endpoint, questions: tuple[Question, ...], limits: Limits = LIMITS
    ) -> Inspection:
        async with asyncio.timeout(PATIENCE_S):
            return await self.database.inspect(endpoint, lambda _: questions, limits)

    async def refusal(self, endpoint: Endpoint, limits: Limits = LIMITS) -> InspectionError:
        with pytest.raises(InspectionError) as caught:
            await self.inspect(endpoint, (), limits)
        assert self.subject.endpoint.password not in caught.value.reason
        return caught.value


async def trial_of(subject: Subject) -> AsyncIterator[Trial]:
    database = subject.make()
    before = open_sockets()
    yield Trial(subject, database)
    await database.close()
    await gone(before)


def open_sockets() -> set[str]:
    found: set[str] = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(str(link.readlink()))
    return {target for target in found if target.startswith("socket:")}


async def gone(before: set[str]) -> None:
    """Every socket and task that a look made ends by itself, soon."""
    async with asyncio.timeout(PATIENCE_S):
        while open_sockets() - before or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.01)


@pytest.fixture(params=("memory", *REAL))
async def trial(
    request: pytest.FixtureRequest, subject_of: Callable[[str], Subject]
) -> AsyncIterator[Trial]:
    async for one in trial_of(subject_of(request.param)):
        yield one


@pytest.fixture(params=REAL)
async def real(
    request: pytest.FixtureRequest, subject_of: Callable[[str], Subject]
) -> AsyncIterator[Trial]:
    async for one in trial_of(subject_of(request.param)):
        yield one


@pytest.fixture(params=("memory", *SQL))
async def sql(
    request: pytest.FixtureRequest, subject_of: Callable[[str], Subject]
) -> AsyncIterator[Trial]:
    """No read-only command of MongoDB takes long."""
    async for one in trial_of(subject_of(request.param)):
        yield one


def kind_of(answer: Answer) -> Kind | None:
    return answer.kind if isinstance(answer, Failure) else None


async def test_facts_tell_flavour_numeric_version_provider_and_role(trial: Trial) -> None:
    told: list[Facts] = []

    def choose(facts: Facts) -> list[Question]:
        told.append(facts)
        return []

    inspection = await trial.database.inspect(trial.subject.endpoint, choose, LIMITS)
    assert told == [inspection.facts]
    assert inspection.facts.flavour == trial.subject.flavour
    assert inspection.facts.version[: len(trial.subject.version)] == trial.subject.version
    assert ".".join(map(str, inspection.facts.version)) in inspection.facts.version_text
    assert inspection.facts.provider == "self-managed"
    assert inspection.facts.role == trial.subject.role


async def test_equal_questions_have_one_answer(trial: Trial) -> None:
    answers = await trial.ask(trial.subject.good, trial.subject.good)
    (rows,) = answers.values()
    assert isinstance(rows, list)
    assert len(rows) == 1


async def test_a_failing_question_leaves_the_others_answered(trial: Trial) -> None:
    subject = trial.subject
    answers = await trial.ask(subject.bad, subject.good)
    assert kind_of(answers[subject.bad]) is Kind.QUERY
    assert isinstance(answers[subject.good], list)


async def test_a_question_of_another_family_is_a_failure_of_its_own(trial: Trial) -> None:
    foreign = memory_subject().bad
    if trial.subject.flavour in {"mysql", "mariadb"}:
        foreign = replace(foreign, type=foreign.type.POSTGRESQL_SELECT)
    answers = await trial.ask(foreign, trial.subject.good)
    assert kind_of(answers[foreign]) is Kind.QUERY
    assert isinstance(answers[trial.subject.good], list)


async def test_a_missing_grant_is_no_privilege(trial: Trial) -> None:
    subject = trial.subject
    answers = await trial.ask(subject.secret, subject.good, endpoint=subject.limited)
    assert kind_of(answers[subject.secret]) is Kind.NO_PRIVILEGE
    assert isinstance(answers[subject.good], list)


async def test_a_wrong_password_is_auth(trial: Trial) -> None:
    wrong = replace(trial.subject.endpoint, password="wrong \u00e4 password")
    assert (await trial.refusal(wrong)).kind is Kind.AUTH


async def test_an_unknown_user_is_auth(trial: Trial) -> None:
    unknown = replace(trial.subject.endpoint, user="nobody at all")
    assert (await trial.refusal(unknown)).kind is Kind.AUTH


async def test_a_closed_port_is_unreachable(trial: Trial) -> None:
    host = trial.subject.endpoint.host if trial.subject.endpoint.host != "canned" else "nobody"
    closed = replace(trial.subject.endpoint, host=host, port=free_port())
    error = await trial.refusal(closed)
    assert error.kind is Kind.UNREACHABLE
    assert "refused" in error.reason.lower()


async def test_a_name_that_does_not_exist_is_unreachable(trial: Trial) -> None:
    nowhere = replace(trial.subject.endpoint, host="nowhere.invalid")
    error = await trial.refusal(nowhere, Limits(connect_s=PATIENCE_S))
    assert error.kind is Kind.UNREACHABLE
    assert "nowhere.invalid" in error.reason


async def test_a_slow_statement_times_out_and_the_others_are_answered(sql: Trial) -> None:
    subject = sql.subject
    assert subject.slow is not None
    answers = await sql.ask(subject.slow, subject.good)
    assert kind_of(answers[subject.slow]) is Kind.TIMEOUT
    assert isinstance(answers[subject.good], list)


async def test_a_write_is_refused(trial: Trial) -> None:
    subject = trial.subject
    answers = await trial.ask(subject.write, subject.good)
    assert kind_of(answers[subject.write]) is Kind.QUERY
    assert isinstance(answers[subject.good], list)


async def test_an_answer_over_the_limit_is_too_large_and_names_it(trial: Trial) -> None:
    subject = trial.subject
    limits = replace(LIMITS, bytes=2_000)
    answers = await trial.ask(subject.good, subject.many, subject.large, limits=limits)
    for question, limit in ((subject.many, "100 rows"), (subject.large, "2000 bytes")):
        answer = answers[question]
        assert isinstance(answer, Failure)
        assert answer.kind is Kind.TOO_LARGE
        if question != subject.many or subject.flavour != "mongodb":  # an answer is one document
            assert answer.reason == f"more than {limit}{' of rows' * limit.endswith('bytes')}"


async def test_questions_after_an_answer_over_the_limit_are_answered(trial: Trial) -> None:
    subject = trial.subject
    limits = replace(LIMITS, bytes=2_000)
    answers = await trial.ask(subject.large, subject.bad, subject.good, limits=limits)
    assert kind_of(answers[subject.large]) is Kind.TOO_LARGE
    assert kind_of(answers[subject.bad]) is Kind.QUERY
    assert isinstance(answers[subject.good], list)


GARBAGE = {
    "http": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "zeros": bytes(4_096),
    "ones": b"\xff" * 4_096,
    "an endless packet of MySQL": b"\xff\xff\xff\x00" + b"x" * 4_096,
    "a version of MySQL that is no number": b"\x10\x00\x00\x00\x0anot a number\x00xx",
    "a refusal of PostgreSQL without end": b"E\x7f\xff\xff\xff",
    "a message of MongoDB of 2 GB": b"\xff\xff\xff\x7f" + bytes(12) + b"\xff" * 64,
}


async def elsewhere(real: Trial, port: int) -> Endpoint:
    return replace(real.subject.endpoint, host="127.0.0.1", port=port)


async def test_a_listener_that_says_nothing_costs_the_connect_time_only(real: Trial) -> None:
    async with listening(silence) as port:
        error = await real.refusal(await elsewhere(real, port), SHORT)
    assert error.kind is Kind.UNREACHABLE
    assert "within 0.4 s" in error.reason


async def test_a_listener_that_hangs_up_is_unreachable(real: Trial) -> None:
    async with listening(hang_up) as port:
        error = await real.refusal(await elsewhere(real, port))
    assert error.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("what", list(GARBAGE))
async def test_a_listener_that_talks_nonsense_is_unreachable(real: Trial, what: str) -> None:
    async with listening(saying(GARBAGE[what])) as port:
        error = await real.refusal(await elsewhere(real, port), SHORT)
    assert error.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("what", list(GARBAGE))
async def test_a_listener_that_drips_bytes_cannot_hold_a_look(real: Trial, what: str) -> None:
    async with listening(dripping(GARBAGE[what])) as port:
        error = await real.refusal(await elsewhere(real, port), SHORT)
    assert error.kind is Kind.UNREACHABLE


async def test_a_server_that_stops_answering_costs_one_client_time(real: Trial) -> None:
    subject = real.subject
    proxy = Proxy(subject.endpoint.host, subject.endpoint.port)

    def freeze(_: Facts) -> list[Question]:
        proxy.frozen.set()
        return [subject.good, subject.bad, subject.large]

    async with listening(proxy) as port, asyncio.timeout(PATIENCE_S):
        endpoint = await elsewhere(real, port)
        limits = replace(LIMITS, client_s=0.5)
        inspection = await real.database.inspect(endpoint, freeze, limits)
    assert [kind_of(answer) for answer in inspection.answers.values()] == [Kind.TIMEOUT] * 3


async def test_a_look_given_up_ends_at_once_and_leaves_nothing(real: Trial) -> None:
    subject = real.subject
    proxy = Proxy(subject.endpoint.host, subject.endpoint.port)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def freeze(_: Facts) -> list[Question]:
        proxy.frozen.set()
        loop.call_soon_threadsafe(asked.set)
        return [subject.good]

    async with listening(proxy) as port, asyncio.timeout(PATIENCE_S):
        limits = Limits(client_s=10 * PATIENCE_S)
        endpoint = await elsewhere(real, port)
        inspection = asyncio.create_task(real.database.inspect(endpoint, freeze, limits))
        await asked.wait()
        await asyncio.sleep(0)
        inspection.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inspection


async def test_a_look_given_up_while_connecting_leaves_nothing(real: Trial) -> None:
    async with listening(silence) as port, asyncio.timeout(PATIENCE_S):
        endpoint = await elsewhere(real, port)
        limits = Limits(connect_s=10 * PATIENCE_S)
        inspection = asyncio.create_task(real.database.inspect(endpoint, lambda _: [], limits))
        await asyncio.sleep(0.1)
        inspection.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inspection


async def test_a_hanging_server_delays_no_other_look(real: Trial) -> None:
    subject = real.subject
    async with listening(silence) as port, asyncio.timeout(PATIENCE_S):
        endpoint = await elsewhere(real, port)
        limits = Limits(connect_s=10 * PATIENCE_S)
        hanging = asyncio.create_task(real.database.inspect(endpoint, lambda _: [], limits))
        for _ in range(3):
            assert isinstance((await real.ask(subject.good))[subject.good], list)
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging


async def test_many_looks_at_once_are_all_answered(trial: Trial) -> None:
    good = trial.subject.good
    found = await asyncio.gather(*(trial.ask(good) for _ in range(12)))
    assert all(isinstance(answers[good], list) for answers in found)
