"""The closed list of commands a check may send, all of them read-only."""

from __future__ import annotations

from typing import Any

import msgspec

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.words import Kind
from stt_worker.databases.port import Failure

_FIXED: dict[QueryType, dict[str, Any]] = {
    QueryType.MONGODB_BUILDINFO: {"buildInfo": 1},
    QueryType.MONGODB_GETPARAMETER: {"getParameter": "*"},
    QueryType.MONGODB_GETCMDLINEOPTS: {"getCmdLineOpts": 1},
    QueryType.MONGODB_REPLSETGETSTATUS: {"replSetGetStatus": 1},
    QueryType.MONGODB_GETDIAGNOSTICDATA: {"getDiagnosticData": 1},
}
ALLOWED = frozenset(
    {
        "hello",
        "usersInfo",
        "rolesInfo",
        "serverStatus",
        "connectionStatus",
        "getLog",
        "listDatabases",
        "hostInfo",
    }
)
# Would bring password hashes here.
_FORBIDDEN = frozenset({"showCredentials"})


def command(question: Question) -> dict[str, Any] | Failure:
    """What to send to the admin database for `question`; its name comes first."""
    if question.type in _FIXED:
        return dict(_FIXED[question.type])
    if question.type is not QueryType.MONGODB_COMMAND:
        return _refused(f"{question.type} is no query of MongoDB")
    try:
        written = msgspec.json.decode(question.text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        return _refused(f"the command is no JSON object: {error}")
    return _checked(written)


def _checked(written: dict[str, Any]) -> dict[str, Any] | Failure:
    names = [word for word in written if word in ALLOWED]
    if len(names) != 1:
        listed = ", ".join(sorted(ALLOWED))
        return _refused(f"a command has to name exactly one of {listed}")
    forbidden = sorted(word for word in written if word in _FORBIDDEN or word.startswith("$"))
    if forbidden:
        return _refused(f"a command may not hold {', '.join(forbidden)}")
    # Canonical JSON has its keys in order of the alphabet; the server takes the first as name.
    return {names[0]: written[names[0]]} | written


def _refused(why: str) -> Failure:
    return Failure(kind=Kind.QUERY, reason=why)
