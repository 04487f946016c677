"""A file of exceptions is imported as a whole or not at all, and twice is once."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.suppressions import (
    ImportRequest,
    SuppressionEntry,
)
from tests.support.coordinator.coordination import (
    SITE,
)
from tests.support.coordinator.suppressions_site import (
    DAY,
    EMPTY,
    SOON,
    TODAY,
    RunningCoordinator,
    coordinator_with_findings,
)


@pytest.fixture
async def coordinator() -> AsyncGenerator[RunningCoordinator]:
    async with coordinator_with_findings() as made:
        yield made


def entry(id_: str = "proxy-only", **changes: object) -> SuppressionEntry:
    values: dict[str, object] = {
        "id": id_,
        "check": EMPTY,
        "target": "orders",
        "until": SOON,
        "reason": "proxy only",
    }
    return SuppressionEntry(**(values | changes))  # type: ignore[arg-type]


async def test_import_of_a_file_twice_is_once(coordinator: RunningCoordinator) -> None:
    other = entry("lower", target="", site=SITE, severity=Severity.TRIVIAL, until=None)
    assert await coordinator.imported(entry(), other, dry_run=True) == ["added", "added"]
    assert await coordinator.listed() == []
    assert await coordinator.imported(entry(), other) == ["added", "added"]
    first = await coordinator.listed()
    assert {(one.by, one.imported_by) for one in first} == {("ci", "ci")}
    assert await coordinator.numbers() == (0, 2, 2)
    assert await coordinator.imported(entry(), other) == ["unchanged", "unchanged"]
    assert await coordinator.listed() == first


async def test_import_takes_a_new_day_and_leaves_what_was_revoked(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.imported(entry(), entry("second", target="shop"))
    assert await coordinator.imported(entry(until=SOON + DAY), entry("second", target="shop")) == [
        "updated",
        "unchanged",
    ]
    assert {one.until for one in await coordinator.listed()} == {SOON, SOON + DAY}
    await coordinator.unaccept("proxy-only")
    assert await coordinator.imported(entry()) == ["revoked"]
    assert [one.id for one in await coordinator.listed()] == ["second"]


async def test_import_does_not_enter_what_is_over(coordinator: RunningCoordinator) -> None:
    assert await coordinator.imported(entry(until=TODAY - DAY)) == ["ended"]
    assert await coordinator.listed("all") == []


async def test_what_was_exported_is_imported_without_a_change(
    coordinator: RunningCoordinator,
) -> None:
    (one, *_) = await coordinator.findings()
    await coordinator.accept(finding=one.id)
    await coordinator.accept(check=EMPTY, label="team=orders")
    whole = await coordinator.listed()
    entries = [
        SuppressionEntry(**{name: getattr(x, name) for name in SuppressionEntry.__struct_fields__})
        for x in whole
    ]
    assert await coordinator.imported(*entries) == ["unchanged"] * 2
    assert await coordinator.listed() == whole


async def test_one_wrong_entry_keeps_the_whole_file_out_and_every_fault_is_reported(
    coordinator: RunningCoordinator,
) -> None:
    entries = (
        entry(),
        entry("Bad Id", target="shop"),
        entry("far", target="nope", until=TODAY + 500 * DAY),
        entry("same-a", target="", site=SITE),
        entry("same-b", target="", site=SITE),
        entry("label", target="", label="team=none"),
    )
    request = ImportRequest(by="test", exceptions=entries)
    code, sentence = await coordinator.refusal(Verb.EXCEPTIONS_IMPORT, request)
    assert code == "bad_request"
    begin = "nothing was imported: "
    assert sentence.startswith(begin)
    assert [one.split(":")[0] for one in sentence.removeprefix(begin).split("; ")] == [
        "'Bad Id'",
        "'far'",
        "'label'",
        "'same-a'",
        "'same-b'",
    ]
    assert await coordinator.listed("all") == []
    await coordinator.imported(entry())
    moved = ImportRequest(by="test", exceptions=(entry(target="shop"),))
    assert "use a new id" in (await coordinator.refusal(Verb.EXCEPTIONS_IMPORT, moved))[1]
