"""Every line of an installation is JSON and names the run, job, target and check it is of."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from stt_coordinator.embedded.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.words import Family
from tests.acceptance.processes import GONE, SITE, WORKER, installed

TARGETS = ("books", "orders", "stock")
OF_JOBS = {"runner", "execution", "packs"}  # parts that work for one job at a time
IDS = ("run", "job", "target")


def of_jobs(lines: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The lines that a worker wrote between the beginning and the end of each job, by job."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        if "job" in line:
            found[line["job"]].append(line)
    return found


def test_every_line_is_json_and_each_of_a_job_names_it_and_only_it(
    postgresql: Running, tmp_path: Path
) -> None:
    with installed(tmp_path, postgresql, TARGETS) as site:
        run = site.run_once(len(TARGETS) + 1)
    worker, coordinator = site.lines("worker"), site.lines("coordinator")
    assert all((line["worker"], line["site"]) == (WORKER, SITE) for line in worker)
    assert [line for line in worker if line["part"] in OF_JOBS and not line.keys() >= {*IDS}] == []
    jobs = of_jobs(worker)
    assert jobs.keys() == {f"{run}.{target}" for target in (*TARGETS, GONE)}
    for job, lines in jobs.items():
        assert {(line["run"], line["job"], line["target"]) for line in lines} == {
            (run, job, job.removeprefix(f"{run}."))
        }
        said = [line["event"] for line in lines]
        assert (said[0], said[-1]) == ("job begun", "job done")
        family = Family.MYSQL if job.endswith(GONE) else Family.POSTGRESQL
        checks = [line["check"] for line in lines if "check" in line]
        assert sorted(checks) == sorted(check.name for check in builtin().of(family))
    assert postgresql.password not in (tmp_path / "worker.log").read_text()
    of_the_coordinator(coordinator, run)


def of_the_coordinator(lines: list[dict[str, Any]], run: str) -> None:
    """A run, its results and what was asked for carry their ids; nothing else carries any."""
    taken = [line for line in lines if line["event"] == "result taken in"]
    assert {(line["run"], line["job"], line["target"], line["worker"]) for line in taken} == {
        (run, f"{run}.{target}", target, WORKER) for target in (*TARGETS, GONE)
    }
    assert [line["run"] for line in lines if line["part"] == "scheduler"] == [run]
    (changed,) = [line for line in lines if line["event"] == "changed"]
    assert (changed["verb"], changed["way"], changed["by"] != "") == ("enable", "cli", True)
    others = [line for line in lines if line["event"] in {"ready", "ended", "stored"}]
    assert not any(key in line for line in others for key in (*IDS, "verb"))
