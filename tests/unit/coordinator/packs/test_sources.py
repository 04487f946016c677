"""What a file, a folder of packs and a folder of checks offer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stt_coordinator.packs.sources import HttpsSource, Offer, source_of
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.pack import archive
from stt_shared.pack.transfer import Parcel
from tests.support.coordinator.packs_site import POLICY, STRANGER, local, parcel
from tests.support.shared import packs


def saved(folder: Path, one: Parcel, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(one.data)
    if one.signature is not None:
        path.with_name(name + ".minisig").write_text(one.signature, encoding="utf-8")
    return path


async def test_a_file_is_offered_with_the_signature_beside_it(tmp_path: Path) -> None:
    signed = saved(tmp_path, parcel(3), "a.sttpack")
    bare = saved(tmp_path, parcel(3, None), "b.sttpack")
    assert await local(signed).offer(None) == Offer(parcel=parcel(3))
    assert await local(bare).offer(None) == Offer(parcel=parcel(3, None))
    with pytest.raises(ConfigError, match="cannot read"):
        await local(tmp_path / "none").offer(None)


async def test_of_a_folder_of_packs_the_newest_that_is_believed_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: packs.NOW)
    saved(tmp_path, parcel(9, STRANGER), "checks-9.sttpack")
    saved(tmp_path, parcel(10), "checks-10.sttpack")
    saved(tmp_path, parcel(4), "checks-4.sttpack")
    assert await local(tmp_path).offer(None) == Offer(parcel=parcel(10))


async def test_a_folder_of_checks_is_an_unsigned_pack_with_the_same_bytes_at_any_time(
    tmp_path: Path,
) -> None:
    packs.written(tmp_path, packs.files_of("pg_one"))
    first, second = await local(tmp_path).offer(None), await local(tmp_path).offer(None)
    assert first == second
    assert first.unsigned
    assert first.parcel.signature is None
    manifest = archive.decode(first.parcel.data).manifest
    assert (manifest.name, manifest.serial, manifest.lenient) == ("checks", 0, False)


async def test_a_folder_of_pmms_files_is_read_as_such(tmp_path: Path) -> None:
    packs.written(tmp_path, {"pg_one.yml": packs.check_text()})
    offer = await local(tmp_path).offer(None)
    assert archive.decode(offer.parcel.data).manifest.lenient


@pytest.mark.parametrize("make", [lambda _: None, lambda folder: folder.mkdir()])
async def test_a_place_without_checks_says_so(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    with pytest.raises(ConfigError, match="x"):
        await local(tmp_path / "x").offer(None)


def test_the_setting_tells_an_address_from_a_path() -> None:
    assert source_of("https://host/a.sttpack", POLICY) == HttpsSource(url="https://host/a.sttpack")
    assert source_of("HTTPS://host/a", POLICY) == HttpsSource(url="HTTPS://host/a")
    assert source_of("/etc/stt/packs", POLICY).place == "/etc/stt/packs"
