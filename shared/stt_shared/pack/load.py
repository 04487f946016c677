"""Load the checks of a pack; an invalid check is a fault and hides no other."""

from __future__ import annotations

from dataclasses import replace

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.document import Fault
from stt_shared.pack.archive import Pack


def load(pack: Pack) -> Catalogue:
    """The checks and the release data of `pack`; sources of faults are paths within the pack."""
    found = catalogue.of_files(pack.files, strict=not pack.manifest.lenient)
    if found.checks or found.faults:
        return found
    fault = Fault(source=pack.label, line=1, message="no check files in the pack")
    return replace(found, faults=(fault,))
