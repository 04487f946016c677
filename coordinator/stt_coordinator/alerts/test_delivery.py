"""A test message through every configured channel, and the answer of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec

from stt_coordinator.alerts import alertmanager, webhook
from stt_coordinator.alerts.channels import verified
from stt_coordinator.alerts.digest import mail
from stt_coordinator.alerts.mail import Smtp
from stt_coordinator.alerts.post import ChannelError, Poster, place, trusted
from stt_shared import clock
from stt_shared.settings.alerts import AlertSettings

TITLE = "[STT] Test of the mails of the Security Threat Tool"
WORDS = (
    "This is a test, sent by `stt alerts test`.\n"
    "Mails about findings in your databases will look like this one.\n"
)


class DeliveryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the test of one address."""

    channel: str
    address: str
    taken: bool
    said: str


Step = Callable[[], Awaitable[str]]


def deliver_tests(settings: AlertSettings) -> AsyncGenerator[DeliveryResult]:
    """The result of each address in turn; raises ConfigError for contradicting settings."""
    # Before the first is sent: settings that contradict each other must send nothing.
    verified(settings)
    context = trusted(settings.ca)
    post = Poster(context)
    steps: list[tuple[str, str, Step]] = [
        ("alertmanager", base, lambda base=base: _push(settings, post, base))  # type: ignore[misc]  # bound now
        for base in settings.alertmanager
    ]
    if settings.webhook:
        steps.append(("webhook", place(settings.webhook), lambda: _post(settings, post)))
    if settings.smtp:
        smtp = Smtp(settings, context)
        steps.append(("mail", settings.smtp, lambda: _mail(settings, smtp)))
    return _each(steps)


async def _each(steps: list[tuple[str, str, Step]]) -> AsyncGenerator[DeliveryResult]:
    for channel, address, step in steps:
        try:
            answer, taken = await step(), True
        except ChannelError as error:
            answer, taken = error.message, False
        yield DeliveryResult(channel=channel, address=address, taken=taken, said=answer)


async def _push(settings: AlertSettings, post: Poster, base: str) -> str:
    one = alertmanager.sample(clock.now(), settings.page_url)
    await alertmanager.send(post, [base], [one])
    return "alert SttTest, which expires after a minute"


async def _post(settings: AlertSettings, post: Poster) -> str:
    body = webhook.Body(events=[], test=True)
    await webhook.send(post, settings, body, clock.now(), "test")
    return "signed test post without events"


async def _mail(settings: AlertSettings, smtp: Smtp) -> str:
    message = mail(settings, TITLE, WORDS, clock.now())
    refused = await asyncio.to_thread(smtp, message)
    if refused:
        raise ChannelError(f"mail server {settings.smtp} refuses {', '.join(refused)}")
    return f"mail to {', '.join(settings.mail_to)}"
