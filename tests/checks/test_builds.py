"""What a version text says of a build changes the checks of releases and no other check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.samples import Sample
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import CheckOutcome, Facts
from stt_worker.databases.mongodb import facts as mongodb_facts
from stt_worker.databases.mysql import facts as mysql_facts
from stt_worker.databases.postgresql import facts as postgresql_facts
from stt_worker.execution.verdict import outcome_of
from stt_worker.oneshot.dry_run import given
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.checks.hba import rules
from tests.support.checks.library import CHECKS, samples
from tests.support.checks.real import CheckRunner, endpoint

OF_RELEASES = ("_version", "_version_eol", "_known_cve")
OTHERS = [check for check in CHECKS if not check.name.endswith(OF_RELEASES)]
UNKNOWN, EDITION = "PostgreSQL 15.13 (AcmeBase 3.1)", "PostgreSQL 15.13 (Postgres Pro 15.13.1)"


def mysql(version: str, comment: str) -> Facts:
    return mysql_facts.facts({"version": version, "comment": comment})


# By flavour: what the worker finds where the text has words of nobody, and where of an edition.
BUILDS = {
    "mysql": [mysql("8.4.4-acme", ""), mysql("8.4.4", "MySQL HeatWave")],
    "percona": [mysql("8.4.4-4-acme", "Percona Server (GPL)")],
    "mariadb": [mysql("11.4.2-MariaDB-acme", "")],
    "postgresql": [postgresql_facts.facts({"version": one}) for one in (UNKNOWN, EDITION)],
    "mongodb": [mongodb_facts.facts({}, {"version": "7.0.0", "versionArray": [7, 0, 0, 0]}, "h")],
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[StarlarkSandbox]:
    one = StarlarkSandbox(1)
    yield one
    await one.close()


async def evaluated(check: Check, sample: Sample, sandbox: StarlarkSandbox) -> CheckOutcome:
    task, answers = given(check, sample.docs)
    context = sample.context(builtin().releases)
    return outcome_of(check, (await sandbox.run([task], answers, context))[0])


@pytest.mark.parametrize("flavour", BUILDS)
async def test_a_sample_ends_the_same_whatever_the_build(
    flavour: str, sandbox: StarlarkSandbox
) -> None:
    compared = 0
    for check in OTHERS:
        for sample in samples(check):
            if (sample.server["flavour"], sample.server["provider"]) != (flavour, "self-managed"):
                continue
            before = await evaluated(check, sample, sandbox)
            for facts in BUILDS[flavour]:
                assert facts.flavour == flavour
                assert facts.build
                found: dict[str, Any] = {
                    **sample.server,
                    "provider": facts.provider,
                    "build": facts.build,
                    "version_text": facts.version_text,
                }
                after = await evaluated(check, replace(sample, server=found), sandbox)
                assert after == before, (check.name, sample.name, facts.build)
                compared += 1
    assert compared


@pytest.mark.parametrize("family", Family)
async def test_an_older_worker_that_names_no_build_compares_releases(
    family: Family, sandbox: StarlarkSandbox
) -> None:
    check = builtin().checks[f"{family}_version"]
    failing = next(one for one in samples(check) if one.outcome is Outcome.FAILED)
    server = {key: value for key, value in failing.server.items() if key != "build"}
    found = await evaluated(check, replace(failing, server=server), sandbox)
    assert found == await evaluated(check, failing, sandbox)


async def test_a_server_that_trusts_everybody_is_found_whatever_its_version_says(
    runner: CheckRunner, postgresql15: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, real = endpoint(postgresql15, Family.POSTGRESQL), postgresql_facts.facts
    with rules(postgresql15, ["host all all 0.0.0.0/0 trust"]):
        before = await runner.run_all(where)
        assert before["postgresql_hba_trust"].outcome == "failed"
        for text in (UNKNOWN, EDITION):

            def facts(row: Mapping[str, Any], text: str = text) -> Facts:
                return real({**row, "version": text})

            monkeypatch.setattr(postgresql_facts, "facts", facts)
            after = await runner.run_all(where)
            changed = {name for name, one in after.items() if kept(one) != kept(before[name])}
            assert changed == {f"postgresql{one}" for one in OF_RELEASES}, text


def kept(one: CheckOutcome) -> object:
    """What an outcome says, without what moves between two runs, such as ages of sessions."""
    return one.outcome, one.kind, {(each.object, each.severity) for each in one.findings}
