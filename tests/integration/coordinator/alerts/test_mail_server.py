"""Digests delivered to a real mail server: over verified TLS, with a log-in, or a clear error."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stt_coordinator.alerts.mail import Mail, Smtp
from stt_coordinator.alerts.post import ChannelError, trusted
from stt_coordinator.local.servers.process import free_port
from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.settings.alerts import AlertSettings
from tests.servers.certificates import Certificates
from tests.support.alerts.mailbox import HOST, PASSWORD, USER, Box, demanding, server, server_tls
from tests.support.coordinator.fleet import fill


def settings(port: int, **changes: Any) -> AlertSettings:
    base = AlertSettings(
        smtp=f"{HOST}:{port}",
        smtp_user=USER,
        smtp_password=PASSWORD,
        mail_from="stt@example.com",
        mail_to=("dba@example.com", "lead@example.com"),
    )
    return msgspec.structs.replace(base, **changes)


async def step(chosen: AlertSettings, ca: str) -> str:
    """One step of the channel over a store with two critical findings."""
    store = MemoryStore()
    await store.transact(fill)
    return await Mail(chosen, store, Smtp(chosen, trusted(ca))).step()


async def test_a_digest_arrives_over_starttls_after_a_login(certificates: Certificates) -> None:
    box = Box()
    with demanding(box, certificates) as port:
        assert await step(settings(port), str(certificates.ca)) == ""
    (mail,), (envelope,), (session,) = box.mails, box.envelopes, box.sessions
    assert mail["Subject"] == "[STT] CRITICAL: 2 still open"
    assert "stt findings show f_1" in mail.get_content()
    assert envelope.mail_from == "stt@example.com"
    assert envelope.rcpt_tos == ["dba@example.com", "lead@example.com"]
    assert session.ssl is not None
    assert session.authenticated


async def test_a_digest_arrives_over_implicit_tls(certificates: Certificates) -> None:
    box = Box()
    context = server_tls(certificates.cert, certificates.key)
    with server(box, ssl_context=context) as port:
        chosen = settings(port, smtp_tls="tls", smtp_user="", smtp_password="")
        assert await step(chosen, str(certificates.ca)) == ""
    assert len(box.mails) == 1


async def test_a_digest_arrives_in_clear_on_this_machine_where_that_is_wanted() -> None:
    box = Box()
    with server(box) as port:
        chosen = settings(port, smtp_tls="off", smtp_user="", smtp_password="")
        assert await step(chosen, "") == ""
    assert len(box.mails) == 1


async def test_a_server_whose_certificate_is_not_trusted_gets_neither_password_nor_mail(
    certificates: Certificates,
) -> None:
    box = Box()
    with demanding(box, certificates) as port, pytest.raises(ChannelError) as caught:
        await step(settings(port), str(certificates.other_ca))
    assert "certificate verify failed" in caught.value.message
    assert box.sessions == []


async def test_a_certificate_of_another_name_is_refused(certificates: Certificates) -> None:
    box = Box()
    context = server_tls(certificates.wrong_cert, certificates.wrong_key)
    with server(box, tls_context=context) as port, pytest.raises(ChannelError) as caught:
        await step(settings(port), str(certificates.ca))
    assert "certificate" in caught.value.message
    assert box.mails == []


async def test_a_server_without_starttls_gets_nothing_in_clear() -> None:
    box = Box()
    with server(box) as port, pytest.raises(ChannelError, match="starttls"):
        await step(settings(port), "")
    assert box.mails == []


async def test_a_wrong_password_is_reported_in_the_servers_words_and_not_shown(
    certificates: Certificates,
) -> None:
    box = Box()
    with demanding(box, certificates) as port, pytest.raises(ChannelError) as caught:
        await step(settings(port, smtp_password="wrong-one"), str(certificates.ca))
    assert "answers 535" in caught.value.message
    assert "wrong-one" not in caught.value.message


async def test_a_password_that_cannot_be_sent_ends_no_coordinator(
    certificates: Certificates,
) -> None:
    with demanding(Box(), certificates) as port, pytest.raises(ChannelError) as caught:
        await step(settings(port, smtp_password="pässwörd"), str(certificates.ca))
    assert "supports only ASCII user names and passwords" in str(caught.value)


async def test_a_recipient_who_is_refused_keeps_no_mail_from_the_others(
    certificates: Certificates,
) -> None:
    box = Box(refuses={"lead@example.com"})
    with demanding(box, certificates) as port:
        shown = await step(settings(port), str(certificates.ca))
    assert shown == "the mail server refuses lead@example.com"
    assert len(box.mails) == 1


async def test_a_mail_that_nobody_may_get_is_a_failure(certificates: Certificates) -> None:
    box = Box(refuses={"dba@example.com", "lead@example.com"})
    with demanding(box, certificates) as port, pytest.raises(ChannelError, match="refuses dba@"):
        await step(settings(port), str(certificates.ca))


async def test_an_address_without_a_server_is_reported() -> None:
    with pytest.raises(ChannelError, match="connection refused"):
        await step(settings(free_port()), "")
