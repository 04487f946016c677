"""The settings of the page and the HTTP interface: where it listens, and who may log in."""

from __future__ import annotations

from typing import Annotated

import msgspec


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The page and the HTTP interface of the coordinator."""

    listen: Annotated[
        str,
        _said("host:port of the page; one that others reach needs a log-in; empty: no page"),
    ] = "127.0.0.1:8642"
    cert: Annotated[str, _said("path of the page's TLS certificate (PEM); empty: no TLS")] = ""
    key: Annotated[str, _said("path of the key of that certificate")] = ""
    tokens: Annotated[
        str, _said("path of the file of those who may log in, see `stt web token new`")
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...], _said("addresses or networks of proxies that say who is asking")
    ] = ()
    proxy_user_header: Annotated[
        str, _said("header in which a trusted proxy names the user; empty: none is believed")
    ] = ""
    proxy_role_header: Annotated[
        str, _said("header in which it gives the role or groups; empty: all of it are viewers")
    ] = ""
