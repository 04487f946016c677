"""The composition root of what checks need: drivers, sandbox and the checks themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import CHECK_FILE, Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family
from stt_worker.databases.children.pool import ChildInspector
from stt_worker.execution.job import CheckDependencies
from stt_worker.execution.turns import WAITING
from stt_worker.sandbox.language import ScriptFault, line_in, script_faults
from stt_worker.sandbox.starlark import StarlarkSandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What runs the checks of `catalogue` on each family."""

    dependencies: Mapping[Family, CheckDependencies]
    catalogue: Catalogue

    async def script_faults(self, checks: Sequence[Check]) -> list[ScriptFault]:
        """What the language refuses in the scripts of `checks`; each breaks where it is run."""
        sandbox = next(iter(self.dependencies.values())).sandbox
        return await script_faults(checks, sandbox)

    async def strange_faults(self) -> list[ScriptFault]:
        """The same of all its checks, unless they are the built-in ones, which are tested."""
        if self.catalogue is catalogue.builtin():
            return []
        return await self.script_faults(tuple(self.catalogue.checks.values()))


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


async def faults_of_scripts(folder: Path, known: Catalogue) -> list[str]:
    """What the language refuses in a folder of checks, with file and line."""
    sandbox = StarlarkSandbox()
    try:
        found = await script_faults(tuple(known.checks.values()), sandbox)
    finally:
        await sandbox.close()
    return [_placed(folder, known, fault) for fault in found]


def _placed(folder: Path, known: Catalogue, fault: ScriptFault) -> str:
    file = folder / known.checks[fault.check].family / fault.check / CHECK_FILE
    return f"{file}:{line_in(fault, file.read_text(encoding='utf-8'))}: {fault}"


@asynccontextmanager
async def equipped(
    checks: Catalogue, concurrency: int, *, preload: Sequence[str] = ()
) -> AsyncGenerator[Equipment]:
    """The real drivers and a sandbox to run `checks` on `concurrency` targets at once.

    The processes that inspect servers import the modules `preload` too.
    """
    async with AsyncExitStack() as stack:
        sandbox = StarlarkSandbox()
        stack.push_async_callback(sandbox.close)
        known = [query.what for check in checks.checks.values() for query in check.queries]
        size = concurrency * WAITING
        inspector = ChildInspector(size, keep=concurrency, known=known, preload=preload)
        stack.push_async_callback(inspector.close)
        dependencies = CheckDependencies(inspector=inspector, catalogue=checks, sandbox=sandbox)
        yield Equipment(dependencies=dict.fromkeys(Family, dependencies), catalogue=checks)
