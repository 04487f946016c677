"""A check that never ran counts as not checked, in a count as in a list of outcomes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.control.queries.report import latest_outcomes
from stt_coordinator.domain.coverage import enabled_checks, never_run
from stt_coordinator.domain.model import Pair
from stt_coordinator.domain.reported import result_of_pair
from stt_coordinator.domain.summary import counts
from stt_coordinator.store.memory.store import memory_ledger
from stt_coordinator.store.memory.tables import Tables
from stt_shared.protocol.enums import Family, Kind
from stt_shared.report.counts import is_whole, of_results
from tests.support.coordinator.store_rows import check, pair, target

CHECKS = ("c1", "c2", "c3")
NAMES = ("t1", "t2", "t3")
STATES = st.fixed_dictionaries(
    {name: st.tuples(st.booleans(), st.sets(st.sampled_from(CHECKS))) for name in NAMES}
)


def test_a_new_target_whose_first_slot_ran_one_of_many_checks_is_not_whole() -> None:
    tables = Tables()
    ledger = memory_ledger(tables)
    ledger.fleet.replace_checks(check(f"c{number:02}") for number in range(43))
    ledger.fleet.put_targets([target("t1", learned=True)])
    ledger.outcomes.put([pair("t1", "c00")])
    found = counts(ledger.counts.tallies())
    assert (found.passed, found.not_checked, is_whole(found)) == (1, 42, False)
    ledger.outcomes.put(pair("t1", f"c{number:02}") for number in range(43))
    assert is_whole(counts(ledger.counts.tallies()))


def test_only_enabled_checks_of_the_family_are_wanted() -> None:
    checks = enabled_checks([check("c1"), check("c2", enabled=False)])
    wanted = [("t1", Family.MYSQL, 1), ("t2", Family.MONGODB, 1)]
    assert never_run(wanted, checks, {}) == {"t1": 1}
    assert never_run(wanted, checks, {"t1": 1}) == {}


@given(STATES)
def test_count_and_list_agree_whatever_ran_and_whatever_is_gone(
    states: dict[str, tuple[bool, set[str]]],
) -> None:
    ledger = memory_ledger(Tables())
    ledger.fleet.replace_checks([check(name) for name in CHECKS])
    ledger.fleet.put_targets(target(name, gone=gone) for name, (gone, _) in states.items())
    ledger.outcomes.put(pair(name, one) for name, (_, ran) in states.items() for one in ran)
    listed: list[Pair] = []
    is_last = False
    while not is_last:
        after = (listed[-1].target, listed[-1].check) if listed else ("", "")
        more, is_last = latest_outcomes(ledger, after)
        listed += more
    assert [(one.target, one.check) for one in listed] == [(t, c) for t in NAMES for c in CHECKS]
    counted = counts(ledger.counts.tallies())
    missing = [one for one in listed if one.kind in (Kind.NOT_RUN, Kind.GONE)]
    assert counted.not_checked == len(missing)
    assert counted.gone == len({one.target for one in missing if one.kind is Kind.GONE})
    reported = of_results(result_of_pair(one, ()) for one in listed)
    for number in ("passed", "not_checked", "targets", "gone"):
        assert getattr(counted, number) == getattr(reported, number)
