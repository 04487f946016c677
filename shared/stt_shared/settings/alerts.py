"""The settings of alerts: Alertmanager, webhook and mail, each off until it has an address."""

from __future__ import annotations

from typing import Annotated

import msgspec


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts go besides the metrics, and how often they are repeated."""

    severity: Annotated[
        str, _said("least severe finding that is told: critical, major or trivial")
    ] = "major"
    page_url: Annotated[
        str, _said("address of the page as people reach it, for links in alerts")
    ] = ""
    ca: Annotated[str, _said("path of the CA that signed the certificates of the channels")] = ""
    alertmanager: Annotated[
        tuple[str, ...], _said("addresses of every Alertmanager of the cluster; none: no push")
    ] = ()
    alertmanager_every_s: Annotated[
        float, _said("seconds after which open alerts are sent again, 1 to 3600")
    ] = 60.0
    webhook: Annotated[
        str, _said("address that changes of findings are posted to; empty: none")
    ] = ""
    webhook_secret: Annotated[
        str, _said("what posts are signed with, at least 16 characters; better in a file")
    ] = ""
    smtp: Annotated[str, _said("host:port of the mail server; empty: no mail")] = ""
    smtp_tls: Annotated[str, _said("starttls, tls, or off: in clear, on this machine alone")] = (
        "starttls"
    )
    smtp_user: Annotated[str, _said("user of the mail server; empty: no log-in")] = ""
    smtp_password: Annotated[str, _said("password of that user; better in a file")] = ""
    mail_from: Annotated[str, _said("who mails come from")] = ""
    mail_to: Annotated[tuple[str, ...], _said("whom mails go to")] = ()
    mail_every_s: Annotated[
        float, _said("seconds between two mails about changes at the least, 1 to 86400")
    ] = 300.0
    remind_critical_h: Annotated[
        float, _said("hours after which open critical findings are mailed again; 0: never")
    ] = 24.0
    remind_major_h: Annotated[float, _said("the same for major ones")] = 168.0
    remind_trivial_h: Annotated[float, _said("the same for trivial ones")] = 0.0
