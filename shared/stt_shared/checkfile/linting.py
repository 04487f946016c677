"""Check a folder or file of checks against the format, the content policies and the samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stt_shared.checkfile.catalogue import CHECK_FILE
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.policies import (
    SAMPLES_FILE,
    faults_of,
    faults_of_causes,
    faults_of_remediations,
    faults_of_samples,
)
from stt_shared.checkfile.reading import CheckSource, read_checks
from stt_shared.checkfile.samples import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """The checks, and each fault with its file; scripts are not run here."""

    source: CheckSource
    samples: int
    faults: tuple[str, ...]


def lint(path: Path) -> Linted:
    """Every fault in a folder or file; raises ConfigError without any check file.

    The policies are for our own format; files of PMM need no samples, but theirs are read.
    """
    source = read_checks(path)
    faults = [str(fault) for fault in source.catalogue.faults]
    number = 0
    for check in source.catalogue.checks.values():
        if source.ours:
            file = source.folder / check.family / check.name / CHECK_FILE
            wrong = (*faults_of(check), *faults_of_causes(check, source.catalogue.checks))
            faults += [f"{file}: {fault}" for fault in wrong]
        samples, missing = _samples(source, check)
        number += len(samples)
        faults += missing
    return Linted(source=source, samples=number, faults=tuple(faults))


def _samples(source: CheckSource, check: Check) -> tuple[tuple[Sample, ...], list[str]]:
    place = source.folder / check.family / check.name
    if not source.ours and not (place / SAMPLES_FILE).exists():
        return (), []
    samples, wrong = faults_of_samples(place, complete=source.ours)
    if source.ours and samples:
        wrong += faults_of_remediations(check, samples)
    return samples, list(_placed(place, wrong))


def _placed(place: Path, faults: list[str]) -> Iterator[str]:
    for fault in faults:
        yield fault if fault.startswith(str(place)) else f"{place / SAMPLES_FILE}: {fault}"
