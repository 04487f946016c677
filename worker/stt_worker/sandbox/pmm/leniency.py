"""Finds what runs in a script here and would be an error in PMM, for warnings of the lint."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from stt_shared.checkfile.model import Check
from stt_worker.sandbox.language import ScriptFault, fault_at
from stt_worker.sandbox.pmm.rewriting import tree_of

OWN_FUNCTIONS = frozenset({"ip_is_private", "not_applicable", "skip"})  # as globals
OWN_VALUES = frozenset({"now", "releases", "server"})  # of the context


def more_than_pmm(check: Check) -> list[ScriptFault]:
    """What PMM refuses in the script of `check`, in the order of its lines."""
    try:
        tree = tree_of(check.script)
    except ValueError:  # a fault of the script, which the sandbox names
        return []
    if tree is None:
        return []
    found = [*_own_names(tree), *_recursions(tree)]
    return [fault_at(check, f"line {line}: {why}") for line, why in sorted(found)]


def _own_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    made = {node.id for node in _names(tree) if isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for name in _names(tree):
        if isinstance(name.ctx, ast.Load) and name.id in OWN_FUNCTIONS - made:
            yield name.lineno, f"PMM has no global {name.id}"
    for node in ast.walk(tree):
        key = _key_of_context(node)
        if key in OWN_VALUES:
            yield getattr(node, "lineno", 1), f"PMM has no {key!r} in the context"


def _names(tree: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name))


def _key_of_context(node: ast.AST) -> object:
    """The key of `context["key"]` or `context.get("key")`; None for anything else."""
    inner: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        inner, key = node.value, node.slice
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        inner, key = node.func.value, node.args[0]
    else:
        return None
    is_context = isinstance(inner, ast.Name) and inner.id == "context"
    return key.value if is_context and isinstance(key, ast.Constant) else None


def _recursions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Functions that call themselves, also by way of others."""
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    calls = {
        name: {one.id for one in _names(function) if one.id in functions}
        for name, function in functions.items()
    }
    for name, function in functions.items():
        reached: set[str] = set()
        waiting = set(calls[name])
        while waiting:
            one = waiting.pop()
            reached.add(one)
            waiting |= calls[one] - reached
        if name in reached:
            yield function.lineno, f"PMM refuses recursion: {name} calls itself"
