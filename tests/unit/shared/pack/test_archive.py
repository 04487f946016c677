"""A pack file has one form for its content, and nothing else is taken for a pack."""

from __future__ import annotations

import io
import tarfile
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.pack import archive
from stt_shared.pack.archive import MAX_PACK_BYTES, Pack
from stt_shared.pack.manifest import PackError, encode_manifest
from tests.support.shared import packs

SEGMENT = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,11}", fullmatch=True)
PATHS = (
    st.lists(SEGMENT, min_size=1, max_size=4).map("/".join).filter(lambda p: p != "manifest.json")
)
FILES = st.dictionaries(PATHS, st.binary(max_size=1_500), max_size=8)


@given(
    files=FILES,
    name=st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True),
    serial=st.integers(0, 2**53 - 1),
    days=st.integers(1, 4_000),
    lenient=st.booleans(),
)
def test_every_pack_is_read_back_as_it_was_written(
    files: dict[str, bytes], name: str, serial: int, days: int, *, lenient: bool
) -> None:
    pack = archive.make(
        files,
        name=name,
        serial=serial,
        created=packs.CREATED,
        expires=packs.CREATED + timedelta(days=days),
        lenient=lenient,
    )
    data = archive.encode(pack)
    assert archive.decode(data) == pack
    backwards = archive.make(
        dict(reversed(files.items())),
        name=name,
        serial=serial,
        created=packs.CREATED,
        expires=packs.CREATED + timedelta(days=days),
        lenient=lenient,
    )
    assert archive.encode(backwards) == data, "the order of files changes nothing"


@given(place=st.integers(0, 10_239), turn=st.integers(1, 255))
def test_any_changed_byte_makes_it_no_pack(place: int, turn: int) -> None:
    data = bytearray(archive.encode(packs.make()))
    data[place] ^= turn
    try:
        found = archive.decode(bytes(data))
    except PackError:
        return
    # The only bytes not fixed by others are the manifest's own: another pack, then, never the same.
    assert found.manifest != packs.make().manifest


@given(data=st.binary(max_size=3_000))
def test_no_bytes_raise_anything_but_pack_error(data: bytes) -> None:
    with pytest.raises(PackError):
        archive.decode(data)


def test_the_bytes_hold_nothing_of_the_machine_that_made_them() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive.encode(packs.make()))) as tar:
        for entry in tar:
            assert (entry.uid, entry.gid, entry.mtime, entry.uname) == (0, 0, 0, "")
        assert tar.getnames() == ["manifest.json", "postgresql/pg_one/check.yaml", "releases.yaml"]


def tar_of(**entries: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
        known = encode_manifest(packs.make({}).manifest)
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(known)
        tar.addfile(entry, io.BytesIO(known))
        for one in entries.values():
            tar.addfile(one)
    return out.getvalue()


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "/etc/passwd"
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        link("a", tarfile.SYMTYPE),
        link("a", tarfile.LNKTYPE),
        link("a", tarfile.FIFOTYPE),
        link("a", tarfile.DIRTYPE),
        tarfile.TarInfo("../a"),
        tarfile.TarInfo("/a"),
    ],
)
def test_links_devices_and_ways_out_of_the_folder_are_no_part_of_a_pack(
    entry: tarfile.TarInfo,
) -> None:
    assert archive.decode(tar_of()) == packs.make({})
    with pytest.raises(PackError):
        archive.decode(tar_of(entry=entry))


@pytest.mark.parametrize(
    "path", ["../a", "/a", "a//b", "a/", ".hidden", "a/../b", "a b", "é", "a\0b", "x" * 101, ""]
)
def test_no_pack_is_made_with_a_path_that_could_leave_its_folder(path: str) -> None:
    with pytest.raises(PackError, match="path"):
        packs.make({path: b""})


def test_no_pack_is_made_that_nobody_would_take() -> None:
    with pytest.raises(PackError, match="expected 1 to 64"):
        packs.make(name="Not A Token")
    with pytest.raises(PackError, match="serial is -1"):
        packs.make(serial=-1)
    with pytest.raises(PackError, match="reserved"):
        packs.make({"manifest.json": b""})
    with pytest.raises(PackError, match="files, the limit"):
        packs.make({f"f{n}": b"" for n in range(10_001)})
    with pytest.raises(PackError, match="expires before"):
        archive.make({}, name="a", serial=1, created=packs.CREATED, expires=packs.CREATED)


def test_a_pack_over_the_limit_is_neither_written_nor_read() -> None:
    large: Pack = packs.make({"a": bytes(MAX_PACK_BYTES)})
    with pytest.raises(PackError, match="the limit is 16777216"):
        archive.encode(large)
    with pytest.raises(PackError, match="the limit is 16777216"):
        archive.decode(bytes(MAX_PACK_BYTES + 1))


def test_a_pack_of_a_newer_form_says_so() -> None:
    data = archive.encode(packs.make()).replace(b"stt.pack/v1", b"stt.pack/v2")
    with pytest.raises(PackError, match=r"stt\.pack/v2"):
        archive.decode(data)
