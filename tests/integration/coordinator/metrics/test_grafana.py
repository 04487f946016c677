"""The dashboard's queries, asked of a real Prometheus that scrapes real metrics."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stt_coordinator.alerts import rules
from stt_coordinator.local.servers.process import Running
from stt_coordinator.metrics import prometheus as metrics
from stt_coordinator.metrics.specs import SPECS
from stt_coordinator.store.memory.store import memory_ledger
from stt_coordinator.store.memory.tables import Tables
from stt_shared import clock
from stt_shared.clock import monotonic
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import CheckOutcome, ControlState
from tests.servers import prometheus
from tests.servers.fixtures import serving
from tests.support.coordinator.fleet import PACK, counted, fill
from tests.support.coordinator.ledgers import result

GRAFANA = Path(__file__).parents[4] / "contrib" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "stt.json").read_text(encoding="utf-8"))
COLUMNS = 24  # of Grafana's grid
TIMEOUT_S = 60.0
CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: stt
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
# As Grafana replaces them where everything is chosen.
VARIABLES = {"$site": ".*", "$engine": ".*", "$__rate_interval": "1m"}
EMPTY_WHILE_WELL = {"sum by (kind) (rate(stt_event_publish_failures_total[1m])) > 0"}


def targets() -> list[tuple[str, str]]:
    """Every query of the dashboard, with the title of its panel."""
    found: list[tuple[str, str]] = []
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            found.append((panel["title"], query))
    return found


@pytest.fixture(scope="module")
def metrics_port() -> Iterator[int]:
    """A server of `/metrics` whose counters grow with every scrape."""
    tables, counters = Tables(), counted()
    fill(memory_ledger(tables))
    pack = msgspec.structs.replace(PACK, expires=clock.now() + timedelta(days=30))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            outcome = CheckOutcome(check="c1", outcome=Outcome.PASSED, duration_ms=20)
            counters.record_results([result("t1", outcome)])
            counters.record_publication("stt.v1.event.run.started", stored=True)
            state = ControlState(enabled=True)
            seen = metrics.snapshot(memory_ledger(tables), state, pack, counters)
            self.send_response(200)
            self.send_header("Content-Type", metrics.MEDIA_TYPE)
            self.end_headers()
            self.wfile.write(metrics.render(seen))

        def log_message(self, *_arguments: object) -> None:
            """Nothing on stderr."""

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web.server_port
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture(scope="module")
def server(servers_folder: Path, metrics_port: int) -> Iterator[Running]:
    """A Prometheus that has scraped a few times and evaluated the rules."""
    folder = servers_folder / "prometheus"
    folder.mkdir()
    (folder / "stt.yml").write_text(rules.text(), encoding="utf-8")
    config = CONFIG.format(rules=folder / "stt.yml", port=metrics_port)
    with serving("prometheus", lambda: prometheus.start_prometheus(folder, config)) as running:
        deadline = monotonic() + TIMEOUT_S
        while not _has_scraped(running) and monotonic() < deadline:
            time.sleep(0.05)
        yield running


def _has_scraped(running: Running) -> bool:
    counted_up = ask(running, "query", query="count_over_time(stt_enabled[1m]) >= 3")["result"]
    groups = ask(running, "rules")["groups"]
    return bool(counted_up) and all(
        rule["health"] != "unknown" for group in groups for rule in group["rules"]
    )


def ask(running: Running, what: str, **fields: str) -> Any:
    """The data of an answer of Prometheus' HTTP API."""
    address = f"http://127.0.0.1:{running.port}/api/v1/{what}?{urllib.parse.urlencode(fields)}"
    with urllib.request.urlopen(address, timeout=10) as reply:
        return json.load(reply)["data"]


@pytest.mark.parametrize(("title", "query"), targets())
def test_every_query_of_the_dashboard_finds_something(
    server: Running, title: str, query: str
) -> None:
    found = ask(server, "query", query=query)["result"]
    print(title, query, [(one["metric"], one["value"][1]) for one in found])
    values = [float(one["value"][1]) for one in found]
    assert bool(values) is (query not in EMPTY_WHILE_WELL)
    assert all(value == value for value in values), "a value is not a number"  # noqa: PLR0124


@pytest.mark.parametrize(
    ("title", "number"),
    [("Critical", 2), ("Major", 0), ("Trivial", 0), ("Accepted", 1), ("Databases not checked", 3)],
)
def test_the_numbers_are_those_of_the_store(server: Running, title: str, number: int) -> None:
    (query,) = [query for panel, query in targets() if panel == title]
    ((_, value),) = [one["value"] for one in ask(server, "query", query=query)["result"]]
    assert float(value) == number


def test_the_choices_of_the_dashboard_are_found(server: Running) -> None:
    found = {
        one["name"]: ask(server, f"label/{one['name']}/values", **{"match[]": "stt_databases"})
        for one in DASHBOARD["templating"]["list"]
        if one["type"] == "query"
    }
    assert found == {"site": ["eu", "us"], "engine": ["mongodb", "mysql"]}


def test_the_rules_are_evaluated_without_error_and_fire_on_real_metrics(server: Running) -> None:
    (group,) = ask(server, "rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    firing = {rule["name"] for rule in group["rules"] if rule["state"] == "firing"}
    pending = {rule["name"] for rule in group["rules"] if rule["state"] == "pending"}
    assert firing == {"SttCriticalFindings"}
    assert {"SttDatabaseUnreachable", "SttWorkerMissing", "SttRunOverdue"} <= pending


def test_prometheus_takes_the_metrics_without_a_complaint(server: Running) -> None:
    (target,) = ask(server, "targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_the_dashboard_asks_for_metrics_of_the_set_alone() -> None:
    asked = {name for _, query in targets() for name in re.findall(r"stt_\w+", query)}
    assert {name.removesuffix("_bucket") for name in asked} <= SPECS.keys()
    assert len(DASHBOARD["panels"]) > 10


def test_panels_have_distinct_ids_do_not_overlap_and_use_the_chosen_prometheus() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        xs, ys = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells = {(x, y) for x in xs for y in ys}
        assert max(xs) < COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(one == {"type": "prometheus", "uid": "${datasource}"} for one in sources)


def test_links_lead_to_the_page_that_is_chosen() -> None:
    links = [link["url"] for panel in DASHBOARD["panels"] for link in panel.get("links", ())]
    assert "${page}/findings?severity=critical" in links
    assert all(link.startswith("${page}/") for link in links)


def test_provisioning_files_are_of_version_1_and_name_the_dashboards_folder() -> None:
    folder = GRAFANA / "provisioning"
    dashboards = yaml.safe_load((folder / "dashboards" / "stt.yml").read_text(encoding="utf-8"))
    sources = yaml.safe_load((folder / "datasources" / "stt.yml").read_text(encoding="utf-8"))
    assert (dashboards["apiVersion"], sources["apiVersion"]) == (1, 1)
    (provider,) = dashboards["providers"]
    assert provider["options"]["path"] in (GRAFANA / "README.md").read_text(encoding="utf-8")
