"""What the language of scripts refuses is named with check and line, before a script runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import starlark

from stt_shared.checkfile.catalogue import builtin
from stt_worker.sandbox.language import METHODS, line_in, script_faults
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.worker.fakes import check
from tests.support.worker.scripts import runner, script

pytestmark = pytest.mark.asyncio(loop_scope="module")
REFUSED = {
    "while True:\n    pass": (2, "cannot use reserved keyword `while`"),
    "x = 1\nx = x ** 2": (3, "unexpected symbol '**'"),
    'x = f"{docs}"': (2, "f-strings"),
    "try:\n    pass\nexcept: pass": (2, "cannot use reserved keyword `try`"),
    "import json": (2, "cannot use reserved keyword `import`"),
    'raise ValueError("x")': (2, "cannot use reserved keyword `raise`"),
    "class A:\n    pass": (2, "cannot use reserved keyword `class`"),
    "x = 1\nreturn 0 < x < 2": (3, "unexpected symbol '<'"),
    'return "a" "b"': (2, "unexpected string literal"),
    "return sum([1])": (2, "Variable `sum` not found"),
    "return sum(x for x in docs)": (2, "unexpected keyword 'for'"),
    "return round(1.5)": (2, "Variable `round` not found"),
    "return isinstance(1, int)": (2, "Variable `isinstance` not found"),
    "return set([1])": (2, "Variable `set` not found"),
    "return json.dumps(1)": (2, "Variable `json` not found"),
    "return re.match(1)": (2, "Variable `re` not found"),
    "return {1, 2}": (2, "unexpected symbol ','"),
    "return docs is None": (2, "cannot use reserved keyword `is`"),
    "x: int = 1": (2, "type annotations"),
    "return [*docs]": (2, "unexpected symbol '*'"),
    "return {**docs[0]}": (2, "unexpected symbol '**'"),
    "global x\nx = 1": (2, "cannot use reserved keyword `global`"),
    "assert docs": (2, "cannot use reserved keyword `assert`"),
    "del docs": (2, "cannot use reserved keyword `del`"),
    "return (x := 1)": (2, "unexpected symbol ':'"),
    "return 1_000": (2, "unexpected identifier '_000'"),
    'x = 1\nreturn "%5d" % x': (3, "not '%5'"),
    'return "%.1f%%" % 2.5': (2, "not '%.'"),
    "return '%-10s|' % docs": (2, "not '%-'"),
    'return "%(name)s" % docs[0]': (2, "not '%('"),
    'return "{:>5}".format(1)': (2, "not '{:>5}'"),
    'return "{0.name}".format(1)': (2, "not '{0.name}'"),
    'return "a".expandtabs()': (2, "method 'expandtabs'"),
    'return "a".encode()': (2, "method 'encode'"),
    "x = []\nx.sort()": (3, "method 'sort'"),
    "return {}.copy()": (2, "method 'copy'"),
}
TAKEN = (
    'return "%s %d%% %r %x" % (1, 2, 3, 4)',
    'return "{} {{}} {a} {0}".format(1, a=2)',
    '# "%5d" % 1 and x.sort()\nreturn "x.sort() %5d"',
    "return 5 % 3",
    'x = "a: {b}"\nreturn x.format(b=1).upper()',
    "return [lambda a: a, {'a': 1}.get('a'), 'abc'.elems()]",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[StarlarkSandbox]:
    made = StarlarkSandbox(1)
    yield made
    await made.close()


@pytest.mark.parametrize("body", list(REFUSED))
async def test_what_python_has_and_starlark_has_not_is_named_with_its_line(
    sandbox: StarlarkSandbox, body: str
) -> None:
    line, why = REFUSED[body]
    good, bad = check("good"), check("bad", script(body).source)
    (fault,) = await script_faults([good, bad, good], sandbox)
    assert (fault.check, fault.line) == ("bad", line)
    assert why in fault.why
    assert fault.text == script(body).source.splitlines()[line - 1].strip()
    assert str(fault).startswith(f"bad: script line {line}: ")


@pytest.mark.parametrize("body", TAKEN)
async def test_what_the_language_has_is_no_fault(sandbox: StarlarkSandbox, body: str) -> None:
    assert await script_faults([check("good", script(body).source)], sandbox) == []


async def test_the_built_in_scripts_have_no_fault(sandbox: StarlarkSandbox) -> None:
    checks = tuple(builtin().checks.values())
    assert await script_faults(checks, sandbox) == []


async def test_the_methods_that_are_taken_are_those_of_the_engine() -> None:
    module = starlark.Module()
    text = 'def names():\n    return dir("") + dir([]) + dir({}) + dir(()) + dir(1)\n'
    starlark.eval(module, starlark.parse("names", text), starlark.Globals.standard())
    names = module.freeze().call("names")
    assert isinstance(names, list)
    assert set(names) == METHODS


async def test_a_top_level_that_harms_is_named_and_the_others_are_defined(
    sandbox: StarlarkSandbox,
) -> None:
    greedy = "X = [0] * (1000 * 1000 * 1000)\n\ndef check_context(docs, context):\n    return []\n"
    checks = [check("good"), check("greedy", greedy), check("none", "x = 1\n"), check("last")]
    found = await script_faults(checks, sandbox)
    assert [one.check for one in found] == ["greedy", "none"]
    assert "killed its process" in found[0].why
    assert found[1].why == "Variable `check_context` not found"
    (verdict,) = await runner(sandbox)([script("return 1")])
    assert verdict.printed == ""


async def test_the_line_of_the_file_is_found_by_the_text_of_the_line(
    sandbox: StarlarkSandbox,
) -> None:
    bad = check("bad", script("x = 1\nx = x ** 2").source)
    (fault,) = await script_faults([bad], sandbox)
    file = "checks:\n  - name: bad\n    script: |\n" + "".join(
        f"      {line}\n" for line in bad.script.splitlines()
    )
    assert line_in(fault, file, 3) == 6
    twice = f"{file}  - name: other\n    script: |\n      x = x ** 2\n      x = x ** 2\n"
    assert line_in(fault, twice, 3) == 6
    assert line_in(fault, twice, 8) == 10
    assert line_in(fault, "script: of a part", 1) == 1
