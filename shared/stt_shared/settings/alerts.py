"""The settings of alerts: Alertmanager, webhook and mail, each off until it has an address."""

from __future__ import annotations

from typing import Annotated

import msgspec

from stt_shared.protocol.enums import Severity
from stt_shared.settings import rules
from stt_shared.settings.field import setting

MAX_REMIND_H = 8_760  # a year


def _reminder(severity: Severity) -> msgspec.Meta:
    return setting(
        f"time after which open {severity} findings are mailed again; 0: never",
        low=0,
        high=MAX_REMIND_H,
        unit="h",
    )


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts are sent besides the metrics, and how often they are repeated."""

    severity: Annotated[
        str, setting("least severe finding that causes an alert", choices=tuple(map(str, Severity)))
    ] = "major"
    page_url: Annotated[
        str,
        setting(
            "address of the page as users reach it, for links in alerts",
            rule=rules.web_address_or_empty,
            address=True,
        ),
    ] = ""
    ca: Annotated[
        str, setting("path of the CA that signed the certificates of the alert receivers")
    ] = ""
    alertmanager: Annotated[
        tuple[str, ...],
        setting(
            "addresses of all Alertmanagers of the cluster; empty: none",
            rule=rules.web_addresses,
            address=True,
        ),
    ] = ()
    alertmanager_every_s: Annotated[
        float,
        setting("time after which open alerts are sent again", low=1, high=3600, unit="s"),
    ] = 60.0
    webhook: Annotated[
        str,
        setting(
            "address that changes of findings are posted to; empty: none",
            rule=rules.webhook,
            secret=True,
        ),
    ] = ""
    webhook_secret: Annotated[
        str,
        setting(
            f"key that signs each post, at least {rules.MIN_WEBHOOK_SECRET} characters",
            rule=rules.webhook_secret,
            secret=True,
        ),
    ] = ""
    smtp: Annotated[
        str,
        setting(
            "host:port of the mail server; empty: no mail", rule=rules.host_and_port, address=True
        ),
    ] = ""
    smtp_tls: Annotated[
        str,
        setting(
            "TLS to the mail server; off: unencrypted, only on this machine",
            choices=("starttls", "tls", "off"),
        ),
    ] = "starttls"
    smtp_user: Annotated[str, setting("user of the mail server; empty: no log-in")] = ""
    smtp_password: Annotated[str, setting("password of that user", secret=True)] = ""
    mail_from: Annotated[str, setting("sender of the mails", rule=rules.mail_address)] = ""
    mail_to: Annotated[
        tuple[str, ...], setting("recipients of the mails", rule=rules.mail_addresses)
    ] = ()
    mail_every_s: Annotated[
        float,
        setting("least time between two mails about changes", low=1, high=86_400, unit="s"),
    ] = 300.0
    remind_critical_h: Annotated[float, _reminder(Severity.CRITICAL)] = 24.0
    remind_major_h: Annotated[float, _reminder(Severity.MAJOR)] = 168.0
    remind_trivial_h: Annotated[float, _reminder(Severity.TRIVIAL)] = 0.0
