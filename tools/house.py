"""`make house`: the figures of the code, of one tree or of two side by side.

`python tools/house.py [TREE ...]` reads the packages `*/stt_*` of each tree, whatever their layout.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 300
MAX_PORT_LINES = 150
MAX_FOLDER_FILES = 15
FLOWS = "docs/architecture.md"
FLOWS_HEADING = "## Flows"
NONE = "-"  # what a tree does not have
COLUMN = 12  # characters

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One module: `module` is its dotted name, `path` its place in the tree."""

    path: Path
    module: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n")

    @property
    def package(self) -> str:
        """The top package, e.g. `stt_worker`."""
        return self.module.partition(".")[0]

    @property
    def room(self) -> str:
        """The module or package directly below the top package; empty for its `__init__`."""
        return self.module.split(".")[1] if "." in self.module else ""

    @property
    def functions(self) -> Iterator[Function]:
        """Functions and methods at any depth."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    @property
    def is_port(self) -> bool:
        """Whether it is what adapters are written from: `port.py`, or protocols and little else."""
        if self.path.stem == "port" or "ports" in self.path.parts:
            return True
        classes = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        protocols = [node for node in classes if is_protocol(node)]
        held = sum(length(node) for node in protocols)
        return held * 2 >= self.lines


def is_protocol(node: ast.ClassDef) -> bool:
    """Whether a class says what others must offer."""
    bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in bases)


def length(node: ast.ClassDef | Function) -> int:
    """Lines from `def` or `class` to the last one."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def packages(tree: Path) -> list[Path]:
    """The folders of the packages, one in each source root."""
    found = sorted(tree.glob("*/stt_*"))
    return [path for path in found if path.is_dir() and not path.parent.name.startswith(".")]


def sources(tree: Path) -> list[Source]:
    """Every module of the packages `*/stt_*` of a tree."""
    found: list[Source] = []
    for package in packages(tree):
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(package.parent).with_suffix("").parts
            module = ".".join(part for part in parts if part != "__init__")
            found.append(Source(path.relative_to(tree), module, path.read_text(encoding="utf-8")))
    return found


def arrows(code: Iterable[Source], package: str) -> set[tuple[str, str]]:
    """The pairs of rooms of `package` of which the first imports the second."""
    mine = [source for source in code if source.package == package]
    rooms = {source.room for source in mine}
    found: set[tuple[str, str]] = set()
    for source in mine:
        for name in imported(source.tree):
            parts = name.split(".")
            if parts[0] == package and len(parts) > 1 and parts[1] in rooms:
                found.add((source.room, parts[1]))
    return {(one, other) for one, other in found if one and one != other}


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def comments(source: Source) -> int:
    """Comments that have a line of their own."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return sum(
        token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
        for token in tokens
    )


def used_once(source: Source) -> int:
    """Private functions that their own module names exactly once."""
    uses = Counter(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name | ast.Attribute)
    )
    return sum(uses[f.name] == 1 for f in source.functions if is_private(f.name))


def is_private(name: str) -> bool:
    """Whether a name is for its own module alone; those with two underscores are Python's."""
    return name.startswith("_") and not name.startswith("__")


def raises(function: Function) -> bool:
    """Whether it raises by itself; an error that is only passed on does not count."""
    return any(isinstance(node, ast.Raise) and node.exc for node in own_nodes(function))


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def documented(code: Iterable[Source]) -> tuple[int, int]:
    """Public functions that raise, and those whose docstring says so."""
    found = [f for source in code for f in source.functions if f.name[0] != "_" and raises(f)]
    return len(found), sum("raise" in (ast.get_docstring(f) or "").lower() for f in found)


def flows(tree: Path) -> dict[str, list[str]]:
    """The flows of docs/architecture.md: the functions that each names, in order.

    Below `## Flows` each `### title` opens a flow; a function is dotted and in backticks.
    """
    path = tree / FLOWS
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found: dict[str, list[str]] = {}
    is_inside, title = False, ""
    for line in text.splitlines():
        if line.startswith("## "):
            is_inside, title = line.strip() == FLOWS_HEADING, ""
        elif line.startswith("### "):
            title = line.removeprefix("### ").strip()
        elif is_inside and title:
            quoted = line.split("`")[1::2]
            names = [name for name in quoted if all(p.isidentifier() for p in name.split("."))]
            found.setdefault(title, []).extend(name for name in names if "." in name)
    return found


