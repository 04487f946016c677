"""Maps errors of MongoDB and of its connection to kinds and reasons."""

from __future__ import annotations

import ssl

from stt_shared.protocol.enums import Kind
from stt_worker.databases import tls
from stt_worker.databases.mongodb.wire import CommandError, TooLargeError, WireError
from stt_worker.databases.network import reason
from stt_worker.databases.port import Failure, InspectionError

_NO_PRIVILEGE = 13
AUTH = frozenset({11, 18, 334, 8000})  # no user, refused, no such mechanism, Atlas
_TIMEOUT = frozenset({50, 262})
_STOPPING = frozenset({91, 11600, 11602})
UNKNOWN_COMMAND = 59
API_REQUIRED = 498_870  # the server requires `apiVersion` in each command
_SESSION = frozenset({322, 323, API_REQUIRED})


def by_code(code: int) -> Kind:
    """The kind of an error of the server."""
    if code == _NO_PRIVILEGE:
        return Kind.NO_PRIVILEGE
    if code in AUTH:
        return Kind.AUTH
    if code in _TIMEOUT:
        return Kind.TIMEOUT
    if code in _SESSION:
        return Kind.SESSION
    return Kind.UNREACHABLE if code in _STOPPING else Kind.QUERY


def of_question(error: Exception) -> Failure:
    """The failure of a question."""
    if isinstance(error, CommandError):
        return Failure(kind=by_code(error.code), reason=str(error))
    if isinstance(error, TooLargeError):
        return Failure(kind=Kind.TOO_LARGE, reason=str(error))
    if isinstance(error, WireError):
        return Failure(kind=Kind.QUERY, reason=str(error))
    return Failure(kind=Kind.UNREACHABLE, reason=reason(error))


def of_connection(error: Exception, where: str) -> InspectionError:
    """The error of a session that could not be opened to the server at `where`."""
    if isinstance(error, ssl.SSLError):
        return InspectionError(Kind.TLS, tls.words(error))
    if isinstance(error, CommandError):
        found = by_code(error.code)
        # Only the log-in was sent so far, so any other error is about it.
        return InspectionError(Kind.AUTH if found is Kind.QUERY else found, str(error))
    return InspectionError(Kind.UNREACHABLE, f"{where}: {reason(error)}")
