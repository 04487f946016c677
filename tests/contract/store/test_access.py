"""What every store guarantees of sessions, failed log-ins and the key of forms."""

from __future__ import annotations

from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.access import MAX_FAILURES, MAX_SESSIONS, StoredSession
from tests.support.coordinator.store_rows import HOUR, NOW


def session(name: str, ends_h: int = 1) -> StoredSession:
    return StoredSession(name, f"token of {name}", NOW + ends_h * HOUR)


async def test_a_session_is_known_until_it_is_dropped_or_another_begins_after_its_end(
    store: Store,
) -> None:
    await store.transact(lambda ledger: ledger.access.add_session(session("a"), NOW))
    await store.transact(lambda ledger: ledger.access.add_session(session("b", 2), NOW))
    assert await store.read(lambda ledger: ledger.access.session("a")) == session("a")
    assert await store.read(lambda ledger: ledger.access.session("c")) is None
    await store.transact(lambda ledger: ledger.access.add_session(session("c", 9), NOW + HOUR))
    assert await store.read(lambda ledger: ledger.access.session("a")) is None
    for _ in range(2):
        await store.transact(lambda ledger: ledger.access.drop_session("b"))
    assert await store.read(lambda ledger: ledger.access.session("b")) is None
    assert await store.read(lambda ledger: ledger.access.session("c")) == session("c", 9)


async def test_of_too_many_sessions_the_oldest_makes_room(store: Store) -> None:
    def begin(ledger: Ledger) -> None:
        for number in range(MAX_SESSIONS):
            ledger.access.add_session(session(f"s{number}", MAX_SESSIONS - number), NOW)

    await store.transact(begin)
    assert await store.read(lambda ledger: ledger.access.session("s0")) is not None
    await store.transact(lambda ledger: ledger.access.add_session(session("last"), NOW))
    assert await store.read(lambda ledger: ledger.access.session("s0")) is None
    assert await store.read(lambda ledger: ledger.access.session("s1")) is not None


async def test_failed_log_ins_are_kept_in_order_and_only_the_newest(store: Store) -> None:
    def fail(ledger: Ledger) -> None:
        for number in range(MAX_FAILURES + 3):
            ledger.access.add_failure(NOW + number * HOUR, f"10.0.0.{number}")

    await store.transact(fail)
    found = await store.read(lambda ledger: ledger.access.failures(NOW - HOUR))
    assert len(found) == MAX_FAILURES
    assert found[0] == (NOW + 3 * HOUR, "10.0.0.3")
    newest = NOW + (MAX_FAILURES + 1) * HOUR
    last = await store.read(lambda ledger: ledger.access.failures(newest))
    assert last == [(newest + HOUR, f"10.0.0.{MAX_FAILURES + 2}")]


async def test_the_key_of_forms_is_the_one_that_was_put_last(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.access.form_key()) == ""
    for key in ("first", "second"):
        await store.transact(lambda ledger, key=key: ledger.access.put_form_key(key))  # type: ignore[misc]  # bound now
        assert await store.read(lambda ledger: ledger.access.form_key()) == key