def file_of(name: str, code: Iterable[Source]) -> Path | None:
    """The file of `module.function` or `module.Class.method`; the module may lack its package."""
    for source in code:
        parts = name.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module, inner = ".".join(parts[:cut]), parts[cut:]
            if f".{source.module}".endswith(f".{module}") and defines(source.tree, inner):
                return source.path
    return None


def defines(scope: ast.Module | ast.ClassDef, names: list[str]) -> bool:
    """Whether `names`, a function or a class and its method, are defined in `scope`."""
    for node in scope.body:
        if isinstance(node, ast.ClassDef | Function) and node.name == names[0]:
            return len(names) == 1 or (isinstance(node, ast.ClassDef) and defines(node, names[1:]))
    return False


def stays(names: Iterable[str], code: list[Source]) -> tuple[int, int]:
    """Files entered on the way through these functions, and those entered that were left before."""
    entered = [path for path, _ in groupby(file_of(name, code) for name in names)]
    return len(entered), len(entered) - len(set(entered))


Rows = dict[str, str]


def of_code(code: list[Source]) -> Rows:
    """Functions, files, folders, comments and docstrings."""
    functions = [f for source in code for f in source.functions]
    lengths = [length(f) for f in functions]
    lines = sum(source.lines for source in code)
    folders = Counter(source.path.parent for source in code if source.path.stem != "__init__")
    ports = [source.lines for source in code if source.is_port]
    crowded = sum(number > MAX_FOLDER_FILES for number in folders.values())
    once = sum(map(used_once, code))
    raising, saying = documented(code)
    return {
        "lines": f"{lines}",
        "functions": f"{len(lengths)}",
        "  median, lines": f"{statistics.median(lengths):g}",
        "  longest, lines": f"{max(lengths)}",
        f"  over {MAX_FUNCTION_LINES} lines": f"{sum(n > MAX_FUNCTION_LINES for n in lengths)}",
        "  private, used once": f"{once} ({once / len(lengths):.1%})",
        "files": f"{len(code)}",
        "  longest file, lines": f"{max(source.lines for source in code)}",
        f"  over {MAX_FILE_LINES} lines": f"{sum(s.lines > MAX_FILE_LINES for s in code)}",
        "ports": f"{len(ports)}",
        "  longest port, lines": f"{max(ports, default=0)}",
        f"  over {MAX_PORT_LINES} lines": f"{sum(n > MAX_PORT_LINES for n in ports)}",
        "folders": f"{len(folders)}",
        "  most files in one": f"{max(folders.values())}",
        f"  over {MAX_FOLDER_FILES} files": f"{crowded}",
        "own-line comments per 100 lines": f"{100 * sum(map(comments, code)) / lines:.1f}",
        "public functions that raise": f"{raising}",
        "  and say so": f"{saying} ({saying / raising:.0%})",
    }


def of_packages(code: list[Source]) -> Rows:
    """Rooms on the top floor of each package, and the imports between them."""
    rows: Rows = {}
    for package in sorted({source.package for source in code}):
        rooms = {source.room for source in code if source.package == package} - {""}
        rows[f"{package}, rooms"] = f"{len(rooms)}"
        rows[f"{package}, arrows between rooms"] = f"{len(arrows(code, package))}"
    return rows


def of_flows(tree: Path, code: list[Source]) -> Rows:
    """Files entered by each flow, and how often one is entered again."""
    rows: Rows = {}
    for title, names in flows(tree).items():
        entered, again = stays(names, code)
        rows[f"flow: {title}, stays"] = f"{entered}"
        rows[f"flow: {title}, returns"] = f"{again}"
    return rows


def figures(tree: Path) -> Rows:
    """Every figure of a tree by its name."""
    code = sources(tree)
    if not code:
        raise SystemExit(f"no packages */stt_* in {tree}")
    return of_code(code) | of_packages(code) | of_flows(tree, code)


def table(trees: list[tuple[str, Rows]]) -> str:
    """One line a figure, one column a tree; a figure that a tree lacks is a dash."""
    names = list(dict.fromkeys(name for _, rows in trees for name in rows))
    wide = max(map(len, names))
    lines = [" " * wide + "".join(f"{title[-COLUMN + 2 :]:>{COLUMN}}" for title, _ in trees)]
    for name in names:
        values = "".join(f"{rows.get(name, NONE):>{COLUMN}}" for _, rows in trees)
        lines.append(f"{name:<{wide}}{values}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print the figures of the trees named, or of this one."""
    trees = arguments or ["."]
    print(table([(Path(tree).resolve().name, figures(Path(tree))) for tree in trees]))


if __name__ == "__main__":
    main(sys.argv[1:])
