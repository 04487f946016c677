"""The recorded samples beside each check, read with every fault told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stt_shared.checkfile.catalogue import builtin, builtin_folder
from stt_shared.checkfile.model import Check
from stt_shared.protocol.messages import Facts
from stt_shared.protocol.words import Outcome, Severity


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recorded answers of a server and what the check must say of them."""

    name: str
    server: Facts
    docs: list[list[dict[str, Any]]]
    outcome: Outcome
    findings: dict[str, Severity] = {}
    now: date = date(2026, 11, 23)

    @property
    def at(self) -> datetime:
        return datetime(self.now.year, self.now.month, self.now.day, 12, tzinfo=UTC)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    samples: list[Sample]


def of(check: Check) -> list[Sample]:
    """The samples of one check."""
    path = folder_of(check) / "samples.yaml"
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), _File).samples


def folder_of(check: Check) -> Path:
    return builtin_folder() / check.family / check.name


def everything() -> list[tuple[Check, Sample]]:
    """Every check with each of its samples."""
    return [(check, sample) for check in builtin().checks.values() for sample in of(check)]
