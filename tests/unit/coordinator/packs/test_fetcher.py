"""The coordinator plans with the newest pack that it could fetch and believe, and says which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.packs import cache
from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.https import FetchError, Version
from stt_coordinator.packs.sources import HttpsSource, Offer
from stt_shared import clock
from stt_shared.errors import ConfigError, SttError, UnreachableError
from stt_shared.pack import transfer
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol import subjects
from tests.support.coordinator.packs_site import (
    BUILT_IN,
    POLICY,
    SIGNER,
    STRANGER,
    FetcherSite,
    local,
    parcel,
)
from tests.support.shared import packs


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FetcherSite:
    monkeypatch.setattr(clock, "now", lambda: packs.NOW)
    made = FetcherSite(folder=tmp_path)
    await made.start()
    return made


async def test_a_fetched_pack_is_planned_with_and_lies_on_nats_for_the_workers(
    site: FetcherSite,
) -> None:
    await site.library.fetch()
    status = site.library.status
    assert status is not None
    assert (status.name, status.serial, status.checks) == ("checks", 3, 1)
    assert (status.key, status.source) == (SIGNER.key.public.name, "a test")
    assert site.library.pack == parcel().digest
    assert list(site.library.catalogue.checks) == ["pg_one"]
    assert subjects.pack(site.library.pack) in site.on_nats
    assert site.library.troubles == ()


BAD: dict[str, Callable[[], Offer | SttError]] = {
    "host is down": lambda: FetchError("host is down"),
    "cannot read": lambda: ConfigError("cannot read it"),
    "untrusted pack: unsigned": lambda: Offer(parcel=parcel(4, None)),
    "untrusted pack: unknown_key": lambda: Offer(parcel=parcel(4, STRANGER)),
    "untrusted pack: wrong_name": lambda: Offer(parcel=parcel(4, name="other")),
    "untrusted pack: rolled_back": lambda: Offer(parcel=parcel(2)),
    "untrusted pack: tampered": lambda: Offer(
        parcel=replace(parcel(4), data=parcel(4).data + b"\0")
    ),
}


@pytest.mark.parametrize("why", BAD)
async def test_a_failed_fetch_keeps_the_last_good_pack_and_says_so(
    site: FetcherSite, why: str
) -> None:
    await site.library.fetch()
    site.source.what = BAD[why]()
    await site.library.fetch()
    assert site.serial == 3
    first, second = site.library.troubles
    assert first.startswith(f"no newer pack from a test: {why}")
    assert second == "pack checks 3 of 2026-11-23T12:00:00.000000Z stays in use"
    site.source.what = Offer(parcel=parcel(5))
    await site.library.fetch()
    assert (site.serial, site.library.troubles) == (5, ())


async def test_the_last_good_pack_is_there_after_a_restart_without_its_source(
    site: FetcherSite,
) -> None:
    await site.library.fetch()
    site.source.what = FetchError("host is down")
    site.restart()
    fetched = len(site.source.known)
    await site.library.begin()
    assert (site.serial, len(site.source.known)) == (3, fetched)
    await site.library.fetch()
    assert site.serial == 3


async def test_no_restart_lets_an_older_pack_in(site: FetcherSite) -> None:
    site.source.what = Offer(parcel=parcel(7))
    await site.library.fetch()
    (site.folder / cache.FILE).unlink()
    site.source.what = Offer(parcel=parcel(6))
    site.restart()
    await site.library.begin()
    assert site.serial == 0
    assert "rolled_back: its serial is 6, the last accepted was 7" in site.library.troubles[0]


async def test_a_kept_pack_whose_key_is_pinned_no_more_is_not_taken_up(site: FetcherSite) -> None:
    site.source.what = Offer(parcel=parcel(7))
    await site.library.fetch()
    site.restart()
    site.fetcher._policy = replace(POLICY, keys=(STRANGER.key.public,))
    site.source.what = FetchError("host is down")
    await site.library.begin()
    assert site.serial == 0


@pytest.mark.parametrize("content", [b"", b"\xff", b"\x80"])
async def test_what_was_kept_and_cannot_be_read_is_fetched_again(
    site: FetcherSite, content: bytes
) -> None:
    (site.folder / cache.FILE).write_bytes(content)
    await site.library.begin()
    assert (site.serial, len(site.source.known)) == (3, 1)


async def test_what_was_kept_of_another_place_is_not_taken_for_this_one(site: FetcherSite) -> None:
    await site.library.fetch()
    site.source.place = "another"
    site.source.what = FetchError("host is down")
    site.restart()
    await site.library.begin()
    assert site.serial == 0


async def test_without_any_pack_the_checks_of_the_installation_are_used_and_that_is_reported(
    site: FetcherSite,
) -> None:
    site.source.what = FetchError("host is down")
    await site.library.begin()
    assert site.library.catalogue is BUILT_IN
    assert (site.library.pack, site.library.status) == ("", None)
    assert site.library.troubles == (
        "no newer pack from a test: host is down",
        "no pack has been fetched yet: the built-in checks are used",
    )


async def test_a_source_gets_the_known_state_so_that_nothing_is_sent_again(
    site: FetcherSite,
) -> None:
    site.source.what = offer = Offer(parcel=parcel(), version=Version(etag='"1"'))
    await site.library.fetch()
    site.restart()
    await site.library.begin()
    await site.library.fetch()
    assert site.source.known == [None, offer]


async def test_a_pack_that_nats_has_lost_is_put_there_again(site: FetcherSite) -> None:
    await site.library.fetch()
    site.broker.streams[subjects.STREAM_PACKS].messages.clear()
    site.source.what = FetchError("host is down")
    await site.library.fetch()
    found = await transfer.get(site.broker.connect(), site.library.pack)
    assert found == parcel()


async def test_while_nats_does_not_take_the_pack_no_run_is_planned(site: FetcherSite) -> None:
    site.broker.down = True
    with pytest.raises(UnreachableError):
        await site.library.fetch()


async def test_a_pack_that_ends_soon_or_has_ended_is_reported(
    site: FetcherSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.library.fetch()
    monkeypatch.setattr(clock, "now", lambda: packs.EXPIRES - timedelta(days=14))
    assert site.library.troubles == ("pack checks 3 expires at 2027-11-01T00:00:00.000000Z",)
    monkeypatch.setattr(clock, "now", lambda: packs.EXPIRES)
    assert "workers refuse it" in site.library.troubles[0]
    site.restart()
    await site.library.begin()
    assert site.serial == 3, "what was known of its checks is not thrown away"


async def test_a_bad_check_of_a_pack_is_named_and_hides_no_other(site: FetcherSite) -> None:
    files = packs.files_of("pg_one") | {packs.path_of("bad"): packs.BAD_CHECK.encode()}
    data, signature = SIGNER.signed(packs.make(files))
    site.source.what = Offer(parcel=Parcel(data=data, signature=signature))
    await site.library.fetch()
    assert list(site.library.catalogue.checks) == ["pg_one"]
    (trouble,) = site.library.troubles
    assert trouble.startswith("left out of pack checks 3: postgresql/bad/check.yaml:")


async def test_a_pack_that_cannot_be_kept_is_not_used(
    site: FetcherSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "write_safely", full)
    await site.library.fetch()
    assert site.serial == 0
    assert "it cannot be cached (no space left on device)" in site.library.troubles[0]


async def test_an_unsigned_folder_is_planned_with_and_shown_as_unsigned(
    site: FetcherSite, tmp_path: Path
) -> None:
    folder = packs.written(tmp_path / "src", packs.files_of("pg_one", "pg_two"))
    fetcher = PackFetcher(
        bus=site.broker.connect(),
        source=local(folder),
        policy=POLICY,
        serials=Serials(tmp_path),
        folder=tmp_path,
    )
    await fetcher.fetch()
    assert fetcher.current is not None
    status = fetcher.current.status
    assert (status.key, status.checks, status.expires) == ("", 2, None)
    assert fetcher.troubles(packs.NOW) == ()


async def test_a_run_by_hand_looks_again_only_where_that_costs_nothing(site: FetcherSite) -> None:
    await site.library.refresh_if_local()
    assert site.source.known == []
    site.source.is_local = True
    await site.library.refresh_if_local()
    assert site.serial == 3
    assert [local(Path()).is_local, HttpsSource(url="").is_local] == [True, False]
