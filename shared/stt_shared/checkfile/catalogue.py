"""The checks that are known, by name, alias and digest, with the release data they judge by."""

from __future__ import annotations

import difflib
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from stt_shared import identity
from stt_shared.checkfile.document import Fault
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.parse import content_digest, parse_checks
from stt_shared.checkfile.parts import FOLDER, Parts, load_parts
from stt_shared.errors import ConfigError
from stt_shared.protocol.words import Family

CHECK_FILE = "check.yaml"
RELEASES_FILE = "releases.yaml"
PACK_FILE = "pack.yaml"  # the serial of the folder as a pack
NO_CHECKS = frozenset({RELEASES_FILE, PACK_FILE, "samples.yaml"})
INSTALLED = Path("share") / "stt" / "checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Checks in order of family and name; `pack` names this very content."""

    checks: Mapping[str, Check]
    releases: Mapping[str, Any] = field(default_factory=dict[str, Any])
    faults: tuple[Fault, ...] = ()

    @property
    def pack(self) -> str:
        """The digest of all checks and of the release data."""
        digests = sorted(check.digest for check in self.checks.values())
        return identity.digest("\n".join([*digests, content_digest(self.releases)]).encode())

    @property
    def as_of(self) -> str:
        """The date of the release data, or an empty text."""
        return str(self.releases.get("as_of", ""))

    def get(self, name: str, digest: str) -> Check | None:
        """The check of that name with exactly that content, or None."""
        check = self.checks.get(name)
        return check if check is not None and check.digest == digest else None

    def named(self, name: str) -> Check | None:
        """The check of that name, whatever its content, or None."""
        return self.checks.get(name)

    def find(self, name: str) -> Check | None:
        """The check that people call `name`, by its name or an alias, or None."""
        if name in self.checks:
            return self.checks[name]
        return next((check for check in self.checks.values() if name in check.aliases), None)

    def of(self, family: Family) -> tuple[Check, ...]:
        """The checks of one family."""
        return tuple(check for check in self.checks.values() if check.family is family)

    def close_to(self, name: str) -> str:
        """The known name most like `name`, or an empty text."""
        known = [*self.checks, *(a for check in self.checks.values() for a in check.aliases)]
        return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def builtin_folder() -> Path:
    """The checks of this installation: of the checkout if it is one, else the installed copy."""
    checkout = Path(__file__).parents[3] / "checks"
    if (checkout / RELEASES_FILE).exists():
        return checkout
    return Path(sysconfig.get_path("data")) / INSTALLED


@cache
def builtin() -> Catalogue:
    """The checks that came with this installation; raises ConfigError if one is broken."""
    catalogue = load(builtin_folder(), strict=True)
    if catalogue.faults:
        faults = tuple(map(str, catalogue.faults))
        raise ConfigError("the built-in checks are broken", faults=faults)
    return catalogue


def load(folder: Path, *, strict: bool) -> Catalogue:
    """The checks below `folder`; a bad one is a fault and hides no other.

    Raises ConfigError if there is no such folder or it holds no check file.
    """
    if not folder.is_dir():
        raise ConfigError(f"no folder of checks at {folder}")
    files = sorted(folder.rglob(CHECK_FILE if strict else "*.y*ml"))
    if not files:
        raise ConfigError(f"no check files in {folder}")
    checks: dict[str, Check] = {}
    faults: list[Fault] = []
    parts = load_parts(folder, faults)
    for file in files:
        if file.name not in NO_CHECKS and file.parent != folder / FOLDER:
            _add(file, parts, checks, faults, strict=strict)
    releases = _releases(folder / RELEASES_FILE, faults)
    ordered = dict(sorted(checks.items(), key=lambda item: (item[1].family, item[0])))
    return Catalogue(checks=ordered, releases=releases, faults=tuple(faults))


def _add(
    file: Path, parts: Parts, checks: dict[str, Check], faults: list[Fault], *, strict: bool
) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(source=str(file), line=1, message=f"cannot be read: {error}"))
        return
    parsed = parse_checks(text, str(file), strict=strict, parts=parts)
    faults += parsed.faults
    for check in parsed.checks:
        if fault := _misplaced(file, check, checks, strict=strict):
            faults.append(Fault(source=str(file), line=1, message=fault, check=check.name))
        else:
            checks[check.name] = check


def _misplaced(file: Path, check: Check, checks: Mapping[str, Check], *, strict: bool) -> str:
    if check.name in checks:
        return f"name {check.name!r} is taken by another file"
    if strict and (file.parent.name, file.parents[1].name) != (check.name, check.family):
        return f"belongs into {check.family}/{check.name}/{CHECK_FILE}"
    return ""


def _releases(file: Path, faults: list[Fault]) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        # Dates become text: that is what scripts and messages take.
        value: object = yaml.load(file.read_text(encoding="utf-8"), _TextDates)  # noqa: S506  # a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        faults.append(Fault(source=str(file), line=1, message=f"cannot be read: {error}"))
        return {}
    if not isinstance(value, dict):
        faults.append(Fault(source=str(file), line=1, message="expected a mapping"))
        return {}
    return cast("dict[str, Any]", value)


class _TextDates(yaml.CSafeLoader):
    """A safe loader that leaves dates as they are written."""


_TextDates.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def unknown_names(catalogue: Catalogue, names: Iterable[str]) -> list[str]:
    """A sentence for each of `names` that is no check."""
    sentences: list[str] = []
    for name in names:
        if catalogue.find(name) is None:
            close = catalogue.close_to(name)
            hint = f", did you mean {close!r}?" if close else ""
            sentences.append(f"unknown check {name!r}{hint}")
    return sentences
