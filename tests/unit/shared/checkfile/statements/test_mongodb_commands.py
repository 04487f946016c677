"""Nothing but the closed list of MongoDB's commands is loaded, and nothing else is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.parse import parse_checks
from stt_shared.checkfile.statements import mongodb_commands
from stt_shared.checkfile.statements.mongodb_commands import COMMANDS
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mongodb.commands import command
from stt_worker.databases.port import Failure

JS = "function() { return sleep(60000) || true }"
FILTERS: list[Any] = [
    {"$where": JS},
    {"$expr": {"$function": {"body": JS, "args": [], "lang": "js"}}},
    {"user": {"$where": JS}},
    {"user": {"$not": {"$where": JS}}},
    {"$and": [{"$where": JS}]},
    {"user": {"$elemMatch": {"$where": JS}}},
    {"user": {"$in": [{"$function": 1}]}},
    {"user": {"$regex": "(a+)+$"}},
    {"user": {"$eq": {"a": 1}}},
    {"user": [1]},
    {"$jsonSchema": {}},
    [],
    "user",
    {f"f{n}": 1 for n in range(101)},
    {"user": {"$in": [1] * 101}},
    {"user": float("nan")},
    {"user": 2**64},
    {"user": "x" * 201},
    {"user": "a\0b"},
]
REFUSED: list[dict[Any, Any]] = [
    *({"usersInfo": 1, "filter": one} for one in FILTERS),
    *({"listDatabases": 1, "filter": one} for one in FILTERS),
    {"usersInfo": 1, "showCredentials": True},
    {"usersInfo": 1, "showCredentials": False},
    {"usersInfo": {"forAllDBs": True, "showCredentials": True}},
    {"usersInfo": {"user": {"$where": JS}, "db": "admin"}},
    {"usersInfo": [{"user": "a", "db": "b", "c": 1}]},
    {"usersInfo": 1, "comment": "x"},
    {"usersInfo": 1, "collation": {"locale": "en", "strength": 1}},
    {"rolesInfo": 1, "asUserFragment": True},
    {"rolesInfo": [1] * 101},
    {"hello": 1, "maxAwaitTimeMS": 60000, "topologyVersion": {}},
    {"hello": 1, "saslSupportedMechs": "admin.root"},
    {"hello": 1, "speculativeAuthenticate": {"saslStart": 1}},
    {"hello": 1, "usersInfo": 1},
    {"getLog": "global"},
    {"getLog": "*"},
    {"getLog": 1},
    {"serverStatus": 1, "unknownSection": 1},
    {"serverStatus": 1, "metrics": {"$where": JS}},
    {"serverStatus": 2},
    {"hostInfo": 1, 7: 1},
    *({"hostInfo": 1, word: 1} for word in ("$db", "$readPreference", "maxTimeMS", "lsid")),
    *({"hostInfo": 1, word: 1} for word in ("txnNumber", "autocommit", "apiStrict", "readConcern")),
    *({"hostInfo": 1, word: 1} for word in ("writeConcern", "apiVersion", "$clusterTime", "help")),
    {"aggregate": 1, "pipeline": [{"$out": "x"}], "cursor": {}},
    {"aggregate": "c", "pipeline": [{"$merge": "x"}], "cursor": {}},
    {"mapReduce": "c", "map": JS, "reduce": JS, "out": "x"},
    {"eval": JS},
    {"find": "system.users"},
    {"shutdown": 1},
    {"setParameter": 1, "quiet": True},
    {"fsync": 1, "lock": True},
    {"logRotate": 1},
    {"HELLO": 1},
    {"isMaster": 1},
    {"ping": 1},
    {},
]
ALLOWED = [
    {"hello": 1},
    {"hostInfo": 1.0},
    {"connectionStatus": True, "showPrivileges": True},
    {"getLog": "startupWarnings"},
    {"listDatabases": 1, "nameOnly": True, "filter": {"name": {"$nin": ["admin", "local"]}}},
    {"serverStatus": 1, "repl": 0, "metrics": 0},
    {"usersInfo": {"forAllDBs": True}, "filter": {}},
    {"usersInfo": [{"user": "a", "db": "b"}, "c"], "filter": {"customData.age": {"$gte": 3}}},
    {"rolesInfo": {"role": "a", "db": "b"}, "showBuiltinRoles": True, "showPrivileges": 1},
]


def check_of(query: dict[Any, Any]) -> str:
    one = {
        "version": 2,
        "name": "a_check",
        "summary": "s",
        "description": "d",
        "family": "MONGODB",
        "queries": [{"type": "MONGODB_COMMAND", "query": query}],
        "script": "def check_context(docs, context):\n    return []\n",
    }
    return yaml.safe_dump({"checks": [one]})


@pytest.mark.parametrize("query", REFUSED, ids=lambda one: repr(one)[:60])
@pytest.mark.parametrize("strict", [True, False])
def test_a_check_with_another_command_or_option_is_not_loaded(
    query: dict[Any, Any], strict: bool
) -> None:
    found = parse_checks(check_of(query), "f", strict=strict)
    assert not found.checks
    assert found.faults


@pytest.mark.parametrize("query", REFUSED, ids=lambda one: repr(one)[:60])
def test_a_question_that_bypassed_the_loader_is_not_sent(query: dict[Any, Any]) -> None:
    found = command(Question(type=QueryType.MONGODB_COMMAND, text=json.dumps(query)))
    assert isinstance(found, Failure)
    assert found.kind is Kind.QUERY


@pytest.mark.parametrize("text", ['["hello"]', "hello", "1", "", '{"hello": 1', "\ud800"])
def test_what_is_no_document_is_not_sent(text: str) -> None:
    assert isinstance(command(Question(type=QueryType.MONGODB_COMMAND, text=text)), Failure)


@pytest.mark.parametrize("query", ALLOWED, ids=lambda one: repr(one)[:60])
def test_commands_of_the_list_are_loaded_and_sent_by_name_first(query: dict[str, Any]) -> None:
    backwards = dict(reversed(query.items()))
    (check,) = parse_checks(check_of(backwards), "f", strict=True).checks
    sent = command(check.queries[0].what)
    assert sent == query
    assert isinstance(sent, dict)
    assert next(iter(sent)) in COMMANDS


@given(st.text(max_size=20).filter(lambda name: name not in COMMANDS))
def test_no_other_name_is_ever_sent(name: str) -> None:
    text = json.dumps({name: 1})
    assert isinstance(command(Question(type=QueryType.MONGODB_COMMAND, text=text)), Failure)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=10,
)


@given(st.sampled_from(sorted(COMMANDS)), JSON, st.dictionaries(st.text(max_size=20), JSON))
def test_no_word_of_the_language_of_aggregation_passes(
    name: str, value: Any, more: dict[str, Any]
) -> None:
    document = {name: value, **more}
    if mongodb_commands.fault(document):
        return
    assert document.keys() <= COMMANDS[name].keys()
    words = json.dumps(document)
    for word in ("$where", "$function", "$accumulator", "$expr", "$out", "$merge", "$lookup"):
        assert f'"{word}"' not in words


def test_every_command_of_the_library_is_of_the_list() -> None:
    queries = [one for check in builtin().of(Family.MONGODB) for one in check.queries]
    # Those about users hold no command: the worker has its own for them.
    commands = [one for one in queries if one.type is not QueryType.MONGODB_USERS]
    assert commands
    for query in commands:
        assert isinstance(command(query.what), dict)
