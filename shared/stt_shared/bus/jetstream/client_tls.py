"""Enforce TLS before the log-in to NATS, and read the log-in anew for each connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nats.errors

from stt_shared.bus.jetstream.credentials import Signer
from stt_shared.bus.jetstream.tolerant import TolerantClient


class GuardedClient(TolerantClient):
    """A client that sends its log-in only over TLS if an address or an option requires TLS.

    `signer` reads the key of the log-in; the client calls it for each connection.
    """

    def __init__(self, *, needs_tls: bool, signer: Callable[[], Signer] | None = None) -> None:
        super().__init__()
        self._needs_tls = needs_tls
        self._signer = signer

    def _connect_command(self) -> bytes:
        """The message with the log-in; raises nats.errors.Error without TLS or a complete key.

        The client encrypts if the first message of the server requests it. That message is not
        encrypted: an attacker in between could remove the request.
        """
        server: Any = self._current_server
        asked = self._needs_tls or (server is not None and server.uri.scheme == "tls")
        writer = self._writer()
        is_encrypted = writer is not None and writer.get_extra_info("ssl_object") is not None
        if asked and not is_encrypted:
            raise nats.errors.Error(
                "nats: the server offers no TLS, which a tls:// address, nats.ca, nats.cert or"
                " nats.tls_first needs"
            )
        if self._signer is not None:
            # Now, not once: the file may have been renewed since the last connection.
            signer = self._signer()
            self._signature_cb = signer.sign
            self._public_nkey = signer.public
            self._user_jwt_cb = signer.jwt.encode if signer.jwt else None
        return super()._connect_command()

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except BaseException:
            # The client leaves the socket of a failed attempt open, and its next attempt forgets
            # it: an hour with a wrong key would use up the file descriptors of the process.
            if (writer := self._writer()) is not None:
                writer.transport.abort()
            raise

    def _writer(self) -> Any:
        return getattr(self._transport, "_io_writer", None)
