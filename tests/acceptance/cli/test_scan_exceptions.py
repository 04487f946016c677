"""A scan in a pipeline without a coordinator: exceptions of a file, checks and gaps left out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import now
from tests.support.processes.scanning import (
    last_line,
    report,
    stt,
    table,
    unused_port,
    url,
    worker_toml,
    written_pack,
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written_pack(tmp_path_factory.mktemp("pack"))


def exceptions(folder: Path, *scopes: str) -> str:
    file = folder / "exceptions.yaml"
    until = (now().date() + timedelta(days=30)).isoformat()
    lines = [
        f"- {{id: x{n}, reason: proxy only, until: {until}, {scope}}}"
        for n, scope in enumerate(scopes)
    ]
    file.write_text("\n".join(["exceptions:", *lines]))
    return str(file)


def test_what_a_file_accepts_is_shown_and_fails_nothing(
    postgresql: Running, pack: str, tmp_path: Path
) -> None:
    arguments = ("scan", url(postgresql), "--pack", pack)
    (first,) = report(stt(*arguments, "--check", "bad", "-o", "json"))["results"]
    (finding,) = first["findings"]
    file = exceptions(tmp_path, f"finding: {finding['id']}")
    done = stt(*arguments, "--exceptions", file, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = report(done)
    assert (found["summary"]["critical"], found["summary"]["accepted"]) == (0, 1)
    (accepted,) = found["results"][0]["findings"]
    assert accepted["accepted"]["reason"] == "proxy only"
    assert accepted["severity"] == "critical"
    assert "accepted by unknown until" in stt(*arguments, "--exceptions", file, "-o", "md").stdout
    stricter = stt(*arguments, "--exceptions", file, "--fail-on", "trivial")
    assert last_line(stricter).startswith("exit 1: 1 failed check at or above trivial")


def test_exceptions_hold_for_the_site_and_the_labels_of_a_worker_s_file(
    postgresql: Running, pack: str, tmp_path: Path
) -> None:
    labels = 'labels = { env = "dev" }\n'
    config = worker_toml(
        tmp_path, '[worker]\nsite = "eu-west"\n', table("orders", postgresql) + labels
    )
    arguments = ("scan", "--config", config, "--pack", pack, "-o", "json", "--exceptions")
    for scope in ("check: bad, label: env=dev", "check: bad, site: eu-west"):
        done = stt(*arguments, exceptions(tmp_path, scope), PW=postgresql.password)
        assert (done.returncode, {r["site"] for r in report(done)["results"]}) == (0, {"eu-west"})
    elsewhere = exceptions(tmp_path, "check: bad, label: env=prod", "check: bad, site: us")
    assert stt(*arguments, elsewhere, PW=postgresql.password).returncode == 1
    moved = stt(*arguments, elsewhere, "--site", "us", PW=postgresql.password)
    assert moved.returncode == 0


def test_checks_left_out_are_not_run_and_a_wrong_name_is_an_error(
    postgresql: Running, pack: str
) -> None:
    arguments = ("scan", url(postgresql), "--pack", pack, "-o", "json")
    done = stt(*arguments, "--skip-check", "bad,odd")
    assert done.returncode == 0
    assert [r["check"] for r in report(done)["results"]] == ["clean"]
    both = stt(*arguments, "--check", "bad,clean", "--skip-check", "bad")
    assert [r["check"] for r in report(both)["results"]] == ["clean"]
    wrong = stt(*arguments, "--skip-check", "claen")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "unknown check 'claen', did you mean 'clean'?" in wrong.stderr
    nothing = stt(*arguments, "--check", "bad", "--skip-check", "bad")
    assert nothing.returncode == 2
    assert "no check is left" in nothing.stderr


def test_as_many_checks_as_allowed_may_have_no_outcome(pack: str) -> None:
    gone = f"postgresql://u:p@127.0.0.1:{unused_port()}"
    arguments = ("scan", gone, "--pack", pack, "--max-not-checked")
    assert stt(*arguments, "3").returncode == 0
    assert last_line(stt(*arguments, "2")).startswith("exit 3: 3 checks could not be evaluated")


def test_a_file_with_faults_ends_the_scan_before_it_begins(
    postgresql: Running, pack: str, tmp_path: Path
) -> None:
    file = exceptions(tmp_path, "check: bda, site: local", "check: bad")
    done = stt("scan", url(postgresql), "--pack", pack, "--exceptions", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'x0': unknown check 'bda', did you mean 'bad'?" in done.stderr
    assert "'x1': name a target, a label or a site for check 'bad'" in done.stderr
    missing = stt("scan", url(postgresql), "--pack", pack, "--exceptions", "/nowhere.yaml")
    assert missing.returncode == 2
    assert "/nowhere.yaml" in missing.stderr


def test_with_a_baseline_only_what_is_new_fails(
    postgresql: Running, pack: str, tmp_path: Path
) -> None:
    file = tmp_path / "baseline.json"
    arguments = ("scan", url(postgresql), "--pack", pack, "--fail-on", "trivial")
    first = stt(*arguments, "--check", "bad,clean", "--export", str(file))
    assert first.returncode == 1
    known = ("--baseline", str(file))
    done = stt(*arguments, *known, "--check", "bad,clean", "-o", "json")
    assert done.returncode == 0, done.stderr
    counts = report(done)["summary"]
    assert (counts["critical"], counts["accepted"], counts["baseline"]) == (0, 0, 1)
    with_more = stt(*arguments, *known)
    assert last_line(with_more).startswith("exit 1: 1 failed check at or above trivial")
    file.write_text("{}")
    wrong = stt(*arguments, *known)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "is not a report of schema stt.report/v1" in wrong.stderr


def test_faults_of_check_files_count_as_gaps(postgresql: Running, tmp_path: Path) -> None:
    pack = written_pack(tmp_path)
    (tmp_path / "wrong.yaml").write_text("nothing")
    arguments = ("scan", url(postgresql), "--pack", pack, "--fail-on", "none")
    assert last_line(stt(*arguments)).startswith("exit 3: checks were skipped for 1 fault")
    assert stt(*arguments, "--max-not-checked", "1").returncode == 0
