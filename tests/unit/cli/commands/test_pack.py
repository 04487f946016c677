"""`stt pack`: a folder becomes a signed file that says why it is refused, with the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stt_cli import main
from stt_shared import clock
from stt_shared.pack import minisign, signing
from tests.support.shared import packs

Stt = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Stt:
    """Run a command line in an empty folder; its exit code, stdout and stderr."""
    monkeypatch.setattr(main, "entry_points", lambda **_: ())  # neither half is asked here
    monkeypatch.setattr(clock, "now", lambda: packs.NOW)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = main.run(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return packs.written(tmp_path / "src", packs.files_of("pg_one", "pg_two"))


@pytest.fixture
def signed(stt: Stt, folder: Path) -> Path:
    """A signed pack beside its keys."""
    assert stt("pack", "keygen")[0] == 0
    assert stt("pack", "build", str(folder), "--serial", "7")[0] == 0
    assert stt("pack", "sign", "checks-7.sttpack", "--key", "checks.sec")[0] == 0
    return folder.parent / "checks-7.sttpack"


def test_from_a_folder_to_a_pack_that_verifies(stt: Stt, signed: Path) -> None:
    code, out, err = stt("pack", "verify", signed.name, "--key", "checks.pub")
    key = minisign.parse_public_key(Path("checks.pub").read_text(encoding="utf-8"))
    assert code == 0
    expected = f"valid: checks 7, 2 checks, signed by {key.name}, expires 2027-11-23T12:00:00Z\n"
    assert out == expected
    assert "Trusted comment: stt pack checks serial 7 expires 2027-11-23T12:00:00Z" in err


def test_the_key_may_be_given_as_its_text_or_stand_in_the_settings(
    stt: Stt, signed: Path, tmp_path: Path
) -> None:
    key = minisign.parse_public_key(Path("checks.pub").read_text(encoding="utf-8"))
    assert stt("pack", "verify", signed.name, "--key", key.text)[0] == 0
    config = tmp_path / "worker.toml"
    config.write_text(f'[pack]\nkeys = ["{key.text}"]\n', encoding="utf-8")
    assert stt("pack", "verify", signed.name, "--config", str(config))[0] == 0
    code, _, err = stt("pack", "verify", signed.name)
    assert code == 2
    assert "error: no public key is given" in err


def test_the_same_folder_makes_the_same_bytes(stt: Stt, folder: Path, tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        words = ("--serial", "1", "--created", "2026-11-01", "--to", place)
        assert stt("pack", "build", str(folder), *words)[0] == 0
    one, two = (tmp_path / place / "checks-1.sttpack" for place in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_without_a_serial_later_packs_have_higher_ones(stt: Stt, folder: Path) -> None:
    code, out, _ = stt("pack", "build", str(folder))
    assert (code, out) == (0, f"checks-{int(packs.NOW.timestamp())}.sttpack\n")


def test_a_folder_with_faults_makes_no_pack_and_every_fault_is_reported(
    stt: Stt, folder: Path, tmp_path: Path
) -> None:
    packs.written(
        folder,
        {
            packs.path_of("bad"): packs.BAD_CHECK.encode(),
            "mysql/elsewhere/check.yaml": packs.check_text("pg_three"),
        },
    )
    code, out, err = stt("pack", "build", str(folder))
    assert (code, out) == (2, "")
    assert "unknown field 'colour'" in err
    assert "belongs into postgresql/pg_three/check.yaml" in err
    assert not list(tmp_path.glob("*.sttpack"))


def test_pmms_files_make_a_pack_when_asked_for(stt: Stt, tmp_path: Path) -> None:
    text = packs.check_text("pg_pmm").replace(
        b"family: POSTGRESQL", b"family: POSTGRESQL\n    x: 1"
    )
    packs.written(tmp_path / "pmm", {"pg_pmm.yml": text, "bad.yml": b"checks: [{}]\n"})
    assert stt("pack", "build", "pmm")[0] == 2
    code, out, err = stt("pack", "build", "pmm", "--pmm", "--serial", "1")
    assert (code, out) == (0, "checks-1.sttpack\n")
    assert "warning: check skipped: bad.yml:1" in err
    code, out, err = stt("pack", "show", "checks-1.sttpack", "-o", "json")
    assert list(json.loads(out)["checks"]) == ["pg_pmm"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data.replace(b"One is", b"All is"), "tampered"),
        (lambda data: data[:-1], "tampered"),
    ],
)
def test_a_changed_pack_is_refused_by_name_with_exit_1(
    stt: Stt, signed: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    signed.write_bytes(change(signed.read_bytes()))
    code, out, err = stt("pack", "verify", signed.name, "--key", "checks.pub")
    assert code == 1
    assert out.startswith(f"rejected: {reason}: ")
    assert err.endswith(f"exit 1: rejected: {reason}\n")


def test_each_refusal_of_a_pack_is_in_the_json_output_too(stt: Stt, signed: Path) -> None:
    other = minisign.format_public_key(signing.make_key().public)
    Path("other.pub").write_text(other, encoding="utf-8")

    def reason(*words: str) -> str:
        code, out, _ = stt("pack", "verify", signed.name, "-o", "json", *words)
        assert code == 1
        return str(json.loads(out)["reason"])

    assert reason("--key", "other.pub") == "unknown_key"
    assert reason("--key", "checks.pub", "--name", "core") == "wrong_name"
    signed.with_name(signed.name + ".minisig").unlink()
    assert reason("--key", "checks.pub") == "unsigned"


def test_a_pack_that_is_past_its_days_is_expired(
    stt: Stt, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stt("pack", "keygen")
    stt("pack", "build", str(folder), "--serial", "1", "--days", "30")
    stt("pack", "sign", "checks-1.sttpack", "--key", "checks.sec")
    monkeypatch.setattr(clock, "now", lambda: packs.EXPIRES)
    code, out, _ = stt("pack", "verify", "checks-1.sttpack", "--key", "checks.pub")
    assert code == 1
    assert out.startswith("rejected: expired: checks 1 expired at 2026-12-23T12:00:00")


def test_the_content_of_a_pack_is_shown_without_a_claim_of_trust(stt: Stt, signed: Path) -> None:
    code, out, err = stt("pack", "show", signed.name)
    assert code == 0
    assert [line.split("\t")[:2] for line in out.splitlines()] == [
        ["CHECK", "TYPE"],
        ["pg_one", "postgresql"],
        ["pg_two", "postgresql"],
    ]
    assert "release data as of 2026-11-01" in err
    assert "claims to be signed by" in err


def test_keys_are_not_overwritten_and_the_secret_is_for_its_owner_alone(stt: Stt) -> None:
    assert stt("pack", "keygen", "--name", "core")[0] == 0
    secret = Path("core.sec")
    text = secret.read_text(encoding="utf-8")
    assert secret.stat().st_mode & 0o777 == 0o600
    code, out, err = stt("pack", "keygen", "--name", "core")
    assert (code, out) == (2, "")
    assert "core.sec exists already" in err
    assert secret.read_text(encoding="utf-8") == text
    _, out, err = stt("pack", "keygen", "--name", "core", "--force")
    assert secret.read_text(encoding="utf-8") != text
    assert text.splitlines()[1] not in out + err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("build", "nowhere"), "no folder of checks at nowhere"),
        (("build", "src", "--name", "Not A Token"), "the name is 'Not A Token', expected 1 to 64"),
        (("build", "src", "--days", "0"), "--days is 0, expected 1 or more"),
        (("build", "src", "--days", "99999999"), "would expire after the year 9999"),
        (("build", "src", "--created", "soon"), "--created is 'soon', expected YYYY-MM-DD"),
        (("build", "src", "--serial", "-1"), "the serial is -1, expected 0 to"),
        (("build", "src", "--to", "nowhere"), "cannot write nowhere/checks-"),
        (("sign", "nothing", "--key", "k"), "cannot read nothing (no such file or directory)"),
        (("sign", "src/releases.yaml", "--key", "k"), "src/releases.yaml is not a pack"),
        (("verify", "src/releases.yaml", "--key", "k"), "'k' is not a public key"),
        (("show", "src"), "cannot read src (is a directory)"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(
    stt: Stt, folder: Path, words: tuple[str, ...], sentence: str
) -> None:
    assert folder.exists()
    code, out, err = stt("pack", *words)
    assert (code, out) == (2, "")
    assert sentence in err


def test_a_key_with_a_password_is_for_minisign_itself(stt: Stt, signed: Path) -> None:
    Path("checks.sec").write_text("untrusted comment: x\nRWRTY0IyAAAA\n", encoding="utf-8")
    code, _, err = stt("pack", "sign", signed.name, "--key", "checks.sec")
    assert code == 2
    assert "checks.sec is not a usable secret key" in err
    assert "minisign -Sm FILE" in err


def test_a_comment_of_two_lines_cannot_be_signed(stt: Stt, signed: Path) -> None:
    code, _, err = stt("pack", "sign", signed.name, "--key", "checks.sec", "--comment", "a\nb")
    assert code == 2
    assert "--comment cannot be signed" in err
