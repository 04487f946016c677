"""Metrics: a closed set, from one look at a store, in the text that Prometheus reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stt_coordinator.metrics import prometheus
from stt_coordinator.metrics.counters import kind_of
from stt_coordinator.metrics.specs import SPECS
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.protocol.control import PackStatus
from stt_shared.protocol.coordinators import CoordinatorInfo, Standby, StoreHealth
from stt_shared.protocol.messages import ControlState
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.fleet import HOUR, PACK, counted, fill
from tests.support.coordinator.visitors import visiting

ROOT = Path(__file__).parents[4]


Samples = dict[str, float]


async def samples(store: Store, pack: PackStatus | None = PACK) -> Samples:
    """Every sample as `name{label=value,...}`, labels in order of their names."""
    await store.transact(fill)
    state, counters = ControlState(enabled=True), counted()
    found = await store.read(lambda led: prometheus.snapshot(led, state, pack, counters))
    where = StoreHealth(kind="postgresql", server="18.6", size_bytes=8192, risk="an old standby")
    text = prometheus.render(replace(found, is_held=True, offset_s=-0.25, store=where))
    return {
        sample.name
        + "{"
        + ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
        + "}": sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_a_store_that_does_not_answer_is_not_called_durable() -> None:
    state, counters = ControlState(enabled=True), counted()
    found = await MemoryStore().read(lambda led: prometheus.snapshot(led, state, PACK, counters))
    silent = StoreHealth(kind="postgresql", fault="no answer within 5 s")
    assert "stt_store_durable " not in prometheus.render(replace(found, store=silent)).decode()
    well = StoreHealth(kind="postgresql", sound=True)
    assert "stt_store_durable 1" in prometheus.render(replace(found, store=well)).decode()


async def test_who_acts_and_how_many_stand_by_are_numbers() -> None:
    standby = Standby(name="b", host="two", since=NOW)
    acting = CoordinatorInfo(
        name="a", host="one", epoch=7, since=NOW, store="s", standbys=(standby, standby)
    )
    state, counters = ControlState(enabled=True), counted()
    found = await MemoryStore().read(lambda led: prometheus.snapshot(led, state, PACK, counters))
    text = prometheus.render(replace(found, coordinator=acting)).decode().splitlines()
    wanted = {"stt_coordinator_acting 1.0", "stt_coordinator_epoch 7.0", "stt_standbys 2.0"}
    assert wanted <= set(text)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_metrics_tell_what_the_store_holds(kind: str, tmp_path: Path) -> None:
    store: Store = MemoryStore() if kind == "memory" else await open_store(tmp_path)
    found = await samples(store)
    await store.close()
    expected = {
        "stt_enabled{}": 1,
        "stt_store_info{kind=postgresql,version=18.6}": 1,
        "stt_store_size_bytes{}": 8192,
        "stt_store_durable{}": 0,
        "stt_clock_held{}": 1,
        "stt_clock_offset_seconds{}": -0.25,
        "stt_findings{engine=mysql,severity=critical,site=eu}": 2,
        "stt_findings{engine=mysql,severity=major,site=eu}": 0,
        "stt_findings_accepted{engine=mysql,severity=major,site=eu}": 1,
        "stt_findings_accepted{engine=mysql,severity=critical,site=eu}": 0,
        "stt_findings{engine=mongodb,severity=critical,site=us}": 0,
        "stt_databases{engine=mysql,site=eu,state=checked}": 1,
        "stt_databases{engine=mysql,site=eu,state=unreachable}": 1,
        "stt_databases{engine=mongodb,site=us,state=never}": 1,
        "stt_not_checked{engine=mysql,reason=auth,site=eu}": 1,
        "stt_not_checked{engine=mysql,reason=not_run,site=eu}": 1,
        "stt_not_checked{engine=mysql,reason=gone,site=old}": 2,
        "stt_parts_not_checked{engine=mysql,reason=query,site=eu}": 1,
        "stt_run_last_start_timestamp_seconds{site=eu}": (NOW + HOUR).timestamp(),
        "stt_run_last_success_timestamp_seconds{site=eu}": NOW.timestamp() + 2,
        "stt_run_last_success_timestamp_seconds{site=us}": 0,
        "stt_workers{site=eu}": 1,
        "stt_workers{site=us}": 0,
        "stt_check_pack_info{key_id=7A1C,pack=core,version=7}": 1,
        "stt_check_pack_expiry_timestamp_seconds{pack=core}": (NOW + 720 * HOUR).timestamp(),
        "stt_check_executions_total{engine=mysql,result=failed}": 1,
        "stt_check_executions_total{engine=mysql,result=error}": 0,
        "stt_check_duration_seconds_bucket{engine=mysql,le=0.025}": 1,
        "stt_check_duration_seconds_bucket{engine=mysql,le=30}": 1,
        "stt_check_duration_seconds_bucket{engine=mysql,le=1}": 1,
        "stt_check_duration_seconds_bucket{engine=mysql,le=+Inf}": 2,
        "stt_check_duration_seconds_sum{engine=mysql}": 40.02,
        "stt_events_published_total{kind=finding}": 1,
        "stt_event_publish_failures_total{kind=finding}": 0,
        "stt_event_publish_failures_total{kind=summary}": 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    gone = {name for name in found if "site=old" in name}
    assert gone == {"stt_not_checked{engine=mysql,reason=gone,site=old}"}
    assert not [name for name in found if "not_applicable" in name]


async def test_every_metric_of_the_set_is_exported_and_no_other() -> None:
    found = {name.partition("{")[0] for name in await samples(MemoryStore())}
    suffixes = ("_bucket", "_sum", "_count")
    histogram = {f"stt_check_duration_seconds{suffix}" for suffix in suffixes}
    assert found == SPECS.keys() - {"stt_check_duration_seconds"} | histogram


async def test_the_page_serves_them_in_prometheus_own_type() -> None:
    async with visiting() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "stt_enabled 0.0" in answer.text


async def test_a_built_in_library_has_no_pack_to_tell_of() -> None:
    found = await samples(MemoryStore(), pack=None)
    assert not [name for name in found if "pack" in name]


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("stt.v1.event.worker.up.eu", "worker"),
        ("stt.v1.event.run.started", "run"),
        ("stt.v1.summary.site.eu", "summary"),
    ],
)
def test_events_are_counted_by_what_they_are_about(subject: str, kind: str) -> None:
    assert kind_of(subject) == kind
