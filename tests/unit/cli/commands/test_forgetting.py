"""`stt workers forget` and `stt targets forget` of several: what is asked and what is sent."""

from __future__ import annotations

import io
from collections.abc import Iterator

import msgspec
import pytest

from stt_shared.protocol import codec
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Leftovers
from stt_shared.protocol.queries.fleet import (
    MAX_FORGOTTEN,
    FleetReply,
    TargetForgetRequest,
    WorkerForgetRequest,
)
from tests.support.cli.service import Service, Stt

DOWN = MAX_FORGOTTEN + 203


class Terminal(io.StringIO):
    """A terminal whose user typed this."""

    def isatty(self) -> bool:
        return True


class Workers:
    """A coordinator that knows DOWN workers that are down, each with a database."""

    def __init__(self) -> None:
        self.names = [f"w{number:04}" for number in range(DOWN)]
        self.requests: list[WorkerForgetRequest] = []

    def __call__(self, request: WorkerForgetRequest) -> FleetReply:
        self.requests.append(request)
        if request.which is None:
            names = [*request.workers, *filter(None, [request.worker])]
        else:
            names = self.names[: request.limit]
        more = len(self.names) - len(names) if request.which else 0
        if not request.dry_run:
            self.names = [name for name in self.names if name not in names]
        return FleetReply(
            targets=tuple(f"t-{name}" for name in names),
            workers=tuple(names),
            target_count=len(names),
            more=more,
            changed=bool(names) and not request.dry_run,
        )


@pytest.fixture
def workers(service: Service) -> Iterator[Workers]:
    made = Workers()
    service.compute(Verb.WORKER_FORGET, WorkerForgetRequest, made)
    yield made
    for sent in service.asked:
        assert codec.decode(WorkerForgetRequest, sent).by, "each request says who asks"


def answering(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))


def test_a_selection_is_forgotten_after_a_confirmation_that_says_how_many_of_what(
    workers: Workers, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "y\n")
    code, out, err = stt("workers", "forget", "--down", "--site", "eu", "--reason", "flood")
    assert code == 0
    assert err[0].startswith(
        f"Forget 1 203 workers (w0000, w0001, w0002, w0003, w0004 and {DOWN - 5} more); at least"
        " 1 000 databases are gone then. Continue? [y/N] "
    )
    named = f"Workers w0000, w0001, w0002, w0003, w0004 and {DOWN - 5} more forgotten"
    assert out.startswith(named)
    assert workers.names == []
    shown, *done = workers.requests
    assert shown.dry_run
    assert [(one.dry_run, one.limit) for one in done] == [(False, MAX_FORGOTTEN), (False, 203)]
    assert {(one.which, one.sites) for one in workers.requests} == {(Leftovers.ALL, ("eu",))}


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yeah\n"])
def test_anything_but_yes_changes_nothing(
    workers: Workers, stt: Stt, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    answering(monkeypatch, typed)
    code, out, _ = stt("workers", "forget", "--down")
    assert (code, out) == (0, "Nothing changed.\n")
    assert len(workers.names) == DOWN


def test_without_a_terminal_a_selection_needs_yes(
    workers: Workers, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, out, err = stt("workers", "forget", "--never-answered")
    assert (code, out) == (2, "")
    assert err[0].startswith("error: a confirmation is needed to forget 1 203 workers (w0000, ")
    assert len(workers.names) == DOWN
    code, out, err = stt("workers", "forget", "--never-answered", "--yes")
    assert (code, err) == (0, [])
    assert workers.names == []
    assert workers.requests[-1].which is Leftovers.NEVER_ANSWERED


def test_those_that_come_after_the_confirmation_stay(
    workers: Workers, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers.names = ["a", "b"]

    class Later(Terminal):
        def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]  # as StringIO has it
            workers.names += ["c", "d"]
            return "y\n"

    monkeypatch.setattr("sys.stdin", Later())
    code, _, _ = stt("workers", "forget", "--down")
    assert (code, workers.names) == (0, ["c", "d"])


def test_a_dry_run_says_what_would_be_forgotten_and_sends_no_other_request(
    workers: Workers, stt: Stt
) -> None:
    workers.names = ["a", "b"]
    code, out, _ = stt("workers", "forget", "--down", "--dry-run")
    assert (code, out) == (0, "Would forget 2 workers (a, b); 2 databases are gone then.\n")
    code, out, _ = stt("workers", "forget", "a", "--dry-run")
    assert (code, out) == (0, "Would forget 1 worker (a); 1 database is gone then.\n")
    assert all(one.dry_run for one in workers.requests)
    assert [one.worker for one in workers.requests] == ["", ""], "an old coordinator finds no name"


def test_one_name_is_sent_as_the_release_before_reads_it_and_several_are_sent_together(
    service: Service, workers: Workers, stt: Stt
) -> None:
    assert stt("workers", "forget", "w0001")[1] == "Worker w0001 forgotten. Gone: t-w0001\n"
    assert stt("workers", "forget", "w1", "w2")[1] == "Workers w1, w2 forgotten. Gone: t-w1, t-w2\n"
    assert [(one.worker, one.workers) for one in workers.requests] == [
        ("w0001", ()),
        ("", ("w1", "w2")),
    ]
    service.answer(Verb.WORKER_FORGET, FleetReply(targets=("t1",), changed=True))
    assert stt("workers", "forget", "w9")[1] == "Worker w9 forgotten. Gone: t1\n"


@pytest.mark.parametrize(
    "words",
    [
        ("workers", "forget"),
        ("workers", "forget", "w1", "--down"),
        ("workers", "forget", "w1", "--never-answered"),
        ("workers", "forget", "--site", "eu"),
        ("workers", "forget", "w1", "--site", "eu"),
        ("targets", "forget"),
        ("targets", "forget", "t1", "--gone"),
        ("targets", "forget", "t1", "--dry-run"),
        ("targets", "forget", "--site", "eu"),
    ],
    ids=" ".join,
)
def test_what_to_forget_must_be_clear(service: Service, stt: Stt, words: tuple[str, ...]) -> None:
    code, out, err = stt(*words)
    assert (code, out, service.asked) == (2, "", [])
    assert err[0].startswith("error: ")


def test_gone_databases_are_forgotten_after_a_confirmation(
    service: Service, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[TargetForgetRequest] = []

    def forget(request: TargetForgetRequest) -> FleetReply:
        requests.append(request)
        found = FleetReply(targets=("a", "b"), target_count=2, changed=not request.dry_run)
        return found if len(requests) < 3 else msgspec.structs.replace(found, targets=())

    service.compute(Verb.TARGET_FORGET, TargetForgetRequest, forget)
    answering(monkeypatch, "yes\n")
    code, out, err = stt("targets", "forget", "--gone", "--site", "eu,us")
    assert (code, out) == (0, "Forgotten: a, b\n")
    assert err[0].startswith("Forget 2 databases (a, b). Continue? [y/N] ")
    assert [(one.which, one.sites, one.dry_run) for one in requests] == [
        (Leftovers.ALL, ("eu", "us"), True),
        (Leftovers.ALL, ("eu", "us"), False),
    ]
