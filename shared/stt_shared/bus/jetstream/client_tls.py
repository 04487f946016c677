"""Enforce TLS to NATS before the log-in, so that nobody in between can remove it."""

from __future__ import annotations

import ssl
from typing import Any

import nats.errors

from stt_shared.bus.jetstream.tolerant import TolerantClient


class GuardedClient(TolerantClient):
    """A client that sends its log-in only over TLS if an address or an option requires TLS."""

    def __init__(self, *, needs_tls: bool) -> None:
        super().__init__()
        self._needs_tls = needs_tls

    def _connect_command(self) -> bytes:
        """The message that holds user and password; raises nats.errors.Error without TLS.

        The client encrypts if the first message of the server requests it. That message is not
        encrypted: an attacker in between could remove the request.
        """
        server: Any = self._current_server
        asked = self._needs_tls or (server is not None and server.uri.scheme == "tls")
        if asked and not self._encrypted():
            raise nats.errors.Error(
                "nats: the server offers no TLS, which a tls:// address, nats.ca or nats.cert needs"
            )
        return super()._connect_command()

    def _encrypted(self) -> bool:
        transport: Any = self._transport
        writer: Any = getattr(transport, "_io_writer", None)
        return writer is not None and writer.get_extra_info("ssl_object") is not None


def context(ca: str, cert: str, key: str) -> ssl.SSLContext:
    """A context that verifies the server; raises OSError for a file that cannot be used."""
    made = ssl.create_default_context(cafile=ca or None)
    if cert:
        made.load_cert_chain(cert, key or None)
    return made
