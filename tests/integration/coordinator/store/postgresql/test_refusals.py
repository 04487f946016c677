"""A wrong setting or a missing right is one error with what to do; a server that is away is not."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running, free_port
from stt_coordinator.store.place import place_of
from stt_coordinator.store.port import StoreError
from stt_coordinator.store.postgresql.store import open_store
from stt_shared.errors import ConfigError
from stt_shared.settings import CoordinatorSettings
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD
from tests.support.coordinator.postgresql_stores import database, drop, fresh_schema, url

SECRET = "not-for-logs"


async def refused(where: str, password: str = "", schema: str = "stt_refused") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        await open_store(where, schema, password=(lambda: password) if password else None)
    shown = f"{caught.value.message} {caught.value.hint}"
    assert not {one for one in (SECRET, PASSWORD) if one in shown}
    return caught.value


@pytest.fixture
def role(store_server: Running) -> str:
    """A role that may log in and nothing else."""
    name = fresh_schema()
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'".encode())
    return name


async def test_a_wrong_password_an_unknown_role_and_database_are_named(
    store_server: Running, role: str
) -> None:
    host = f"127.0.0.1:{store_server.port}"
    found = await refused(f"postgresql://{role}@{host}/postgres", "wrong")
    assert "password authentication failed" in found.message
    assert "coordinator.store_password" in found.hint
    found = await refused(f"postgresql://{role}@{host}/postgres")
    assert "set coordinator.store_password" in found.hint
    found = await refused(f"postgresql://{role}@{host}/nowhere", SECRET)
    assert 'database "nowhere" does not exist' in found.message
    assert "CREATE DATABASE" in found.hint


async def test_a_role_that_may_not_make_the_schema_gets_the_statement_that_lets_it(
    store_server: Running, role: str
) -> None:
    found = await refused(f"postgresql://{role}@127.0.0.1:{store_server.port}/postgres", SECRET)
    assert "permission denied for database postgres" in found.message
    assert f"GRANT CREATE ON DATABASE postgres TO {role}" in found.hint
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {role} AUTHORIZATION {role}".encode())
    where = f"postgresql://{role}@127.0.0.1:{store_server.port}/postgres"
    store = await open_store(where, role, password=lambda: SECRET)
    await store.probe_write()
    await store.close()
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {role} CASCADE".encode())


async def test_a_database_in_another_encoding_is_refused(store_server: Running) -> None:
    name = fresh_schema()
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        latin = f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.execute(f"{latin} TEMPLATE template0".encode())
    found = await refused(url(store_server, name))
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    assert "has the encoding LATIN1, the store needs UTF8" in found.message


async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(
    store_server: Running,
) -> None:
    found = await refused(f"{url(store_server, 'postgres')}?sslmode=verify-full&sslrootcert=system")
    assert "server does not support SSL" in found.message
    assert "ssl = on" in found.hint


async def test_a_server_whose_certificate_nobody_vouches_for_is_refused(
    postgresql15: Running, certificates: Certificates
) -> None:
    where = url(postgresql15, "postgres")
    found = await refused(f"{where}?sslmode=verify-full&sslrootcert=system")
    assert "certificate verify failed" in found.message
    assert "sslrootcert" in found.hint
    missing = Path("/nowhere/ca.pem")
    found = await refused(f"{where}?sslmode=verify-full&sslrootcert={missing}")
    assert "root certificate file" in found.message
    try:
        trusted = f"{database(postgresql15)}?sslmode=verify-full&sslrootcert={certificates.ca}"
        store = await open_store(trusted, fresh_schema())
        await store.probe_write()
        await store.close()
    finally:
        drop(postgresql15)


@pytest.mark.parametrize("where", ["postgresql://127.0.0.1:{}/x", "postgresql://nowhere.invalid/x"])
async def test_a_server_that_does_not_answer_is_no_wrong_setting(where: str) -> None:
    with pytest.raises(StoreError, match="cannot use the store"):
        await open_store(where.format(free_port()))


async def test_a_password_that_was_read_once_and_cannot_be_read_now_is_waited_for(
    store_server: Running, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    where = database(store_server).replace(f":{quote(PASSWORD, safe='')}@", "@")
    settings = CoordinatorSettings(store=where, store_password=f"file:{file}")
    place = place_of(settings, tmp_path)
    with pytest.raises(ConfigError, match="password"):
        await place.open()
    file.write_text(PASSWORD, encoding="utf-8")
    file.chmod(0o600)
    await place.identity()
    file.rename(tmp_path / "replaced")
    with pytest.raises(StoreError, match="password"):
        await place.open()
    (tmp_path / "replaced").rename(file)
    opened = await place.open()
    assert opened is not None
    await opened.close()
