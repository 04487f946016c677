"""What a MySQL or MariaDB server sets for a session bends no verdict: a sample of all there is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stt_worker.databases.mysql import pins
from stt_worker.databases.mysql.pins import PINS
from tests.hostile.mysql.mysql_settings import SERVERS, settings
from tests.hostile.session_settings import Handling
from tools.pages.session_settings.mysql import cell, flipping, written

SAMPLE = 4  # variables of each server; all of them: make session-settings
SEED = "session settings"
MANY_FAIL = 20  # checks, on the bad server
# Without pins the first two turn verdicts; the others change what some other query means.
DANGEROUS = frozenset(
    {
        *("sql_select_limit", "sql_mode", "max_join_size", "collation_connection"),
        *("group_concat_max_len", "max_allowed_packet", "system_versioning_asof", "timestamp"),
        *("max_session_mem_used", "transaction_read_only", "tx_read_only", "autocommit"),
        *("sort_buffer_size", "tmp_disk_table_size"),
        *("time_zone", "character_set_client", "character_set_results", "old_mode"),
    }
)


@pytest.mark.parametrize("name", SERVERS)
async def test_the_page_names_every_variable_and_a_sample_does_as_it_says(
    servers_folder: Path, name: str
) -> None:
    async with flipping(servers_folder / f"flipped-{SERVERS.index(name)}", name) as flipper:
        outcomes = [outcome for outcome, _, _ in flipper.before.values()]
        assert outcomes.count("failed") >= MANY_FAIL
        assert "error" not in outcomes
        found = settings(flipper.bad)
        page = {key: row[name] for key, row in written().items() if name in row}
        assert {(one.name, one.way) for one in found} == page.keys()
        assert Handling.BENT not in page.values()
        always = [one for one in found if one.name in DANGEROUS]
        others = [one for one in found if one.name not in DANGEROUS]
        chosen = random.Random(f"{SEED} {name}").sample(others, SAMPLE)  # noqa: S311  # a sample
        for setting in (*always, *chosen):
            seen, changes = await flipper.flip(setting)
            got = cell(setting.name, name, {name: seen})
            assert got == page[setting.name, setting.way], (setting.name, seen, changes)


async def test_without_its_pin_a_limit_on_rows_bends_verdicts(
    servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flips would see what they are there to see."""
    async with flipping(servers_folder / "flipped-without-pins", SERVERS[0]) as flipper:
        (limit,) = [one for one in settings(flipper.bad) if one.name == "sql_select_limit"]
        others = tuple(pin for pin in PINS if pin.name != limit.name)
        monkeypatch.setattr(pins, "PINS", others)
        pins.pinned.cache_clear()
        seen, changes = await flipper.flip(limit)
        pins.pinned.cache_clear()
    assert seen == Handling.BENT, changes


def test_what_is_dangerous_is_pinned_or_refused_on_every_server() -> None:
    page = {key: row for key, row in written().items() if key[0] in DANGEROUS}
    assert {name for name, _ in page} == DANGEROUS
    # The one has no global value and is reset; the other is an old name of a pinned one.
    otherwise = {"timestamp", "tx_read_only"}
    for (name, _), row in page.items():
        allowed = ("pinned to", "refused", *(["harmless"] if name in otherwise else []))
        assert all(outcome.startswith(allowed) for outcome in row.values()), name
