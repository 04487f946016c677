"""What an error of MongoDB or pymongo means for a look."""

from __future__ import annotations

import os
import re

from pymongo import errors

from stt_shared.protocol.words import Kind
from stt_worker.databases.port import Failure, LookError

_NO_PRIVILEGE = 13
AUTH = frozenset({11, 18, 334, 8000})  # no user, refused, no such mechanism, Atlas
_TIMEOUT = frozenset({50, 262})
_STOPPING = frozenset({91, 11600, 11602})
UNKNOWN_COMMAND = 59
# The driver hands on errors of the system and of TLS as text alone.
_TLS = re.compile(r"\[SSL\b|SSL handshake failed")
_AROUND_TLS = re.compile(r"^.*\[SSL[^]]*\] | \(_ssl\.c:\d+\)")
_NUMBER = re.compile(r"\[Errno (?P<code>-?\d+)\] (?P<rest>.*)")


def said(error: BaseException) -> str:
    """The server's sentence with the name of its error, or the driver's, in one line."""
    if isinstance(error, errors.OperationFailure):
        details = error.details or {}
        words, name = str(details.get("errmsg") or error), details.get("codeName", "")
        return f"{words} (error {error.code}{f' {name}' if name else ''})"
    return " ".join(str(error).split()).partition(" (configured timeouts")[0]


def kind(error: errors.PyMongoError) -> Kind:
    """The kind of a failure."""
    if isinstance(error, errors.OperationFailure):
        return _by_code(error.code or 0)
    if isinstance(error, errors.NetworkTimeout | errors.ExecutionTimeout):
        return Kind.TIMEOUT
    if isinstance(error, errors.ConfigurationError | errors.InvalidOperation):
        return Kind.CONFIG
    return Kind.UNREACHABLE


def _by_code(code: int) -> Kind:
    if code == _NO_PRIVILEGE:
        return Kind.NO_PRIVILEGE
    if code in AUTH:
        return Kind.AUTH
    if code in _TIMEOUT:
        return Kind.TIMEOUT
    return Kind.UNREACHABLE if code in _STOPPING else Kind.QUERY


def of_question(error: errors.PyMongoError) -> Failure:
    """Why a question has no answer."""
    return Failure(kind=kind(error), reason=said(error))


def of_connection(error: BaseException, where: str) -> LookError:
    """Why there is no session to the server at `where`."""
    words = said(error)
    if _TLS.search(words):
        return LookError(Kind.TLS, _AROUND_TLS.sub("", words))
    if number := _NUMBER.search(words):
        return LookError(Kind.UNREACHABLE, f"{where} is not reachable: {_system(number)}")
    if isinstance(error, errors.NetworkTimeout):
        return LookError(Kind.UNREACHABLE, words)
    if isinstance(error, errors.PyMongoError):
        found = kind(error)
        # Nothing but the log-in was asked yet.
        return LookError(Kind.AUTH if found is Kind.QUERY else found, words)
    return LookError(Kind.UNREACHABLE, f"what answers is no MongoDB server: {words}")


def _system(number: re.Match[str]) -> str:
    """The system's own words for an error; those of name resolution have numbers below zero."""
    code, rest = int(number["code"]), number["rest"]
    return os.strerror(code) if code > 0 else rest
