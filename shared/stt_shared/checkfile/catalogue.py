"""The catalogue of known checks by name, alias and digest, with their release data."""

from __future__ import annotations

import difflib
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from stt_shared import identity
from stt_shared.checkfile.document import DocumentError, Fault, mapping
from stt_shared.checkfile.folder import UnreadableError, read_folder, text_of
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.parse import content_digest, parse_checks
from stt_shared.checkfile.parts import is_part, load_parts
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family

CHECK_FILE = "check.yaml"
RELEASES_FILE = "releases.yaml"
PACK_FILE = "pack.yaml"  # serial of the folder
SUFFIXES = (".yaml", ".yml")
NO_CHECKS = frozenset({RELEASES_FILE, PACK_FILE, "samples.yaml"})
INSTALLED = Path("share") / "stt" / "checks"


@dataclass(frozen=True, slots=True)
class ScriptPlace:
    """The file of a check, relative to its folder, and the line of the key `script` in it."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Checks sorted by family and name; `pack` is the digest of the content.

    `scripts` has the file and the line of each check's script. `warnings` name what PMM refuses.
    """

    checks: Mapping[str, Check]
    releases: Mapping[str, Any] = field(default_factory=dict[str, Any])
    faults: tuple[Fault, ...] = ()
    scripts: Mapping[str, ScriptPlace] = field(default_factory=dict[str, "ScriptPlace"])
    warnings: tuple[Fault, ...] = ()

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
        """The check with this name and digest, or None."""
        check = self.checks.get(name)
        return check if check is not None and check.digest == digest else None

    def named(self, name: str) -> Check | None:
        """The check with this name, whatever its digest, or None."""
        return self.checks.get(name)

    def find(self, name: str) -> Check | None:
        """The check with this name or alias, or None."""
        if name in self.checks:
            return self.checks[name]
        return next((check for check in self.checks.values() if name in check.aliases), None)

    def of(self, family: Family) -> tuple[Check, ...]:
        """The checks of one family."""
        return tuple(check for check in self.checks.values() if check.family is family)

    def close_to(self, name: str) -> str:
        """The most similar known name, or an empty text."""
        known = [*self.checks, *(a for check in self.checks.values() for a in check.aliases)]
        return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def builtin_folder() -> Path:
    """The folder of the built-in checks: in a checkout, or installed."""
    checkout = Path(__file__).parents[3] / "checks"
    if (checkout / RELEASES_FILE).exists():
        return checkout
    return Path(sysconfig.get_path("data")) / INSTALLED


@cache
def builtin() -> Catalogue:
    """The built-in checks; raises ConfigError if one is invalid."""
    catalogue = load(builtin_folder(), strict=True)
    if catalogue.faults:
        faults = tuple(map(str, catalogue.faults))
        raise ConfigError("the built-in checks are invalid", faults=faults)
    return catalogue


def load(folder: Path, *, strict: bool) -> Catalogue:
    """The checks below `folder`; an invalid check is a fault and hides no other.

    Raises ConfigError if the folder does not exist or contains no check file.
    """
    if not folder.is_dir():
        raise ConfigError(f"no folder of checks at {folder}")
    faults: list[Fault] = []
    files = read_folder(folder, lambda path: is_content(path, strict=strict), faults)
    if not faults and not any(is_check_file(path, strict=strict) for path in files):
        raise ConfigError(f"no check files in {folder}")
    found = of_files(files, strict=strict, source=f"{folder}/")
    return replace(found, faults=(*faults, *found.faults))


def is_check_file(path: str, *, strict: bool) -> bool:
    """Whether the file at `path` contains checks; `strict`: only files with the name CHECK_FILE."""
    name = PurePosixPath(path).name
    if strict:
        return name == CHECK_FILE
    suffix = PurePosixPath(path).suffix.lower()
    return name not in NO_CHECKS and suffix in SUFFIXES and not is_part(path)


def is_content(path: str, *, strict: bool) -> bool:
    """Whether a pack needs the file at `path`."""
    return is_check_file(path, strict=strict) or is_part(path) or path == RELEASES_FILE


def of_files(files: Mapping[str, bytes], *, strict: bool, source: str = "") -> Catalogue:
    """The checks in `files`, the contents by path; an invalid check is a fault and hides no other.

    `source` is the prefix of a path in a fault.
    """
    faults: list[Fault] = []
    texts: dict[str, str] = {}
    for path, data in sorted(files.items()):
        if is_content(path, strict=strict):
            try:
                texts[path] = text_of(data)
            except UnreadableError as error:
                why = f"cannot be read: {error}"
                faults.append(Fault(source=f"{source}{path}", line=1, message=why))
    # Before the checks: each check is read with the parts that it names.
    parts = load_parts(texts, source, faults)
    checks: dict[str, Check] = {}
    scripts: dict[str, ScriptPlace] = {}
    warnings: list[Fault] = []
    for path, text in texts.items():
        if is_check_file(path, strict=strict):
            parsed = parse_checks(text, f"{source}{path}", strict=strict, parts=parts)
            faults += parsed.faults
            if not parsed.checks and not parsed.faults:
                faults.append(
                    Fault(source=f"{source}{path}", line=1, message="it contains no check")
                )
            faults += _add(path, parsed.checks, checks, source, strict=strict)
            warnings += parsed.warnings
            for name, line in parsed.lines.items():
                scripts.setdefault(name, ScriptPlace(path, line))
    releases: dict[str, Any] = {}
    if RELEASES_FILE in texts:
        try:
            releases = mapping(texts[RELEASES_FILE])
        except DocumentError as error:
            place = f"{source}{RELEASES_FILE}"
            faults.append(Fault(source=place, line=error.line, message=error.message))
    ordered = dict(sorted(checks.items(), key=lambda item: (item[1].family, item[0])))
    return Catalogue(
        checks=ordered,
        releases=releases,
        faults=tuple(faults),
        scripts=scripts,
        warnings=tuple(warnings),
    )


def _add(
    path: str, found: Iterable[Check], checks: dict[str, Check], source: str, *, strict: bool
) -> Iterator[Fault]:
    for check in found:
        place = f"{check.family}/{check.name}/{CHECK_FILE}"
        if check.name in checks:
            fault = f"name {check.name!r} is used by another file"
        elif strict and path != place and not path.endswith(f"/{place}"):
            fault = f"belongs into {place}"
        else:
            checks[check.name] = check
            continue
        yield Fault(source=f"{source}{path}", line=1, message=fault, check=check.name)


def unknown_names(catalogue: Catalogue, names: Iterable[str]) -> list[str]:
    """A fault for each of `names` that is not a known check."""
    sentences: list[str] = []
    for name in names:
        if catalogue.find(name) is None:
            close = catalogue.close_to(name)
            hint = f", did you mean {close!r}?" if close else ""
            sentences.append(f"unknown check {name!r}{hint}")
    return sentences
