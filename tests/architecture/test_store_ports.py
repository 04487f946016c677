"""The store's ports are whole: each aggregate has its twins, its statements and its tests."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from stt_coordinator.store.port import Ledger

ROOT = Path(__file__).parents[2]
STORE = ROOT / "coordinator" / "stt_coordinator" / "store"
CONTRACT = ROOT / "tests" / "contract" / "store"
AGGREGATES = sorted(field.name for field in dataclasses.fields(Ledger))
STORED = sorted({*AGGREGATES} - {"locks"})  # locks are no rows: no store keeps them


def methods(aggregate: str) -> list[str]:
    """The methods of the port of `aggregate`."""
    tree = ast.parse((STORE / "ports" / f"{aggregate}.py").read_text(encoding="utf-8"))
    ports = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Ledger")]
    return [node.name for port in ports for node in port.body if isinstance(node, ast.FunctionDef)]


def test_each_aggregate_has_a_port_its_statements_and_two_twins() -> None:
    assert sorted(path.stem for path in (STORE / "ports").glob("[a-z]*.py")) == AGGREGATES
    assert sorted(path.stem for path in (STORE / "sql" / "queries").iterdir()) == STORED
    for twin in ("sql", "memory"):
        assert {path.stem for path in (STORE / twin).glob("*.py")} > set(STORED)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_every_method_of_a_port_is_called_by_the_contract_suite(aggregate: str) -> None:
    suite = "".join(path.read_text(encoding="utf-8") for path in CONTRACT.glob("test_*.py"))
    assert methods(aggregate), aggregate
    called = {name for name in methods(aggregate) if f"ledger.{aggregate}.{name}(" in suite}
    assert set(methods(aggregate)) - called == set()
