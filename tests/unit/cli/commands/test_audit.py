"""`stt audit`: what it asks, page by page, and what it prints."""

from __future__ import annotations

import json

import pytest

from stt_cli import main
from stt_shared.protocol.audit import AuditEntry, AuditReply, AuditRequest
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Role, Way
from tests.support.cli import samples
from tests.support.cli.service import Service


def record(number: int) -> list[AuditEntry]:
    return [
        AuditEntry(
            at=samples.NOW,
            by="ann",
            way=Way.PAGE,
            role=Role.ADMIN,
            did="run",
            what=f"r{n}",
            reason="CHG-1",
        )
        for n in range(number)
    ]


def answer_in_pages(service: Service, entries: list[AuditEntry], page: int) -> None:
    def reply(request: AuditRequest) -> AuditReply:
        start = int(request.after or 0)
        end = start + min(page, request.limit)
        found = tuple(entries[start:end])
        return AuditReply(entries=found, next=str(end) if end < len(entries) else "")

    service.compute(Verb.AUDIT, AuditRequest, reply)


def test_every_page_is_asked_for_until_there_is_enough(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_in_pages(service, record(7), 3)
    assert main.run(["audit", "--limit", "5"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["TIME", "USER", "ROLE", "VIA", "ACTION", "OBJECT", "REASON"]
    assert [line[5] for line in lines[1:]] == ["r0", "r1", "r2", "r3", "r4"]
    assert lines[1] == ["2026-11-23T16:30:00Z", "ann", "admin", "page", "run", "r0", "CHG-1"]
    assert [decode(AuditRequest, one).limit for one in service.asked] == [5, 2]


def test_programs_get_the_entries_as_they_are(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_in_pages(service, record(2), 9)
    assert main.run(["audit", "-o", "jsonl"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["by"], first["way"], first["what"]) == ("ann", "page", "r0")
    assert main.run(["audit", "-o", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 2


def test_no_changes_are_reported_by_a_sentence(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_in_pages(service, [], 9)
    assert main.run(["audit"]) == 0
    assert "No changes recorded yet." in capsys.readouterr().err
    assert main.run(["audit", "--limit", "0"]) == 2
