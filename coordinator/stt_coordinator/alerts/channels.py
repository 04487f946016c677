"""The channels that the settings configure."""

from __future__ import annotations

from stt_coordinator.alerts.alertmanager import Push
from stt_coordinator.alerts.delivery_loop import Channel
from stt_coordinator.alerts.mail import Mail, Smtp
from stt_coordinator.alerts.post import Poster, trusted
from stt_coordinator.alerts.webhook import Webhook
from stt_coordinator.store.port import Store
from stt_shared.errors import ConfigError
from stt_shared.settings.alerts import AlertSettings
from stt_shared.settings.rules import LOOPBACK


def verified(settings: AlertSettings) -> AlertSettings:
    """The same settings; raises ConfigError with every contradiction between them."""
    faults: list[str] = []
    if settings.webhook and not settings.webhook_secret:
        faults.append("alerts.webhook is set and alerts.webhook_secret is not")
    if settings.smtp and not (settings.mail_from and settings.mail_to):
        faults.append("alerts.smtp is set, alerts.mail_from and alerts.mail_to are not both")
    host = settings.smtp.rpartition(":")[0].strip("[]")
    if settings.smtp and settings.smtp_tls == "off" and host not in LOOPBACK:
        faults.append(f"alerts.smtp_tls is off and alerts.smtp is {host}, not this machine")
    if settings.smtp_password and not settings.smtp_user:
        faults.append("alerts.smtp_password is set and alerts.smtp_user is not")
    if faults:
        raise ConfigError("the settings of alerts contradict each other", faults=tuple(faults))
    return settings


def channels(settings: AlertSettings, store: Store) -> tuple[Channel, ...]:
    """Every channel that has an address; raises ConfigError for contradicting settings."""
    verified(settings)
    context = trusted(settings.ca)
    post = Poster(context)
    found: list[Channel] = []
    if settings.alertmanager:
        found.append(Push(settings, store, post))
    if settings.webhook:
        found.append(Webhook(settings, store, post))
    if settings.smtp:
        found.append(Mail(settings, store, Smtp(settings, context)))
    return tuple(found)
