"""The webhook against real HTTP servers, and through a whole coordinator."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stt_coordinator.alerts.channels import channels
from stt_coordinator.alerts.post import ChannelError, Poster, trusted
from stt_coordinator.alerts.webhook import Webhook, signature
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.memory import MemoryBroker
from stt_shared.settings.alerts import AlertSettings
from tests.servers.certificates import Certificates
from tests.support.alerts.events import SECRET, add
from tests.support.coordinator.coordination import QUICK, catalogue
from tests.support.coordinator.hooks import Hook, listening


def server_tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    return context


def settings(hook: Hook) -> AlertSettings:
    return AlertSettings(webhook=f"{hook.url}/T0/secret-path", webhook_secret=SECRET)


async def posted(hook: Hook, ca: str, folder: Path) -> None:
    """One event through the channel of the settings."""
    store = await open_store(folder)
    try:
        channel = Webhook(settings(hook), store, Poster(trusted(ca)))
        await channel.step()
        await add(store, "f_1")
        await channel.step()
    finally:
        await store.close()


async def test_a_post_arrives_over_tls_with_a_signature_that_holds(
    certificates: Certificates, tmp_path: Path
) -> None:
    with listening(server_tls(certificates)) as hook:
        await posted(hook, str(certificates.ca), tmp_path)
    ((headers, body),) = hook.posts
    assert headers["STT-Signature"] == signature(SECRET, headers["STT-Timestamp"], body)
    assert headers["Content-Type"] == "application/json"
    assert msgspec.json.decode(body)["schema"] == "stt.webhook/v1"


async def test_a_receiver_that_is_not_trusted_gets_nothing(
    certificates: Certificates, tmp_path: Path
) -> None:
    with (
        listening(server_tls(certificates)) as hook,
        pytest.raises(ChannelError, match="certificate verify failed"),
    ):
        await posted(hook, str(certificates.other_ca), tmp_path)
    assert hook.posts == []


@pytest.mark.parametrize("code", [302, 400, 410, 500, 503])
async def test_every_answer_but_yes_is_a_refusal_that_shows_no_path(
    code: int, tmp_path: Path
) -> None:
    with listening() as hook:
        hook.says.append(code)
        with pytest.raises(ChannelError, match=f"answers {code}") as caught:
            await posted(hook, "", tmp_path)
    assert "secret-path" not in str(caught.value)
    assert len(hook.posts) == 1, "a redirect is not followed"


async def test_a_coordinator_tries_again_until_the_receiver_takes_it(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    with listening() as hook:
        hook.says.append(503)
        (channel,) = channels(settings(hook), store)
        await channel.step()
        await add(store, "f_1")
        bus = MemoryBroker().connect()
        means = CoordinatorDependencies(
            bus=bus, store=store, checks=catalogue, timing=QUICK, channels=(channel,)
        )
        stop = asyncio.Event()
        running = asyncio.create_task(Coordinator(means).run(stop))
        try:
            assert await asyncio.to_thread(hook.taken.wait, 30)
        finally:
            stop.set()
            await running
            await store.close()
    first, second = hook.posts
    assert first[1] == second[1]


async def test_the_documented_lines_of_python_verify_a_post(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "alerts.md").read_text(encoding="utf-8")
    lines = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(lines, names)  # noqa: S102  # what the page tells people to run
    with listening() as hook:
        await posted(hook, "", tmp_path)
    ((headers, body),) = hook.posts
    as_documented = {name.upper(): value for name, value in headers.items()}
    given = {name: as_documented[name.upper()] for name in ("STT-Timestamp", "STT-Signature")}
    assert names["is_genuine"](given, body, SECRET)
    assert not names["is_genuine"](given, body + b" ", SECRET)
    assert not names["is_genuine"]({**given, "STT-Timestamp": "1"}, body, SECRET)
