"""Reads the `[[targets]]` of a worker's configuration file, with all their faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from stt_shared.errors import ConfigError
from stt_shared.identity import is_token
from stt_shared.report.readable import first_names
from stt_shared.settings import read_toml
from stt_worker.targets import secrets, urls
from stt_worker.targets.endpoints import endpoint_of
from stt_worker.targets.fields import Fault, checked
from stt_worker.targets.lines import lines_of
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import NO_SECRET, Secret

TABLE = "targets"
MAX_TARGETS = 5_000
SHOWN_IN_WARNING = 20  # names of targets


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetList:
    """Targets in the order of the file, and warnings."""

    targets: tuple[Target, ...] = ()
    warnings: tuple[str, ...] = ()


def load(path: Path) -> TargetList:
    """The targets in the file at `path`; raises ConfigError with every fault and its line."""
    text, tables = read_toml(path)
    return parse(text, tables, path)


def parse(text: str, tables: Mapping[str, Any], path: Path) -> TargetList:
    """The targets in TOML `text`, parsed as `tables`; faults name `path`.

    Relative paths in the file start at its folder. Raises ConfigError with every fault.
    """
    listed: object = tables.get(TABLE, [])
    entries = cast("list[object]", listed) if isinstance(listed, list) else [None]
    if not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{path}: {TABLE} is not an array of tables", hint="write [[targets]]")
    if len(entries) > MAX_TARGETS:
        raise ConfigError(f"{path} has {len(entries)} targets, the limit is {MAX_TARGETS}")
    lines = lines_of(text, TABLE)
    folder = path.parent.absolute()
    found: list[Target] = []
    faults: list[str] = []
    taken: dict[str, int] = {}
    for index, entry in enumerate(cast("list[dict[str, Any]]", entries)):
        target, wrong = _target(entry, folder)
        name = entry.get("id")
        if isinstance(name, str) and taken.setdefault(name, index) != index:
            line = lines.get((taken[name], "id"), 0)
            wrong.append(Fault("id", f"the target on line {line} has the same id"))
        # The id only if it is one: other texts in its place may be a secret.
        is_named = isinstance(name, str) and is_token(name)
        shown = f"target {name}" if is_named else f"target number {index + 1}"
        for fault in wrong:
            line = lines.get((index, fault.key)) or lines.get((index, "")) or 1
            faults.append(f"{path}:{line}: {shown}: {fault.text}")
        if target is not None:
            found.append(target)
    if faults:
        raise ConfigError("the targets are wrong", faults=tuple(faults))
    return TargetList(targets=tuple(found), warnings=_warnings(found))


def _target(entry: Mapping[str, Any], folder: Path) -> tuple[Target | None, list[Fault]]:
    values, faults = checked(entry)
    if "id" not in entry:
        faults.append(Fault("", "id is missing"))
    secret = NO_SECRET
    try:
        secret = secrets.parse(values.get("password", ""), folder)
    except ValueError as error:
        faults.append(Fault("password", f"password is {error}"))
    endpoint, in_url = endpoint_of(values, folder, faults)
    if faults or endpoint is None:
        return None, faults
    labels = cast("dict[str, str]", values.get("labels", {}))
    secret = secret if in_url is None else Secret("", in_url)
    return Target(id=values["id"], endpoint=endpoint, secret=secret, labels=labels), []


def _warnings(targets: list[Target]) -> tuple[str, ...]:
    plain = [target.id for target in targets if target.secret.is_plain]
    weak = [
        target.id
        for target in targets
        if target.endpoint.tls.mode in ("off", "require") and not urls.is_local(target.endpoint)
    ]
    found = (
        ("the password is in the file; prefer a reference (file:, env:, cred:, exec:)", plain),
        ("the server's certificate is not verified; prefer tls = verify-full", weak),
    )
    return tuple(
        f"{text}: {first_names(names, SHOWN_IN_WARNING)}" for text, names in found if names
    )
