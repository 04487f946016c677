"""The command that is sent for a question to MongoDB: fixed, or one of the closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.statements import mongodb_commands, privilege_tests
from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Failure

_FIXED: dict[QueryType, dict[str, Any]] = {
    QueryType.MONGODB_BUILDINFO: {"buildInfo": 1},
    QueryType.MONGODB_GETPARAMETER: {"getParameter": "*"},
    QueryType.MONGODB_GETCMDLINEOPTS: {"getCmdLineOpts": 1},
    QueryType.MONGODB_REPLSETGETSTATUS: {"replSetGetStatus": 1},
    QueryType.MONGODB_GETDIAGNOSTICDATA: {"getDiagnosticData": 1},
}


def command(question: Question) -> dict[str, Any] | Failure:
    """The command for the admin database, its name first; or the failure."""
    if question.type in _FIXED:
        return dict(_FIXED[question.type])
    if question.type is not QueryType.MONGODB_COMMAND:
        return _refused(f"{question.type} is not a query type of MongoDB")
    written = _document(question, mongodb_commands.fault)
    return written if isinstance(written, Failure) else mongodb_commands.in_order(written)


def tests(question: Question) -> dict[str, Any] | Failure:
    """The document of a question about users; or the failure."""
    return _document(question, privilege_tests.fault)


def _document(
    question: Question, fault: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any] | Failure:
    try:
        written = msgspec.json.decode(question.text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError) as error:
        return _refused(f"the command is not a JSON object: {error}")
    # Checked again: a question need not come from the loader, which checked it too.
    why = fault(written)
    return _refused(why) if why else written


def _refused(why: str) -> Failure:
    return Failure(kind=Kind.QUERY, reason=why)
