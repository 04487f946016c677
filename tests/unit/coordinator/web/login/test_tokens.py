"""The file of tokens: hashes alone, wrong lines refused, and spoiled it lets nobody in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stt_cli import main
from stt_coordinator.web.login.tokens import TokenFile, digest_of, new_token, parse_tokens
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Role
from tests.support.coordinator.visitors import (
    tokens_in,
)


def test_a_file_that_is_spoiled_or_gone_lets_nobody_in_until_it_is_right(file: Path) -> None:
    token = tokens_in(file, ann=Role.VIEWER)["ann"]
    tokens, good = TokenFile(file), file.read_text()
    assert tokens.holder(token) is not None
    file.write_text(good + "bob viewer\n")
    assert tokens.holder(token) is None
    file.write_text(good)
    assert tokens.holder(token) is not None
    file.unlink()
    assert tokens.holder(token) is None
    file.write_text(good)
    file.chmod(0o600)
    assert tokens.holder(token) is not None
    file.chmod(0o604)
    assert tokens.holder(token) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ann viewer", ":1: 2 words, expected NAME ROLE sha256:HASH"),
        ("ann root sha256:" + "0" * 64, ":1: the role is not one of viewer, operator, admin"),
        ("\nann viewer stt_secret-token", ":2: the hash is not sha256: and 64 digits"),
        ("a/b viewer sha256:" + "0" * 64, ":1: the name is invalid, expected letters"),
        ("ann viewer sha256:{0}\nbob admin sha256:{0}".format("0" * 64), "listed twice"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_without_its_words(
    text: str, fault: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_tokens(text, tmp_path)
    assert fault in caught.value.message
    assert "secret-token" not in caught.value.message


@pytest.mark.parametrize("mode", [0o644, 0o602])
def test_a_file_that_is_open_to_everybody_is_refused(file: Path, mode: int) -> None:
    tokens_in(file, ann=Role.VIEWER)
    file.chmod(mode)
    with pytest.raises(ConfigError, match="gives everybody access"):
        TokenFile(file)


def test_a_token_is_never_the_same_and_the_file_has_only_its_hash() -> None:
    (one, line), (other, _) = new_token("ann", Role.VIEWER), new_token("ann", Role.VIEWER)
    assert one != other
    assert len(one) > 40
    assert line == f"ann viewer sha256:{digest_of(one)}"
    with pytest.raises(ConfigError, match="expected letters"):
        new_token("an n", Role.VIEWER)


def test_the_command_prints_the_line_for_the_file_and_the_token_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["web", "token", "new", "ann", "--role", "operator"]) == 0
    reported = capsys.readouterr()
    (one,) = parse_tokens(reported.out, Path("tokens"))
    assert (one.name, one.role) == ("ann", Role.OPERATOR)
    token = re.search(r"stt_[\w-]{43}", reported.err)
    assert token is not None
    assert digest_of(token[0]) == one.digest
    assert main.run(["web", "token", "new", "a b"]) == 2
