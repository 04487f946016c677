"""The engine that was not chosen: starlark-pyo3 in a kept child with limits, JSON both ways."""

from __future__ import annotations

import json
import resource
import sys

import starlark

MEMORY_BYTES = 256 * 1024 * 1024
PRELUDE = """
def parse_version(text):
    parts = text.split("-", 1)[0].split(".")
    numbers = [int(p) for p in parts] + [0, 0]
    return {"num": numbers[0] * 10000 + numbers[1] * 100 + numbers[2]}

def run(text):
    given = json.decode(text)
    context = given["context"]
    context["parse_version"] = parse_version
    return json.encode(check_context(given["docs"], context))
"""


def evaluate(source: str, data: str) -> str:
    """One script over one job's rows, in a module of its own."""
    options = starlark.LibraryExtension
    globals_ = starlark.Globals.extended_by([options.Json, options.Print])
    module = starlark.Module()
    module.add_callable("fail", fail)
    for text in (source, PRELUDE):
        starlark.eval(module, starlark.parse("check.star", text), globals_)
    frozen = module.freeze()
    return str(frozen.call("run", data))


def fail(message: object) -> None:
    """What scripts call to give up."""
    raise ValueError(str(message))


def main() -> None:
    """Answer one line for each line read, until the input ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    for line in sys.stdin:
        tasks = json.loads(line)
        answers: list[str] = []
        for source, data in tasks:
            try:
                answers.append(evaluate(source, data))
            except Exception as error:  # noqa: BLE001  # whatever a script does is its verdict
                answers.append(f"broken: {error}"[:300])
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
