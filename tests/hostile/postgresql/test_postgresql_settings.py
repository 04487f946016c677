"""No setting of a session bends a verdict: a sample of all, and always the dangerous ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from tests.hostile.postgresql.postgresql_settings import (
    CONFIGURATION,
    ROLE,
    Setting,
    make_bad,
    pinned,
    settings,
)
from tests.hostile.session_settings import Handling
from tests.servers.fixtures import serving
from tools.pages.session_settings.postgresql import (
    INSTALLED,
    PACKAGED,
    PAGE,
    flipping,
    handled,
    sections,
    start,
)

SAMPLE = 4  # all of them: make session-settings
DANGEROUS = {
    *("search_path", "role", "standard_conforming_strings", "DateStyle", "array_nulls"),
    *("default_transaction_isolation", "row_security", "statement_timeout", "exit_on_error"),
    *("idle_in_transaction_session_timeout", "password_encryption", "session_preload_libraries"),
    *("allow_system_table_mods", "debug_print_plan", "local_preload_libraries"),
}


@pytest.fixture(scope="module", params=[PACKAGED, INSTALLED])
def bad(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[tuple[int, Running]]:
    """A server of its own in a bad state, with its version."""
    major: int = request.param
    folder = servers_folder / f"flipped-{major}"
    with serving(f"PostgreSQL {major}", lambda: start(major, folder)) as server:
        make_bad(server)
        yield major, server


def sample(found: Sequence[Setting]) -> list[Setting]:
    """The dangerous ones, and others by a value each: new ones whenever the library changes."""
    seed = random.Random(builtin().pack)  # noqa: S311
    others = [one for one in found if one.name not in DANGEROUS]
    chosen = seed.sample(others, SAMPLE)
    first = [replace(one, values=one.values[:1]) for one in chosen]
    return [one for one in found if one.name in DANGEROUS] + first


async def test_no_setting_of_a_sample_bends_a_verdict(bad: tuple[int, Running]) -> None:
    major, server = bad
    reported = handled(sections(PAGE.read_text(encoding="utf-8"))[major])
    async with flipping(server) as flipper:
        for setting in sample(settings(server)):
            row = await flipper.flip(setting, (ROLE, CONFIGURATION))
            assert row.worst != Handling.BENT, row.lines
            assert row.handled in {reported[setting.name], "not taken", "harmless"}, setting.name


def test_the_page_tells_of_every_setting(bad: tuple[int, Running]) -> None:
    major, server = bad
    reported = handled(sections(PAGE.read_text(encoding="utf-8"))[major])
    assert list(reported) == [setting.name for setting in settings(server)]
    assert Handling.BENT not in reported.values()
    names = {name.lower(): value for name, value in reported.items()}
    unpinned = [name for name in pinned() if not names.get(name, "pinned").startswith("pinned")]
    assert unpinned == []
