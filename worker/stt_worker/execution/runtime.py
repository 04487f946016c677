"""The composition root of running checks: drivers, sandbox and checks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.reading import CheckSource, read_checks
from stt_shared.checkfile.variants import unsupported
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family
from stt_worker.databases.children.pool import ChildInspector
from stt_worker.execution.admission import ADMITTED_PER_PERMIT
from stt_worker.execution.job import CheckDependencies
from stt_worker.sandbox.language import ScriptFault, line_in, script_faults
from stt_worker.sandbox.pmm.leniency import more_than_pmm
from stt_worker.sandbox.starlark import StarlarkSandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRuntime:
    """The parts that run the checks of `catalogue`, by family."""

    dependencies: Mapping[Family, CheckDependencies]
    catalogue: Catalogue

    async def script_faults(self, checks: Sequence[Check]) -> list[ScriptFault]:
        """The errors in the scripts of `checks`; a check with one ends as an error."""
        sandbox = next(iter(self.dependencies.values())).sandbox
        return await script_faults(checks, sandbox)

    async def faults_of_custom_checks(self) -> list[ScriptFault]:
        """The errors in the scripts of its checks; built-in checks are not compiled here."""
        if self.catalogue is catalogue.builtin():
            return []
        return await self.script_faults(tuple(self.catalogue.checks.values()))


def checks_of(pack: Path | None) -> Catalogue:
    """The built-in checks, or those of a folder or file; raises ConfigError if none is valid.

    As in a PMM pack, an invalid check is skipped and listed in `faults`.
    """
    if pack is None:
        return catalogue.builtin()
    found = read_checks(pack).catalogue
    if not found.checks:
        raise ConfigError(f"no valid check in {pack}", faults=tuple(map(str, found.faults)))
    return found


async def faults_of_scripts(source: CheckSource) -> list[str]:
    """The errors in the scripts of checks, with file and line."""
    known = source.catalogue
    sandbox = StarlarkSandbox()
    try:
        found = await script_faults(tuple(known.checks.values()), sandbox)
    finally:
        await sandbox.close()
    placed: list[str] = []
    for fault in found:
        place = known.scripts[fault.check]
        file = source.folder / place.path
        line = line_in(fault, file.read_text(encoding="utf-8"), place.line)
        placed.append(f"{file}:{line}: {fault}")
    return placed


def leniencies(source: CheckSource) -> list[str]:
    """What runs here and not in PMM, of checks in its format, with file and line."""
    known = source.catalogue
    found = [str(one) for one in known.warnings]
    for check in known.checks.values():
        place = known.scripts[check.name]
        file = source.folder / place.path
        if why := unsupported(check):
            found.append(f"{file}:{place.line}: {check.name}: it is skipped: {why}")
        text = file.read_text(encoding="utf-8")
        found += [f"{file}:{line_in(one, text, place.line)}: {one}" for one in more_than_pmm(check)]
    return found


@asynccontextmanager
async def open_runtime(
    checks: Catalogue, concurrency: int, *, preload: Sequence[str] = ()
) -> AsyncGenerator[CheckRuntime]:
    """Drivers and a sandbox that run `checks` on `concurrency` targets at once.

    The processes that inspect servers also import the modules `preload`.
    """
    async with AsyncExitStack() as stack:
        sandbox = StarlarkSandbox()
        stack.push_async_callback(sandbox.close)
        known = [query.what for check in checks.checks.values() for query in check.queries]
        size = concurrency * ADMITTED_PER_PERMIT
        inspector = ChildInspector(size, keep=concurrency, known=known, preload=preload)
        stack.push_async_callback(inspector.close)
        dependencies = CheckDependencies(inspector=inspector, catalogue=checks, sandbox=sandbox)
        yield CheckRuntime(dependencies=dict.fromkeys(Family, dependencies), catalogue=checks)
