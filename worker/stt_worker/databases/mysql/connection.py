"""PyMySQL's connection, hardened against untrusted servers: bounded, typed, no clear text."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Any, cast

import pymysql
from pymysql import err
from pymysql.constants import COMMAND, CR

from stt_worker.databases.mysql import auth, errors
from stt_worker.databases.mysql.replies import MAX_COLUMNS, Budget, Replies, Reply
from stt_worker.databases.port import Endpoint, Limits

HANDSHAKE_BYTES = 256 * 1024  # greeting, log-in and session settings
HANDSHAKE_READS = 256  # two for each packet
READ_BYTES = 64 * 1024
COLUMN_BYTES = 64 * 1024  # for the descriptions of the columns, on top of the rows
READ_MARGIN_S = 1.0  # the guard cuts first; this ends the thread if the event loop is stuck
RESET = 0x1F  # COM_RESET_CONNECTION
QUERY = COMMAND.COM_QUERY

Command = tuple[int, str]  # its number and its text


# The private methods that are overridden to count bytes have no types.
_Untyped: Any = pymysql.Connection


if TYPE_CHECKING:
    _Base = pymysql.Connection[Any]
else:
    _Base = pymysql.Connection  # generic for the type checkers alone


class Connection(_Base):
    """A connection, not opened yet; `allow` limits what may come in until its next call."""

    _auth_plugin_name: str

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, limits: Limits) -> None:
        self._budget = Budget(HANDSHAKE_BYTES, HANDSHAKE_READS)
        self._replies = Replies(self._read_some, self._budget)
        self._trust, self._key = auth.trust_in(endpoint), b""
        self._may_ask_for_key = endpoint.allow_public_key_retrieval
        self.encrypted = False
        timeout_s = max(limits.connect_s, limits.client_s) + READ_MARGIN_S
        super().__init__(
            user=endpoint.user,
            password=endpoint.password.encode(),  # as text it would have to be Latin-1
            host=endpoint.host or "localhost",
            port=endpoint.port,
            database=endpoint.database or None,
            autocommit=None,
            local_infile=False,
            defer_connect=True,
            read_timeout=timeout_s,
            write_timeout=timeout_s,
            program_name=endpoint.application,
            ssl=context,
            ssl_disabled=context is None,  # without it a context would be built per connection
            auth_plugin_map=auth.AllowList(self._trust),
        )

    def greet(self, opened: socket.socket, key: bytes = b"") -> None:
        """Log in over `opened`, which the connection owns from now on.

        `key` is the server's RSA key from the target's file, PEM.
        """
        self._key = key
        self.connect(sock=opened)

    @property
    def greeting(self) -> str:
        """The version in the server's greeting; a proxy or an operator can set any text."""
        return str(_Untyped.get_server_info(self))

    def allow(self, limits: Limits) -> None:
        """Allow one more answer within `limits` to come in."""
        self._budget.allow(limits.bytes + COLUMN_BYTES, limits.rows + MAX_COLUMNS)

    @property
    def received(self) -> int:
        """Bytes received since the last call of `allow`."""
        return self._budget.spent

    def ask(self, sql: str) -> Reply:
        """Run one statement; of columns with the same name the last is kept. Raises err.Error."""
        self.send([(QUERY, sql)])
        return self.receive()

    def exchange(
        self, commands: Sequence[Command], *, at_once: bool
    ) -> list[Reply | err.DatabaseError]:
        """Send `commands`, without waiting in between if `at_once`, and return their answers.

        An error of the server is an answer. Raises err.Error when the connection is lost.
        """
        groups = [commands] if at_once else [[command] for command in commands]
        replies: list[Reply | err.DatabaseError] = []
        for group in groups:
            self.send(group)
            for _ in group:
                try:
                    replies.append(self._reply())
                except err.Error as lost:
                    refusals = [reply for reply in replies if isinstance(reply, err.Error)]
                    # The server's error before it closed explains more than the closing.
                    raise refusals[0] if refusals else lost from None
        return replies

    def send(self, commands: Sequence[Command]) -> None:
        """Send commands without waiting for an answer."""
        packets: list[bytes] = []
        for number, words in commands:
            body = bytes([number]) + words.encode()
            packets += [struct.pack("<I", len(body)), body]
        # In one write: each write would be a packet of its own on the network.
        _Untyped._write_bytes(self, b"".join(packets))  # noqa: SLF001  # as drop

    def receive(self) -> Reply:
        """The answer to the next command that was sent; raises err.Error."""
        reply = self._reply()
        if isinstance(reply, err.Error):
            raise reply
        return reply

    def drop(self) -> None:
        """Close the connection without sending anything."""
        _Untyped._force_close(self)  # noqa: SLF001  # its public way sends something

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        """Do nothing: PyMySQL would send a statement here; the pins set the character set."""
        del charset, collation

    @property
    def _secure(self) -> bool:
        """Whether PyMySQL may send the password itself."""
        return self._trust is auth.Trust.VERIFIED

    @_secure.setter
    def _secure(self, encrypted: bool) -> None:
        """PyMySQL sets this after any TLS handshake; encryption alone does not make it secure."""
        self.encrypted = encrypted

    @property
    def server_public_key(self) -> bytes | None:
        """The key that encrypts the password; if it is None, PyMySQL requests it from the server.

        Raises OperationalError if an unverified server must not have the password.
        """
        if self._key:
            return auth.fitting(self._key, self.password)
        if self._trust is auth.Trust.PLAIN and self._may_ask_for_key:
            return None
        raise auth.key_needed(self._trust)

    @server_public_key.setter
    def server_public_key(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, key: bytes | None
    ) -> None:
        # The target's key wins: else an attacker could send a key and read the password.
        self._key = self._key or key or b""

    def _get_server_information(self) -> None:
        _Untyped._get_server_information(self)  # noqa: SLF001  # as drop
        if self._auth_plugin_name not in auth.FIRST:
            self._auth_plugin_name = auth.NATIVE

    def _request_authentication(self) -> None:
        try:
            _Untyped._request_authentication(self)  # noqa: SLF001  # as drop
        except err.OperationalError as error:
            if errors.code(error):
                raise
            # Raised by PyMySQL itself, for example for a second factor.
            raise auth.refused(f"the log-in cannot be completed: {error.args[0]}") from error

    def _reply(self) -> Reply | err.DatabaseError:
        try:
            return self._replies.next()
        except err.DatabaseError as error:
            if errors.lost(error):
                raise
            return error

    def _read_bytes(self, num_bytes: int) -> Any:
        """Count the bytes before PyMySQL reads them, in two parts for each packet of a log-in."""
        self._budget.spend(num_bytes)
        return _read(self, num_bytes)

    def _read_some(self) -> bytes:
        """The next bytes; empty after the server closed. Raises err.OperationalError."""
        # PyMySQL's own stream: it may have buffered bytes that followed the log-in.
        stream: BufferedReader = cast("Any", self)._rfile  # noqa: SLF001  # as drop
        try:
            return stream.read1(READ_BYTES)
        except OSError as error:
            self.drop()
            raise err.OperationalError(CR.CR_SERVER_LOST, str(error)) from error


_read: Any = _Untyped._read_bytes  # noqa: SLF001  # as drop
