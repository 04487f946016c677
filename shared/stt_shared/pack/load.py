"""The checks that a pack file holds: a bad one is a fault and hides no other."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.document import Fault
from stt_shared.errors import ConfigError
from stt_shared.pack.archive import Pack


def load(pack: Pack) -> Catalogue:
    """The checks and the release data of `pack`; sources of faults are paths within the pack."""
    with tempfile.TemporaryDirectory(prefix="stt-pack-") as name:
        folder = Path(name)
        _write(pack.files, folder)
        try:
            found = catalogue.load(folder, strict=not pack.manifest.lenient)
        except ConfigError as error:
            message = error.message.replace(str(folder), "the pack")
            return Catalogue(checks={}, faults=(Fault(source=pack.label, line=1, message=message),))
        return replace(found, faults=tuple(_within(fault, folder) for fault in found.faults))


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _within(fault: Fault, folder: Path) -> Fault:
    inside = f"{folder}/"
    return replace(
        fault,
        source=fault.source.removeprefix(inside),
        message=fault.message.replace(inside, ""),
    )
