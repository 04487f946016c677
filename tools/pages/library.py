"""The page checks/README.md, generated from the checks."""

from __future__ import annotations

from collections.abc import Iterable

from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family

HEAD = """# The checks

Written from the check files; a test compares. Each folder holds one check: `check.yaml` with its
queries and its script, and `samples.yaml` with recorded rows and what the script has to make of
them. `releases.yaml` is what the version checks know of releases, as of {as_of}.

`stt checks show NAME` prints a check with every statement it sends, what it needs and how to mend
what it finds.
"""
FAMILIES = {
    Family.MYSQL: "MySQL, Percona Server, MariaDB",
    Family.POSTGRESQL: "PostgreSQL",
    Family.MONGODB: "MongoDB, Percona Server for MongoDB",
}
COLUMNS = "| check | what it finds | why it matters | needs | known as | references |\n"


def render(catalogue: Catalogue) -> str:
    """The whole page as Markdown."""
    parts = [HEAD.format(as_of=catalogue.as_of)]
    for family, title in FAMILIES.items():
        parts.append(f"\n## {title}\n\n{COLUMNS}|---|---|---|---|---|---|\n")
        parts += map(_row, catalogue.of(family))
    return "".join(parts)


def _row(check: Check) -> str:
    file = f"{check.family}/{check.name}/check.yaml"
    cells = (
        f"[`{check.name}`]({file})",
        _cell(check.summary),
        _cell(check.description),
        _cell(_needs(check)) or "a log-in",
        ", ".join(f"`{alias}`" for alias in check.aliases),
        _cell("; ".join(check.references)),
    )
    return f"| {' | '.join(cells)} |\n"


def _needs(check: Check) -> str:
    """The grants, once where all flavours need the same."""
    by_flavour = {flavour: ", ".join(grants) for flavour, grants in check.privileges.items()}
    if len(set(by_flavour.values())) == 1:
        return next(iter(by_flavour.values()))
    return "; ".join(_pairs(by_flavour.items()))


def _pairs(items: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"{flavour}: {grants}" for flavour, grants in items if grants)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
