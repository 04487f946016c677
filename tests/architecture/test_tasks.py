"""Every task of the event loop is awaited or supervised: `lifecycle` alone starts tasks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.house import packages

ROOT = Path(__file__).parents[2]
STARTERS = {"create_task", "ensure_future", "run_coroutine_threadsafe"}
# A group awaits its tasks and raises what they raise.
ALLOWED = {"stt_shared/lifecycle.py", "stt_worker/jobs/consumer.py: group"}


def starts(path: Path, name: str) -> set[str]:
    """The places in the file `name` that start a task, with what the method is called on."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=on, attr=called)) if called in STARTERS:
                of = ast.unparse(on)
                found.add(name if of == "asyncio" else f"{name}: {of}")
            case ast.Call(func=ast.Name(id=called)) if called in STARTERS:
                found.add(name)
            case _:
                pass
    return found


@pytest.mark.parametrize("package", packages(ROOT), ids=lambda path: path.name)
def test_no_task_is_started_that_nobody_looks_at_again(package: Path) -> None:
    files = [(path, str(path.relative_to(package.parent))) for path in package.rglob("*.py")]
    found = {one for path, name in files for one in starts(path, name)}
    assert found - ALLOWED == set()
