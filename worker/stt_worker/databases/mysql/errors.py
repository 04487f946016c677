"""Maps errors of MySQL, MariaDB and PyMySQL to kinds and reasons."""

from __future__ import annotations

from pymysql import err

from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Failure, InspectionError

_AUTH = frozenset(
    {
        1045,  # access denied
        1130,  # this host may not connect
        1251,  # authentication protocol not supported by the client
        1275,  # old authentication protocol
        1372,  # password hash of a wrong length
        1524,  # the account's plugin is not loaded
        1698,  # access denied without a password
        1820,  # the password has to be changed first
        1862,  # the password has expired
        2059,  # authentication plugin not known to the client
        3118,  # account locked
        3955,  # account blocked after failed log-ins
        4151,  # account locked, MariaDB
    }
)
_TLS = frozenset({2026, 3159})  # TLS error; the server wants TLS
_NO_PRIVILEGE = frozenset({1044, 1142, 1143, 1227, 1370, 1410, 1419, 3530})
# Statement time-out of each server; lock wait time-outs.
_TIMEOUT = frozenset({1205, 1317, 1969, 3024})
_UNKNOWN_DATABASE = 1049
UNKNOWN_VARIABLE = 1193
_HOOK_FAILED = 1184  # init_connect failed; the server closes the connection
_LOST = frozenset({0, 2006, 2013})


def code(error: err.Error) -> int:
    """The number of the error; 0 if it has none."""
    number = error.args[0] if error.args else 0
    return number if isinstance(number, int) else 0


def format_error(error: err.Error) -> str:
    """The text of the error with its number."""
    number, words = code(error), str(error.args[-1]) if error.args else type(error).__name__
    return f"{words} (error {number})" if number else words


def lost(error: err.Error) -> bool:
    """Whether the connection is unusable after this error."""
    return isinstance(error, err.InterfaceError) or code(error) in _LOST


def of_question(error: err.Error) -> Failure:
    """The failure of a question."""
    number = code(error)
    if number in _NO_PRIVILEGE:
        return Failure(kind=Kind.NO_PRIVILEGE, reason=format_error(error))
    if number in _TIMEOUT:
        return Failure(kind=Kind.TIMEOUT, reason=format_error(error))
    if number == _HOOK_FAILED:
        return Failure(kind=Kind.SESSION, reason=format_error(error))
    return Failure(kind=Kind.UNREACHABLE if lost(error) else Kind.QUERY, reason=format_error(error))


def of_connection(error: err.Error) -> InspectionError:
    """The error of a failed log-in; see `tls.error_behind` for TLS errors."""
    number = code(error)
    if number in _AUTH:
        return InspectionError(Kind.AUTH, format_error(error))
    if number in _TLS:
        return InspectionError(Kind.TLS, format_error(error))
    if number in _NO_PRIVILEGE:
        return InspectionError(Kind.NO_PRIVILEGE, format_error(error))
    if number == _UNKNOWN_DATABASE:
        return InspectionError(Kind.CONFIG, format_error(error))
    return InspectionError(Kind.UNREACHABLE, format_error(error))
