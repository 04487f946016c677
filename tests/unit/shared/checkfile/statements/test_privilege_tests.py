"""The document of a MONGODB_USERS query: what is accepted, and with what reason another is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.statements.privilege_tests import MAX_TESTS, fault
from stt_worker.databases.mongodb.commands import tests as document_of
from stt_worker.databases.port import Failure

PRIVILEGE = {"resource": {"db": "admin", "collection": ""}, "actions": ["grantRole"]}
GOOD: list[dict[str, Any]] = [
    {"tests": {"a": [PRIVILEGE]}},
    {"tests": {"a": [{"role": "root@admin"}], "b": []}, "mechanisms": ["SCRAM-SHA-1"]},
    {"tests": {"a": [{"resource": {"cluster": True}, "actions": []}]}, "passwords": ["x"]},
    {"tests": {"a": [{"resource": {"anyResource": True}, "actions": ["anyAction"]}]}},
]
BAD: list[dict[str, Any]] = [
    {},
    {"tests": {}},
    {"tests": []},
    {"tests": {"a": [PRIVILEGE]}, "find": "system.users"},
    {"tests": {"A b": [PRIVILEGE]}},
    {"tests": {"a": PRIVILEGE}},
    {"tests": {"a": [{"resource": {"db": "admin"}, "actions": []}]}},
    {"tests": {"a": [{"resource": {"db": {"$gt": ""}, "collection": ""}, "actions": []}]}},
    {"tests": {"a": [{"resource": {"cluster": 1}, "actions": []}]}},
    {"tests": {"a": [{**PRIVILEGE, "actions": [1]}]}},
    {"tests": {"a": [{"role": 1}]}},
    {"tests": {"a": [PRIVILEGE]}, "passwords": "changePassword"},
    {"tests": {f"t{number}": [PRIVILEGE] for number in range(MAX_TESTS + 1)}},
]


@pytest.mark.parametrize("document", GOOD, ids=repr)
def test_a_document_of_tests_is_accepted_and_reaches_the_worker(document: dict[str, Any]) -> None:
    assert fault(document) == ""
    question = Question(type=QueryType.MONGODB_USERS, text=json.dumps(document))
    assert document_of(question) == document


@pytest.mark.parametrize("document", BAD, ids=lambda one: repr(one)[:60])
def test_another_document_is_refused_by_the_loader_and_by_the_worker(
    document: dict[str, Any],
) -> None:
    assert fault(document)
    question = Question(type=QueryType.MONGODB_USERS, text=json.dumps(document))
    assert isinstance(document_of(question), Failure)
