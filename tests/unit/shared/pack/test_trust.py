"""A worker believes a pack only for the right reasons; each other one is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stt_shared.errors import ConfigError
from stt_shared.identity import digest
from stt_shared.pack import archive, load
from stt_shared.pack.accepted_serials import FILE, Serials, write_safely
from stt_shared.pack.trust import Accepted, Policy, Reason, Refused, verify
from tests.support.shared import packs

SIGNER, STRANGER = packs.Signer(), packs.Signer()
POLICY = Policy(keys=(SIGNER.key.public,), name="checks")
DATA, SIGNATURE = SIGNER.signed(packs.make(serial=3))


def reason(verdict: Accepted | Refused) -> Reason | None:
    return verdict.reason if isinstance(verdict, Refused) else None


@pytest.mark.parametrize("prehashed", [True, False])
def test_a_pack_signed_by_a_pinned_key_is_accepted_in_both_kinds(*, prehashed: bool) -> None:
    signature = SIGNER.signature(DATA, prehashed=prehashed)
    found = verify(DATA, signature, POLICY, now=packs.NOW, last_serial=3)
    assert found == Accepted(
        pack=packs.make(), digest=digest(DATA), key=SIGNER.key.public.name, comment="a pack"
    )


def tampered() -> tuple[bytes, str]:
    return DATA.replace(b"One is wrong", b"All is right"), SIGNATURE


def comment_changed() -> tuple[bytes, str]:
    return DATA, SIGNATURE.replace("a pack", "A pack")


def stranger() -> tuple[bytes, str]:
    return STRANGER.signed(packs.make())


def key_id_forged() -> tuple[bytes, str]:
    public = replace(STRANGER.key.public, id=SIGNER.key.public.id)
    return packs.Signer(key=replace(STRANGER.key, public=public)).signed(packs.make())


def retargeted() -> tuple[bytes, str]:
    return SIGNER.signed(packs.make(name="other"))


def rolled_back() -> tuple[bytes, str]:
    return SIGNER.signed(packs.make(serial=2))


def no_pack() -> tuple[bytes, str]:
    return b"no pack", SIGNER.signature(b"no pack")


def no_signature() -> tuple[bytes, str]:
    return DATA, "no signature"


Offer = Callable[[], tuple[bytes, str]]


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        (tampered, Reason.TAMPERED),
        (comment_changed, Reason.TAMPERED),
        (key_id_forged, Reason.TAMPERED),
        (stranger, Reason.UNKNOWN_KEY),
        (retargeted, Reason.WRONG_NAME),
        (rolled_back, Reason.ROLLED_BACK),
        (no_pack, Reason.MALFORMED),
        (no_signature, Reason.MALFORMED),
    ],
)
def test_each_wrong_pack_is_refused_by_its_own_name(offer: Offer, expected: Reason) -> None:
    data, signature = offer()
    for policy in (POLICY, replace(POLICY, allow_unsigned=True)):
        found = verify(data, signature, policy, now=packs.NOW, last_serial=3)
        assert reason(found) is expected
        assert str(found).startswith(f"untrusted pack: {expected}: ")


def test_a_pack_is_accepted_until_the_instant_it_expires() -> None:
    just_before = packs.EXPIRES - timedelta(microseconds=1)
    assert reason(verify(DATA, SIGNATURE, POLICY, now=just_before, last_serial=0)) is None
    at = verify(DATA, SIGNATURE, POLICY, now=packs.EXPIRES, last_serial=0)
    assert reason(at) is Reason.EXPIRED
    assert "checks 3 expired at 2027-11-01" in str(at)


def test_without_a_pinned_key_no_pack_is_accepted() -> None:
    nobody = replace(POLICY, keys=())
    found = verify(DATA, SIGNATURE, nobody, now=packs.NOW, last_serial=0)
    assert reason(found) is Reason.UNKNOWN_KEY
    assert "trusted keys: none" in str(found)


def test_while_keys_are_exchanged_either_is_believed() -> None:
    both = replace(POLICY, keys=(STRANGER.key.public, SIGNER.key.public))
    for signer in (SIGNER, STRANGER):
        data, signature = signer.signed(packs.make())
        assert reason(verify(data, signature, both, now=packs.NOW, last_serial=0)) is None


def test_an_unsigned_pack_is_taken_only_where_it_is_allowed() -> None:
    found = verify(DATA, None, POLICY, now=packs.NOW, last_serial=0)
    assert reason(found) is Reason.UNSIGNED
    allowing = replace(POLICY, allow_unsigned=True, name="another")
    taken = verify(DATA, None, allowing, now=packs.EXPIRES, last_serial=99)
    assert isinstance(taken, Accepted)
    assert taken.key == ""
    assert reason(verify(b"", None, allowing, now=packs.NOW, last_serial=0)) is Reason.MALFORMED


def test_one_bad_check_hides_no_other_of_its_pack() -> None:
    files = packs.files_of("pg_one", "pg_two") | {packs.path_of("bad"): packs.BAD_CHECK.encode()}
    found = load.load(packs.make(files))
    assert list(found.checks) == ["pg_one", "pg_two"]
    assert found.as_of == "2026-11-01"
    assert {fault.source for fault in found.faults} == {"postgresql/bad/check.yaml"}
    assert "unknown field 'colour'" in str(found.faults[0]) + str(found.faults)


def test_a_pack_without_any_check_file_is_empty_and_says_why() -> None:
    found = load.load(packs.make({"readme.txt": b""}))
    assert not found.checks
    assert str(found.faults[0]) == "checks 3:1: no check files in the pack"


def test_a_check_has_the_same_digest_in_a_folder_and_in_a_pack(tmp_path: Path) -> None:
    from stt_shared.checkfile import catalogue  # noqa: PLC0415  # only here

    files = packs.files_of("pg_one")
    in_folder = catalogue.load(packs.written(tmp_path, files), strict=True)
    in_pack = load.load(archive.decode(archive.encode(packs.make(files))))
    assert in_folder.checks == in_pack.checks


def test_the_last_serial_outlives_the_process(tmp_path: Path) -> None:
    serials = Serials(tmp_path / "state")
    assert serials.last("checks") == 0
    for serial in (3, 7, 5):
        serials.accept("checks", serial)
    serials.accept("other", 1)
    again = Serials(tmp_path / "state")
    assert (again.last("checks"), again.last("other"), again.last("new")) == (7, 1, 0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"checks": "x"}', b"\xff"])
def test_serials_that_cannot_be_read_are_no_reason_to_forget_them(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=FILE):
        Serials(tmp_path)


def test_a_serial_that_cannot_be_written_is_not_accepted(tmp_path: Path) -> None:
    serials = Serials(tmp_path / "state")
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="state"):
        serials.accept("checks", 3)
    assert serials.last("checks") == 0


def test_a_file_is_replaced_as_a_whole_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    for content in (b"one", b"two"):
        write_safely(path, content)
        assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
