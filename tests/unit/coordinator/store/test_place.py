"""Where the settings put the store, which addresses they accept, and that no password is shown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stt_cli import main
from stt_coordinator.store import place
from stt_coordinator.store.place import DatabasePlace, FolderPlace, place_of
from stt_coordinator.store.postgresql.address import address_of
from stt_coordinator.store.sqlite.file.folder import FolderInUseError, locked
from stt_coordinator.store.sqlite.file.identity import identity_in
from stt_shared.errors import ConfigError
from stt_shared.settings import CoordinatorSettings
from stt_shared.settings.load import load
from stt_shared.settings.rules import secret_reference, store_address_or_empty

SECRET = "p@ss/word"
URL = "postgresql://stt@db.example.com/stt"


def test_without_an_address_the_store_is_in_the_state_folder(tmp_path: Path) -> None:
    assert place_of(CoordinatorSettings(), tmp_path) == FolderPlace(tmp_path)


def test_a_place_never_shows_its_password(tmp_path: Path) -> None:
    place = place_of(CoordinatorSettings(store=URL, store_password=SECRET), tmp_path)
    assert isinstance(place, DatabasePlace)
    assert SECRET not in repr(place)
    assert place.fingerprint() == ""


def test_a_password_without_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"coordinator[.]store is not"):
        place_of(CoordinatorSettings(store_password=SECRET), tmp_path)


def test_tls_is_verified_unless_the_server_is_on_this_machine() -> None:
    assert address_of(URL, "stt").parameters["sslmode"] == "verify-full"
    assert "sslmode" not in address_of("postgresql://stt@127.0.0.1/stt", "stt").parameters
    assert address_of(f"{URL}?sslmode=require", "stt").parameters["sslmode"] == "require"


@pytest.mark.parametrize(
    "value",
    [
        "",
        URL,
        "postgres://stt@a:5432,b:5433/stt?sslmode=verify-full",
        "postgresql:///stt?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/stt",
        "postgresql://stt@[::1]:5432/stt",
        "postgresql://a,b:5433/stt?user=stt@tenant",
    ],
)
def test_an_address_of_postgresql_is_accepted(value: str) -> None:
    assert store_address_or_empty(value) == ""


@pytest.mark.parametrize(
    "value",
    [
        "mysql://db/stt",
        "db.example.com",
        "postgresql:stt",
        "postgresql://db/stt?password=secret",
        "postgresql://stt:secret@a:5432,b:5433/stt",
        "postgresql://stt:#secret@db/stt",
        "postgresql://stt:?secret@db/stt",
        "postgresql://stt:/secret@db/stt",
        "postgresql://stt:1/secret@db/stt",
        "postgresql://stt:s/?secret@db/stt",
        "postgresql://stt@tenant:secret@db/stt",
        "postgresql://stt@db/stt?passw%6Frd=secret",
        "postgresql://stt@db/stt?a=#&sslpassword=secret",
        "postgresql://stt@db/stt?oauth_client_secret=secret",
        "postgresql://stt@db/stt?scram_client_key=secret",
        "postgresql://stt@db/stt?scram_server_key=secret",
    ],
)
def test_another_address_and_one_with_a_password_are_refused_without_being_shown(
    value: str,
) -> None:
    assert store_address_or_empty(value).startswith("expected ")
    with pytest.raises(ConfigError) as refused:
        load(flags={"coordinator.store": value}, environ={}, path=Path("/dev/null"))
    assert "secret" not in refused.value.message


def test_a_reference_with_a_fault_is_named_without_its_value() -> None:
    assert secret_reference(SECRET) == secret_reference("file:/run/secrets/store") == ""
    assert "without an absolute path" in secret_reference("exec:vault read store")


@pytest.mark.parametrize("words", [["backup", "copy.db"], ["restore", "copy.db"]])
def test_a_file_is_neither_copied_nor_replaced_where_the_store_is_in_postgresql(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STT_COORDINATOR_STORE", URL)
    assert main.run(["store", *words, "--state-dir", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert "the store is in PostgreSQL (coordinator.store)" in printed
    assert "pg_dump" in printed


@contextmanager
def in_use(folder: Path) -> Generator[None]:
    """The folder as a process has it that has not made the file of the store yet."""
    lock = locked(folder)
    try:
        yield
    finally:
        os.close(lock)


async def test_a_folder_whose_file_is_just_made_or_recovered_is_waited_for(tmp_path: Path) -> None:
    with in_use(tmp_path):
        found = asyncio.create_task(FolderPlace(tmp_path).identity())
        await asyncio.sleep(0.3)
        assert not found.done()
    assert await found == identity_in(tmp_path) != ""


async def test_a_folder_that_stays_in_use_without_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "IDENTITY_S", 0.2)
    with in_use(tmp_path), pytest.raises(FolderInUseError, match="another coordinator uses"):
        await FolderPlace(tmp_path).identity()
