"""Certificates and passwords are renewed and revoked while messages are published; none is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from tests.servers import certificates
from tests.servers.certificates import Certificates
from tests.support.shared.load import BACK_S, loaded, options, until
from tests.support.shared.nats_logins import rewrite, write

DAMAGED_S = 2.0
NAMED, NOBODY = "CN=stt-client", "CN=nobody"


def mutual_tls(folder: Path, keys: Certificates, ca: Path) -> tuple[Running, NatsOptions]:
    """A server that takes the user from the certificate, and a client with a copy of its own."""
    extra = (
        f'tls {{ cert_file: "{keys.cert}", key_file: "{keys.key}", ca_file: "{ca}",'
        " verify_and_map: true }\n"
        f'authorization {{ users: [ {{ user: "{NAMED}" }} ] }}'
    )
    server = embedded_nats.start(folder / "nats", extra=extra)
    both = write(folder / "client.pem", keys.client_both.read_text())
    url = f"tls://127.0.0.1:{server.port}"
    return server, options(url, ca=str(keys.ca), cert=str(both))


@pytest.mark.parametrize("damaged", ["", "-----BEGIN CERTIFICATE-----\n", "half"])
async def test_a_certificate_is_renewed_although_its_file_was_damaged_for_a_while(
    damaged: str, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old, new = certificates.make(tmp_path / "old"), certificates.make(tmp_path / "new")
    server, login = mutual_tls(tmp_path, old, old.ca)
    renewed = new.client_both.read_text()
    try:
        async with loaded(login) as (bus, load):
            half = renewed[: len(renewed) // 2]
            write(Path(login.cert), half if damaged == "half" else damaged)
            # The server forgets the old authority; the changed user ends the open connection.
            rewrite(server, f'ca_file: "{old.ca}"', f'ca_file: "{new.ca}"')
            rewrite(server, NAMED, NOBODY)
            await until(lambda: bus.peer() is None)
            rewrite(server, NOBODY, NAMED)
            await asyncio.sleep(DAMAGED_S)
            assert bus.peer() is None
            write(Path(login.cert), renewed)
            await load.more()
            first = await bus.last(subjects.STREAM_TICKS, subjects.tick("load", "1"))
            assert first is not None
            assert first.sequence == 1
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("damaged", ["", "-----BEGIN CERTIFICATE-----\n"])
async def test_a_first_connection_with_a_damaged_certificate_fails_with_the_reason(
    damaged: str, tmp_path: Path
) -> None:
    cert = write(tmp_path / "client.pem", damaged)
    with pytest.raises(UnreachableError, match="its certificate cannot be used"):
        await connect(options("tls://127.0.0.1:9", cert=str(cert)))


async def test_a_revoked_certificate_is_cut_off_at_once_and_refused_until_it_is_granted_again(
    tmp_path: Path,
) -> None:
    keys = certificates.make(tmp_path)
    server, login = mutual_tls(tmp_path, keys, keys.ca)
    try:
        async with loaded(login) as (bus, load):
            rewrite(server, NAMED, NOBODY)
            await until(lambda: bus.peer() is None)
            with pytest.raises(UnreachableError, match="authorization violation"):
                await connect(login)
            rewrite(server, NOBODY, NAMED)
            await load.more()
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_revoked_password_is_cut_off_at_once_and_the_next_process_uses_the_new_one(
    tmp_path: Path,
) -> None:
    extra = "authorization { users: [ { user: stt, password: old-one } ] }"
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    old = options(server.url, user="stt", password="old-one")
    try:
        async with loaded(old) as (bus, load):
            rewrite(server, "old-one", "new-one")
            await until(lambda: bus.peer() is None)
            with pytest.raises(UnreachableError, match="authorization violation"):
                await connect(old)
            stored = load.stored
        new = options(server.url, user="stt", password="new-one")
        async with loaded(new) as (bus, load):
            # The duplicates of what the last process stored are recognised: none is lost or twice.
            async with asyncio.timeout(BACK_S):
                while load.stored <= stored:  # noqa: ASYNC110  # a counter, no event
                    await asyncio.sleep(0.05)
            last = await bus.last(subjects.STREAM_TICKS, subjects.tick("load", str(stored)))
            assert last is not None
            assert last.sequence == stored
    finally:
        await asyncio.to_thread(server.stop)
