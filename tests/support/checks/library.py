"""The built-in checks with their samples."""

from __future__ import annotations

from stt_shared.checkfile.catalogue import builtin, builtin_folder
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.samples import Sample, parse_samples

CHECKS = tuple(builtin().checks.values())


def samples(check: Check) -> tuple[Sample, ...]:
    file = builtin_folder() / check.family / check.name / "samples.yaml"
    return parse_samples(file.read_text(encoding="utf-8"), str(file))
