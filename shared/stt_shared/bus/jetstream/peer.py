"""Read from the client what it knows about the server: host, TLS, largest message."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

from nats.aio.client import Client

from stt_shared.bus.values import Peer


def of(client: Client) -> Peer | None:
    """The server that `client` is connected to; None without a connection."""
    url = client.connected_url
    if url is None:
        return None
    # The client has no public access to its socket and its encryption.
    transport: Any = getattr(client, "_transport", None)
    writer: Any = getattr(transport, "_io_writer", None)
    if writer is None:  # a web socket
        encrypted = {"wss": True, "ws": False}.get(url.scheme)
        return Peer(host=url.hostname or "", encrypted=encrypted, max_payload=client.max_payload)
    tls: Any = writer.get_extra_info("ssl_object")
    certificate: dict[str, Any] = (tls.getpeercert() or {}) if tls is not None else {}
    until = certificate.get("notAfter")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None
    return Peer(
        host=url.hostname or "",
        encrypted=tls is not None,
        certificate_ends=ends,
        max_payload=client.max_payload,
    )
