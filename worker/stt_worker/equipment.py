"""The composition root of what checks need: drivers, sandbox and the checks themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError
from stt_shared.protocol.words import Family
from stt_worker.databases.pool import ChildInspector
from stt_worker.execution import Means
from stt_worker.sandbox.starlark import StarlarkSandbox

CHILDREN_PER_SLOT = 4  # most of them wait: for a server that does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What runs the checks of `catalogue` on each family."""

    means: Mapping[Family, Means]
    catalogue: Catalogue


def checks_of(pack: Path | None) -> Catalogue:
    """The built-in checks, or those of a folder; raises ConfigError, also if no check is good.

    A folder is read as a PMM pack is: a bad check is left out and stands in `faults`.
    """
    if pack is None:
        return catalogue.builtin()
    found = catalogue.load(pack, strict=False)
    if not found.checks:
        raise ConfigError(f"no good check in {pack}", faults=tuple(map(str, found.faults)))
    return found


@asynccontextmanager
async def equipped(checks: Catalogue, concurrency: int) -> AsyncGenerator[Equipment]:
    """The real drivers and a sandbox to run `checks` on `concurrency` targets at once."""
    async with AsyncExitStack() as stack:
        sandbox = StarlarkSandbox()
        stack.push_async_callback(sandbox.close)
        inspector = ChildInspector(concurrency * CHILDREN_PER_SLOT, keep=concurrency)
        stack.push_async_callback(inspector.close)
        means = Means(inspector=inspector, catalogue=checks, sandbox=sandbox)
        yield Equipment(means=dict.fromkeys(Family, means), catalogue=checks)
