"""`stt nats config`: what it prints, where secrets go, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_cli.accounts import files, keys
from stt_cli.accounts.keys import Kind
from stt_cli.main import run
from stt_shared.errors import ConfigError

WORKER = ("--site", "eu", "--worker", "w1", "--families", "mysql,postgresql")


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(["nats", "config", *words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("form", ["conf", "jwt"])
def test_no_secret_reaches_the_terminal_and_only_its_owner_reads_its_file(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--stt", *WORKER, "--people", "--format", form, "--keys", str(tmp_path))
    code, out, err = printed(capsys, *words)
    assert code == 0
    assert list(tmp_path.iterdir())
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        for seed in (line for line in path.read_text().split() if line.startswith("S")):
            assert seed not in out + err


def test_printing_again_changes_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = printed(capsys, *WORKER, "--keys", str(tmp_path))
    assert printed(capsys, *WORKER, "--keys", str(tmp_path)) == first


def test_credentials_that_exist_are_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--stt", "--format", "jwt", "--keys", str(tmp_path))
    assert printed(capsys, *words)[0] == 0
    code, _, err = printed(capsys, *words)
    assert code == 2
    assert "exists already" in err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), "nothing to print"),
        (("--site", "eu"), "--worker is missing"),
        (("--site", "eu", "--worker", "w.1", "--families", "mysql"), "--worker is 'w.1'"),
        (("--site", "eu", "--worker", "w1"), "--families is missing"),
        (("--stt", "--leaf", "nats-leaf://h"), "--leaf is for a worker"),
        (
            (*WORKER, "--leaf", "nats-leaf://h", "--format", "jwt"),
            "--leaf with --format jwt needs --operator-key",
        ),
        (("--stt", "--operator"), "--operator is for --stt, in --format jwt"),
        ((*WORKER, "--operator", "--format", "jwt"), "--operator is for --stt, in"),
        ((*WORKER, "--format", "jwt"), "STT.account.nk is missing"),
        (("--stt", "--format", "jwt", "--valid-days", "-1"), "--valid-days is -1"),
        (("--stt", "--format", "jwt", "--operator-key", "/nonexistent"), "/nonexistent is missing"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    words: tuple[str, ...], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = printed(capsys, *words, "--keys", str(tmp_path))
    assert (code, out) == (2, "")
    assert fault in err


@pytest.mark.parametrize("text", ["", "SU", "x" * 58, "account"])
def test_a_file_that_holds_no_seed_of_a_user_is_refused(text: str, tmp_path: Path) -> None:
    path, other = tmp_path / "STT.nk", keys.new(Kind.ACCOUNT).seed
    path.write_text(other if text == "account" else text)
    with pytest.raises(ConfigError) as caught:
        files.key_of(path, Kind.USER)
    assert other not in caught.value.message
