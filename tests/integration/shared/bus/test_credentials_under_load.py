"""Keys and credentials are renewed and revoked while messages are published; none is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stt_cli.accounts import keys
from stt_cli.accounts.keys import Kind
from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus.jetstream import connect
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from tests.support.shared import nats_logins
from tests.support.shared.load import loaded, options, until
from tests.support.shared.nats_logins import Operator, rewrite, write


@pytest.mark.parametrize("damaged", ["", "SU", "\x00", "half"])
async def test_a_key_is_renewed_although_its_file_was_damaged_for_a_while(
    damaged: str, tmp_path: Path
) -> None:
    old, new = keys.new(Kind.USER), keys.new(Kind.USER)
    extra = f"authorization {{ users: [ {{ nkey: {old.public} }} ] }}"
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    path = write(tmp_path / "user.nk", old.seed)
    try:
        async with loaded(options(server.url, nkey=str(path))) as (bus, load):
            write(path, new.seed[:30] if damaged == "half" else damaged)
            rewrite(server, old.public, new.public)
            await until(lambda: bus.peer() is None)
            await asyncio.sleep(2)
            write(path, new.seed)
            await load.more()
            last = await bus.last(subjects.STREAM_TICKS, subjects.tick("load", "1"))
            assert last is not None
            assert last.sequence == 1
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("damaged", ["", "-----BEGIN NATS USER JWT-----\n", "half"])
async def test_credentials_that_expire_are_renewed_although_the_file_was_damaged(
    damaged: str, tmp_path: Path
) -> None:
    operator, user = Operator(), keys.new(Kind.USER)
    server = embedded_nats.start(tmp_path / "nats", extra=operator.config())
    path = write(tmp_path / "user.creds", operator.creds(user, expires=nats_logins.now() + 4))
    try:
        async with loaded(options(server.url, creds=str(path))) as (bus, load):
            whole = operator.creds(user)
            write(path, whole[: len(whole) // 2] if damaged == "half" else damaged)
            await until(lambda: bus.peer() is None)
            await asyncio.sleep(2)
            write(path, whole)
            await load.more()
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_revoked_key_is_cut_off_at_once_and_refused_until_it_is_granted_again(
    tmp_path: Path,
) -> None:
    key, other = keys.new(Kind.USER), keys.new(Kind.USER)
    extra = f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}"
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    path = write(tmp_path / "user.nk", key.seed)
    try:
        async with loaded(options(server.url, nkey=str(path))) as (bus, load):
            rewrite(server, key.public, other.public)
            await until(lambda: bus.peer() is None)
            with pytest.raises(UnreachableError, match="authorization violation"):
                await connect(options(server.url, nkey=str(path)))
            rewrite(server, other.public, key.public)
            await load.more()
    finally:
        await asyncio.to_thread(server.stop)


async def test_revoked_credentials_are_cut_off_at_once_and_refused(tmp_path: Path) -> None:
    operator, user = Operator(), keys.new(Kind.USER)
    before = operator.config()
    server = embedded_nats.start(tmp_path / "nats", extra=before)
    path = write(tmp_path / "user.creds", operator.creds(user))
    try:
        async with loaded(options(server.url, creds=str(path))) as (bus, _):
            after = operator.config(revocations={user.public: nats_logins.now() + 1})
            rewrite(server, before, after)
            await until(lambda: bus.peer() is None)
            with pytest.raises(UnreachableError, match=r"authorization|revoked"):
                await connect(options(server.url, creds=str(path)))
    finally:
        await asyncio.to_thread(server.stop)


async def test_answers_come_to_the_inbox_that_the_settings_name(tmp_path: Path) -> None:
    own = '{ publish: ">", subscribe: ["mine.w1.>"] }'
    extra = f"authorization {{ users: [ {{ user: u, password: p, permissions: {own} }} ] }}"
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    given = {"user": "u", "password": "p"}
    try:
        bus = await connect(options(server.url, inbox_prefix="mine.w1", **given))
        await bus.close()
        with pytest.raises(UnreachableError):
            await connect(options(server.url, **given))
    finally:
        await asyncio.to_thread(server.stop)


async def test_streams_are_reached_in_the_domain_that_the_settings_name(tmp_path: Path) -> None:
    extra = f'jetstream {{ store_dir: "{tmp_path}/hub", domain: hub }}'
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    try:
        async with loaded(options(server.url, js_domain="hub")) as (bus, _):
            assert await bus.last(subjects.STREAM_TICKS, subjects.tick("load", "1")) is not None
        with pytest.raises(UnreachableError, match="offers no JetStream"):
            await connect(options(server.url, js_domain="moon"))
    finally:
        await asyncio.to_thread(server.stop)
