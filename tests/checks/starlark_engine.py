"""The second engine: every script of the library also runs as Starlark, the language of PMM."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import starlark

from stt_worker.sandbox.addresses import ip_is_private
from stt_worker.sandbox.port import Broken, Returned, Skipped, Task, Verdict

PRELUDE = """
def run(text):
    given = json.decode(text)
    context = given["context"]
    context["parse_version"] = parse_version
    context["format_version_num"] = format_version_num
    context["ip_is_private"] = ip_is_private
    return json.encode(check_context(given["docs"], context))
"""


class _SkipError(Exception):
    """The script called skip() or not_applicable()."""


def parse_version(text: str) -> dict[str, Any]:
    match = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)", text, re.DOTALL)
    if match is None:
        raise ValueError(f"cannot parse version {text!r}")
    major, minor, patch = (int(match[n] or 0) for n in (1, 2, 3))
    digits = re.search(r"\d+", match[4])
    return {
        "major": major,
        "minor": minor,
        "patch": patch,
        "rest": match[4],
        "num": major * 10_000 + minor * 100 + patch,
        "numrest": int(digits[0]) if digits else 0,
    }


def format_version_num(num: int) -> str:
    return f"{num // 10_000}.{num // 100 % 100}.{num % 100}"


def run(task: Task, context: Mapping[str, Any]) -> Verdict:
    """The verdict of one script, as the product's sandbox gives it."""
    skipped: list[Skipped] = []

    def skip(reason: str) -> None:
        skipped.append(Skipped(reason=reason))
        raise _SkipError(reason)

    def not_applicable(reason: str) -> None:
        skipped.append(Skipped(reason=reason, applicable=False))
        raise _SkipError(reason)

    def fail(message: str) -> None:
        raise ValueError(message)

    def silent(*_values: object) -> None:
        """What scripts print is nobody's verdict."""

    extensions = [starlark.LibraryExtension.Json]
    globals_ = starlark.Globals.extended_by(extensions)
    module = starlark.Module()
    for name, function in (
        ("skip", skip),
        ("not_applicable", not_applicable),
        ("fail", fail),
        ("print", silent),
        ("parse_version", parse_version),
        ("format_version_num", format_version_num),
        ("ip_is_private", ip_is_private),
    ):
        module.add_callable(name, function)
    try:
        for text in (task.source, PRELUDE):
            starlark.eval(module, starlark.parse("check.star", text), globals_)
        text = json.dumps({"docs": task.docs, "context": dict(context)})
        return Returned(value=json.loads(str(module.freeze().call("run", text))))
    except Exception as error:  # noqa: BLE001  # whatever the script did is its verdict
        return skipped[0] if skipped else Broken(reason=str(error))
