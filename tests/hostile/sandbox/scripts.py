"""Hostile scripts of checks, by what they try; each is a whole body of check_context."""

from __future__ import annotations

LOOP = "for a in range(1000000000):\n    for b in range(1000000000):\n        pass"
# What asks for too much and is ended, by its limit or with its process.
GREEDY = {
    "endless loop": LOOP,
    "endless sum": "x = 0\nfor n in range(1000000000):\n    x += n\nreturn x",
    "a builtin without end": "return max([0] * 5000000 + list(range(1000000000)))",
    "a power of powers": "x = 7\nfor n in range(60):\n    x = x * x\nreturn str(x)",
    "string doubling": 'x = "a"\nfor n in range(60):\n    x = x + x',
    "list doubling": "x = [1]\nfor n in range(60):\n    x = x + x",
    "a text of 10 GB": 'return len("x" * 2000000000 * 5)',
    "giant list": "x = [0] * (1000 * 1000 * 1000)",
    "millions of lists": "return sorted([[n] for n in range(3000000)])",
    "giant dictionary": "return len({n: str(n) for n in range(10000000)})",
    "endless recursion": "def f(n):\n    return f(n + 1)\nreturn f(0)",
    "printing without end": 'for n in range(1000000000):\n    print("x" * 100000)',
    "huge answer": 'return ["x" * 100000] * 20',
    "a text of nested lists": "x = []\nfor n in range(200000):\n    x = [x]\nreturn [len(str(x))]",
    "nested lists returned": "x = []\nfor n in range(200000):\n    x = [x]\nreturn x",
    "nested lists printed": "x = []\nfor n in range(200000):\n    x = [x]\nprint(x)\nreturn []",
    "nested lists to fail": "x = []\nfor n in range(200000):\n    x = [x]\nfail(x)",
    "a list in itself": "x = []\nx.append(x)\nreturn x",
    "formatting without end": 'x = "%s" * 1000\nfor n in range(60):\n    x = x % tuple([x] * 1000)',
    "joining without end": 'x = ["a" * 1000000] * 1000000\nreturn "".join(x)',
    "replacing without end": 'x = "a" * 100000\nreturn x.replace("", x)',
}
# What reaches for the world outside of the language.
PRYING = {
    "environment": "import os\nreturn os.environ",
    "files": 'return open("/etc/passwd").read()',
    "another module": 'load("plain", "value")\nreturn []',
    "a way into modules": "return json.decode('1')",
    "evaluating": 'return eval("1")',
    "introspection": "return ().__class__.__bases__",
    "the function behind a function": "return fail.__globals__",
    "attributes by name": 'return getattr(parse_version, "__self__")',
    "not a number": 'return float("nan")',
    "infinity": "return [{'a': [1e308 * 10]}]",
    "a function": "return print",
    "a key that is no text": "return {None: 1}",
    "sleeping": "import time\ntime.sleep(100)",
}
# What tries to change what other checks see; each runs before and beside an honest check.
TAMPERING = {
    "a row": 'docs[0][0]["user"] = "nobody"',
    "a row of a row": 'docs[0][0]["roles"].append("none")',
    "a row taken away": "docs[0].pop()",
    "all rows taken away": "docs[0].clear()",
    "the places": "docs.append([])",
    "the facts": 'context["server"]["version"] = [99]',
    "a list in the facts": 'context["server"]["version"].append(1)',
    "the release data": 'context["releases"]["as_of"] = "1970-01-01"',
    "a list in the release data": 'context["releases"]["series"].clear()',
    "the context": 'context["now"] = 0',
    "a function of the context": 'context["parse_version"] = lambda text: {"num": 0}',
    "what updates": 'docs[0][0].update({"user": "nobody"})',
    "what sets a default": 'docs[0][0].setdefault("x", 1)',
    "what inserts": "docs[0].insert(0, {})",
    "an index": "docs[0][0] = {}",
    "a slice of the facts": 'context["server"].pop("version")',
}
# As TAMPERING, at the top level of the file and in ways that may run to their end.
SILENT = {
    "a global of its own name": "def parse_version(text):\n    return {'num': 0}\n",
    "a print of its own": "def print(*values):\n    return 1\n",
    "a fail of its own": "def fail(message):\n    return []\n",
    "names of the driver": "def out(value):\n    return '[]'\n\nr0 = out\nd0 = []\nplain = {}\n",
    "a len of its own": "def len(x):\n    return 0\n",
}
_LOOP = "\n".join(f"    {line}" for line in LOOP.splitlines())
_NESTED = "    x = []\n    for n in range(200000):\n        x = [x]\n    return str(x)\n"
TOP_LEVEL = {
    "a giant list": "X = [0] * (1000 * 1000 * 1000)\n",
    "a list without end": "X = [a for a in range(1000000000) for b in range(1000000000)]\n",
    "a loop in a function": f"def f():\n{_LOOP}\n\nf()\n",
    "fail": 'fail("at the top")\n',
    "skip": 'skip("at the top")\n',
    "nested lists": f"def f():\n{_NESTED}\nX = f()\n",
    "nested brackets": f"X = {'[' * 100000}{']' * 100000}\n",
    "a text without end": f"X = {'(' * 50000}\n",
    "a long line of sums": f"X = {' + '.join(['1'] * 200000)}\n",
}
