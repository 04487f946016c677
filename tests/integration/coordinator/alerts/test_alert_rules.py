"""The rules that `stt alerts rules` prints, verified by Prometheus' own promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from stt_cli import main
from stt_coordinator.metrics.specs import SPECS
from tests.servers import prometheus
from tests.servers.fixtures import required

UNIT_TESTS = Path(__file__).with_name("alert_rules.test.yml")
PROMISED = {
    "SttCriticalFindings",
    "SttMajorFindings",
    "SttRunOverdue",
    "SttDatabaseUnreachable",
    "SttWorkerMissing",
    "SttDisabled",
    "SttPackExpires",
}


@pytest.fixture
def printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """A file with what the command prints."""
    assert main.run(["alerts", "rules"]) == 0
    file = tmp_path / "stt.yml"
    file.write_text(capfd.readouterr().out, encoding="utf-8")
    return file


def promtool(*words: str) -> str:
    """What promtool says; it must be content."""
    program = required("promtool", lambda: prometheus.find("promtool"))
    done = subprocess.run(
        [str(program), *words], capture_output=True, text=True, check=False, timeout=60
    )
    shown = done.stdout + done.stderr
    print(shown)
    assert done.returncode == 0, shown
    return shown


def test_promtool_accepts_the_rules(printed: Path) -> None:
    shown = promtool("check", "rules", "--lint=all", "--lint-fatal", str(printed))
    assert "9 rules found" in shown


def test_the_rules_fire_and_end_as_promised(printed: Path) -> None:
    shutil.copy(UNIT_TESTS, printed.parent)
    assert "SUCCESS" in promtool("test", "rules", str(printed.parent / UNIT_TESTS.name))


def test_every_promised_rule_is_there_and_tested(printed: Path) -> None:
    (group,) = yaml.safe_load(printed.read_text(encoding="utf-8"))["groups"]
    names = {rule["alert"] for rule in group["rules"]}
    tested = set(re.findall(r"alertname: (\w+)", UNIT_TESTS.read_text(encoding="utf-8")))
    assert names >= PROMISED
    assert tested == names


def test_rules_ask_for_metrics_of_the_set_alone(printed: Path) -> None:
    (group,) = yaml.safe_load(printed.read_text(encoding="utf-8"))["groups"]
    asked = {name for rule in group["rules"] for name in re.findall(r"stt_\w+", rule["expr"])}
    assert asked <= SPECS.keys()
