"""The settings of the page and the HTTP interface: where it listens, and who may log in."""

from __future__ import annotations

from typing import Annotated

import msgspec

from stt_shared.settings import rules
from stt_shared.settings.field import setting


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The page and the HTTP interface of the coordinator."""

    listen: Annotated[
        str,
        setting("host:port of the page; other than localhost it needs a log-in; empty: no page"),
    ] = "127.0.0.1:8642"
    cert: Annotated[str, setting("path of the page's TLS certificate (PEM); empty: no TLS")] = ""
    key: Annotated[str, setting("path of the key of that certificate")] = ""
    tokens: Annotated[
        str, setting("path of the file of those who may log in, see `stt web token new`")
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        setting("addresses or networks of proxies that authenticate the user", rule=rules.networks),
    ] = ()
    proxy_user_header: Annotated[
        str,
        setting(
            "header in which a trusted proxy sends the user name; empty: not used",
            rule=rules.header_or_empty,
        ),
    ] = ""
    proxy_role_header: Annotated[
        str,
        setting(
            "header in which a trusted proxy sends the role or groups; empty: every user of the"
            " proxy is a viewer",
            rule=rules.header_or_empty,
        ),
    ] = ""
