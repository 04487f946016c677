"""Finds errors in scripts, with their lines, before they run.

Compiling a script in the sandbox finds syntax errors and unknown names. Unsupported formats and
methods would fail only when they are used, so they are searched in its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family
from stt_worker.sandbox.port import Sandbox, task_of

MAX_TEXT_CHARACTERS = 80  # of the line in the message
METHODS = frozenset(
    {
        *("append", "clear", "extend", "index", "insert", "pop", "remove"),
        *("get", "items", "keys", "popitem", "setdefault", "update", "values"),
        *("capitalize", "codepoints", "count", "elems", "endswith", "find", "format"),
        *("isalnum", "isalpha", "isdigit", "islower", "isspace", "istitle", "isupper"),
        *("join", "lower", "lstrip", "partition", "removeprefix", "removesuffix"),
        *("replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split"),
        *("splitlines", "startswith", "strip", "title", "upper"),
    }
)
_LITERAL = re.compile(
    r"#[^\n]*"
    r'|(?:"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\')'
    r"|(?P<quote>[\"'])(?P<text>(?:\\.|(?!(?P=quote))[^\\\n])*)(?P=quote)"
    r"(?P<use>[ ]*%(?!=)|\.format\()?"
)
_PERCENT = re.compile(r"%(?:%|(?P<bad>[^srdxXoeEfFgG%]))")
_BRACES = re.compile(r"\{\{|\}\}|(?P<bad>\{[^{}]*[:.\[][^{}]*\})")
_METHOD = re.compile(r"\.(?P<name>[A-Za-z_]\w*)\(")
_LINE = re.compile(r"line (?P<line>\d+): (?P<why>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFault:
    """An error in a script; `line` starts at 1 and includes its parts, 0 is unknown."""

    check: str
    line: int
    why: str
    text: str = ""  # the line itself

    def __str__(self) -> str:
        where = f"script line {self.line}: " if self.line else "script: "
        shown = f": {self.text:.{MAX_TEXT_CHARACTERS}}" if self.text else ""
        return f"{self.check}: {where}{self.why}{shown}"


async def script_faults(checks: Sequence[Check], sandbox: Sandbox) -> list[ScriptFault]:
    """The errors in the scripts of `checks`: of compiling, or else of the search in the text.

    The scripts are compiled in the sandbox, within its limits for one job: those of one family at
    once, as a job has them.
    """
    reasons: dict[str, str] = {}
    for family in Family:
        theirs = [check for check in checks if check.family is family]
        tasks = [task_of(one) for one in theirs]
        if tasks:
            errors = await sandbox.define(tasks)
            reasons |= {one.name: why for one, why in zip(theirs, errors, strict=True)}
    found: list[ScriptFault] = []
    for check in checks:
        reason = reasons[check.name]
        if reason:
            found.append(fault_at(check, reason))
        elif check.ours:  # scripts of PMM have the formats and methods of Go
            found += faults_of_text(check)
    return found


def faults_of_text(check: Check) -> list[ScriptFault]:
    """Unsupported formats and unknown methods, which compiling does not find."""
    script = check.script
    found: list[tuple[int, str]] = []
    for literal in _LITERAL.finditer(script):
        use, text = literal["use"], literal["text"]
        pattern = _PERCENT if use and "%" in use else _BRACES if use else None
        bad = [one[0] for one in pattern.finditer(text) if one["bad"]] if pattern else []
        why = "a format without widths and flags is expected, not"
        found += [(literal.start(), f"{why} {shown!r}") for shown in bad]
    # Blanked, not removed: the places in the script stay, so that lines are right.
    bare = _LITERAL.sub(lambda one: re.sub(r"[^\n]", " ", one[0]), script)
    for method in _METHOD.finditer(bare):
        if method["name"] not in METHODS:
            found.append((method.start(), f"no value has a method {method['name']!r}"))
    return [
        fault_at(check, f"line {script.count(chr(10), 0, at) + 1}: {why}")
        for at, why in sorted(found)
    ]


def fault_at(check: Check, reason: str) -> ScriptFault:
    """The fault of `reason`, which may begin with `line N: `."""
    placed = _LINE.fullmatch(reason)
    if placed is None:
        return ScriptFault(check=check.name, line=0, why=reason)
    number = int(placed["line"])
    lines = check.script.splitlines()
    text = lines[number - 1].strip() if number <= len(lines) else ""
    return ScriptFault(check=check.name, line=number, why=placed["why"], text=text)


def line_in(fault: ScriptFault, file: str, script_line: int) -> int:
    """The line of the fault in the text of a check file, whose script begins at `script_line`.

    That line itself for a fault in a part, or in a script that YAML wraps.
    """
    lines = enumerate(file.splitlines(), 1)
    same = [at for at, one in lines if fault.text and one.strip() == fault.text]
    # Nearest to where it should be: `return []` stands in every check of a file.
    nearest = script_line + fault.line
    return min(same, key=lambda at: abs(at - nearest), default=script_line)
