"""PyMySQL's connection made fit for servers nobody vouches for: bounded, typed, no clear text."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, Never

import pymysql
from pymysql import err
from pymysql.constants import FIELD_TYPE
from pymysql.protocol import MysqlPacket

from stt_worker.databases.port import Endpoint, Limits
from stt_worker.databases.values import number, text

HANDSHAKE_BYTES = 256 * 1024  # greeting, log-in and session settings
HANDSHAKE_PACKETS = 64
MAX_COLUMNS = 4_096  # the servers' own limit; each column of an answer is a packet of its own
COLUMN_BYTES = 64 * 1024  # what the descriptions of the columns may take on top of the rows
READ_MARGIN_S = 1.0  # the guard cuts first; this ends the thread even if the loop is stuck
CLIENT_PLUGIN_REFUSED = 2059


def _float(raw: bytes) -> float | str:
    return number(float(raw))


_TYPES: dict[Any, Any] = {
    **dict.fromkeys(range(256), text),
    **dict.fromkeys(
        (
            FIELD_TYPE.TINY,
            FIELD_TYPE.SHORT,
            FIELD_TYPE.INT24,
            FIELD_TYPE.LONG,
            FIELD_TYPE.LONGLONG,
            FIELD_TYPE.YEAR,
        ),
        int,
    ),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), _float),
}


class TooMuchError(Exception):
    """The server sends more than it may; the connection is of no use any more."""


class TooManyPacketsError(TooMuchError):
    """The answer has more rows than it may."""


class NoClearText:
    """Stands in for the plugins that hand the password over as it is."""

    def __init__(self, connection: Any) -> None:
        del connection

    def authenticate(self, packet: Any) -> Never:
        """Refuse: whoever answers on that port could be after the password."""
        del packet
        why = "the server asks for the password in clear text over an unencrypted connection"
        raise err.OperationalError(CLIENT_PLUGIN_REFUSED, why)


_REFUSING: dict[str, Any] = {"mysql_clear_password": NoClearText, "dialog": NoClearText}
# The methods below the public ones have no types; this is where the counting has to happen.
_Untyped: Any = pymysql.Connection


if TYPE_CHECKING:
    _Base = pymysql.Connection[Any]
else:
    _Base = pymysql.Connection  # generic for the type checkers alone


class Connection(_Base):
    """Not connected yet; `allow` sets how much may come in until it is called again."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, limits: Limits) -> None:
        self._bytes_left, self._packets_left = HANDSHAKE_BYTES, HANDSHAKE_PACKETS
        patience = max(limits.connect_s, limits.client_s) + READ_MARGIN_S
        plain = context is None and not endpoint.socket
        super().__init__(
            user=endpoint.user,
            password=endpoint.password.encode(),  # as text it would have to be Latin-1
            host=endpoint.host or "localhost",
            port=endpoint.port,
            database=endpoint.database or None,
            conv=_TYPES,
            use_unicode=False,  # bytes: an answer that is no UTF-8 must not end the look
            autocommit=None,
            local_infile=False,
            defer_connect=True,
            read_timeout=patience,
            write_timeout=patience,
            program_name=endpoint.application,
            ssl=context,
            ssl_disabled=context is None,  # without it a context would be built per connection
            auth_plugin_map=_REFUSING if plain else None,
        )
        # A Unix socket is as good as TLS for handing over a password, as in the servers' own view.
        self._secure = bool(endpoint.socket)

    def greet(self, opened: socket.socket) -> None:
        """Log in over `opened`, which belongs to the connection from now on."""
        self.connect(sock=opened)

    @property
    def greeting(self) -> str:
        """The version the server greets with; a proxy or an operator may have made it up."""
        return str(_Untyped.get_server_info(self))

    def allow(self, limits: Limits) -> None:
        """From now on at most one answer of these limits may come in."""
        self._bytes_left = limits.bytes + COLUMN_BYTES
        self._packets_left = limits.rows + MAX_COLUMNS

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The rows of one statement; a later column of the same name hides an earlier one."""
        with self.cursor() as cursor:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def drop(self) -> None:
        """Close without a word to the server."""
        _Untyped._force_close(self)  # noqa: SLF001  # its public way sends something

    def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        self._packets_left -= 1
        if self._packets_left < 0:
            raise TooManyPacketsError
        return _Untyped._read_packet(self, packet_type)  # noqa: SLF001  # as drop

    def _read_bytes(self, num_bytes: int) -> Any:
        self._bytes_left -= num_bytes
        if self._bytes_left < 0:
            raise TooMuchError
        return _Untyped._read_bytes(self, num_bytes)  # noqa: SLF001  # as drop
