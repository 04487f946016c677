"""Check a folder of checks against the format, the content policies and the samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stt_shared.checkfile.catalogue import CHECK_FILE, Catalogue, load
from stt_shared.checkfile.policies import SAMPLES_FILE, faults_of, faults_of_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """The checks, and each fault with its file; scripts are not run here."""

    catalogue: Catalogue
    samples: int
    faults: tuple[str, ...]


def lint(folder: Path) -> Linted:
    """Every fault in `folder`; raises ConfigError without any check file."""
    catalogue = load(folder, strict=True)
    faults = [str(fault) for fault in catalogue.faults]
    number = 0
    for check in catalogue.checks.values():
        place = folder / check.family / check.name
        faults += [f"{place / CHECK_FILE}: {fault}" for fault in faults_of(check)]
        samples, wrong = faults_of_samples(place)
        number += len(samples)
        faults += [
            fault if fault.startswith(str(place)) else f"{place / SAMPLES_FILE}: {fault}"
            for fault in wrong
        ]
    return Linted(catalogue=catalogue, samples=number, faults=tuple(faults))
