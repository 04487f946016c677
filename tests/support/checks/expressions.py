"""Random expressions of Starlark, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable

TEXTS = (
    "",
    "a",
    "Ab c",
    "é",
    "日本",
    "aé日b",
    "a,b",
    "%",
    "{}",
    "x=1",
    "10.5",
    "-3",
    "TRUE",
    "\\n",
    "a\\tb",
)
NUMBERS = (
    "0",
    "1",
    "-7",
    "255",
    "80034",
    "1.5",
    "0.1",
    "1e6",
    "1234567.891",
    "1e-05",
    "2.0",
    "-0.5",
)
# Values of their own type in Go; made lists, they are alike.
LISTED = ("elems()", "codepoints()", "elem_ords()", "codepoint_ords()")
ARITHMETIC = ("+", "-", "*", "/", "//", "%", "|", "&")
METHODS_OF_TEXTS = (
    *("lower()", "strip()", 'replace("a", "ü")', 'join(["x", "ü"])', 'removeprefix("a")'),
    *('format(1.5, "ü", [1, "é"])', 'partition("=")[2]', 'split(",")[0]', "capitalize()"),
    *('strip("日"[1:])', 'replace("本"[:1], "-")', 'replace("", "é"[1:], 2)', "title()", "upper()"),
    *('rpartition("é"[1:])[0]', 'removesuffix("本"[2:])', 'split("é"[:1])[-1]', "isupper()"),
    *('lstrip("é"[0])', 'startswith("日"[:2])', 'replace("é", "")', "islower()", "join(docs[0])"),
)
SEARCHES = (
    *('find("b")', 'index("b")', 'rfind("é")', 'count("a")', 'rindex("a")', 'count("é"[1:])'),
    *('count("")', 'find("本"[1:])', 'count("", 1, 4)'),
)
COMPARED = ("<", ">", "<=", ">=", "in")
SLICES = ("0", "-1", "1:", ":-1", "::2", ":1", "1:3", "::-1", ":", "5:2", "4:", "-2:")
METHODS_OF_LISTS = ("keys()", "values()", "items()", 'get("a", 2)', "index(1)", 'pop("b", 3)')
FUNCTIONS_OF_LISTS = (
    *("list", "tuple", "sorted", "reversed", "enumerate", "zip", "dict", "dir"),
    *("any", "all"),
)
NAMES = ("elems", "codepoints", "keys", "strip", "nope", "elem_ords", "lower")
FORMATS = ("%s", "%r", "%d", "%s and %s", "%x", "%g", "%e", "%i", "%c", "%%", "%(a)s", "%5d", "%")
BRACES = ("{} {}", "{0}{1}{0}", "{a} {}", "{{{}}} {}", "{", "{} {} {}", "{0} {}", "{b}", "{:5} {}")


class Expressions:
    """Expressions that end quickly: no text and no number grows far."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # no secret

    def next(self, depth: int = 3) -> str:
        """An expression of at most `depth` levels, of any type."""
        kind = self._random.choice([self.text, self.text, self.number, self.list, self.truth])
        return kind(depth)

    def text(self, depth: int) -> str:
        choice, next_ = self._random.choice, self.next
        if depth <= 0:
            return choice([f'"{choice(TEXTS)}"', 'docs[0]["a"]'])
        inner = self.text(depth - 1)
        made: list[Callable[[], str]] = [
            lambda: f"({inner}).{choice(METHODS_OF_TEXTS)}",
            lambda: f"({inner})[{choice(SLICES)}]",
            lambda: f"({inner} + {self.text(depth - 1)})",
            lambda: f"({inner} * {choice(['0', '1', '3'])})",
            lambda: f"({inner}[{choice(['1:', ':1', ':2', '2:'])}] + {inner}[{choice(SLICES)}])",
            lambda: f"{choice(['str', 'repr', 'type'])}({next_(depth - 1)})",
            lambda: f'"{choice(FORMATS)}" % ({next_(depth - 1)})',
            lambda: f'"{choice(FORMATS)}" % ({next_(depth - 1)}, {next_(depth - 1)})',
            lambda: f'"{choice(FORMATS)}" % {self.number(depth - 1)}',
            lambda: f'"{choice(BRACES)}".format({next_(depth - 1)}, {next_(depth - 1)}, a = 1.0)',
            lambda: f'getattr({inner}, "{choice(["strip", "lower", "nope"])}")()',
        ]
        return choice(made)()

    def number(self, depth: int) -> str:
        choice = self._random.choice
        if depth <= 0:
            return choice(NUMBERS)
        made: list[Callable[[], str]] = [
            lambda: f"({self.number(depth - 1)} {choice(ARITHMETIC)} {self.number(depth - 1)})",
            lambda: f"len({choice([self.text, self.list])(depth - 1)})",
            lambda: f"({self.text(depth - 1)}).{choice(SEARCHES)}",
            lambda: f"{choice(['int', 'float', 'abs', 'bool'])}({self.number(depth - 1)})",
            lambda: f"{choice(['int', 'float'])}({self.text(0)})",
            lambda: f"{choice(['max', 'min'])}({self.list(depth - 1)})",
        ]
        return choice(made)()

    def list(self, depth: int) -> str:
        choice, next_ = self._random.choice, self.next
        if depth <= 0:
            return choice(["[]", "()", "[1, 2]", '["é", 1.5e7]', '{"a": 1}', "docs", "docs[0]"])
        made: list[Callable[[], str]] = [
            lambda: f"[{next_(depth - 1)}, {next_(depth - 1)}]",
            lambda: f"({next_(depth - 1)}, {next_(depth - 1)})",
            lambda: f"({next_(depth - 1)},)",
            lambda: f'{{"a": {next_(depth - 1)}, "é": {next_(depth - 1)}}}',
            lambda: f"list(({self.text(depth - 1)}).{choice(LISTED)})",
            lambda: f"[str(x) + 'ü' for x in {self.list(depth - 1)}]",
            lambda: f"[x for x in {self.list(depth - 1)} if {self.truth(0)}]",
            lambda: f"{choice(FUNCTIONS_OF_LISTS)}({self.list(depth - 1)})",
            lambda: f"({self.list(depth - 1)})[{choice(SLICES)}]",
            lambda: f"({self.list(depth - 1)}).{choice(METHODS_OF_LISTS)}",
            lambda: f"({self.list(depth - 1)} + {self.list(depth - 1)})",
        ]
        return choice(made)()

    def truth(self, depth: int) -> str:
        choice, next_ = self._random.choice, self.next
        if depth <= 0:
            return choice(["True", "False", "None", 'docs[0]["b"]'])
        made: list[Callable[[], str]] = [
            lambda: f"({next_(depth - 1)} {choice(['==', '!='])} {next_(depth - 1)})",
            lambda: f"({self.number(depth - 1)} {choice(['<', '>='])} {self.number(depth - 1)})",
            lambda: f"({self.text(depth - 1)} {choice(COMPARED)} {self.text(depth - 1)})",
            lambda: f"({next_(depth - 1)} {choice(['and', 'or'])} {next_(depth - 1)})",
            lambda: f"({self.text(depth - 1)} not in {self.list(depth - 1)})",
            lambda: f'hasattr({next_(depth - 1)}, "{choice(NAMES)}")',
            lambda: f"({next_(depth - 1)} if {self.truth(depth - 1)} else {self.text(0)})",
            lambda: f"(True {choice(['==', '+', '<', 'in'])} {next_(depth - 1)})",
        ]
        return choice(made)()
