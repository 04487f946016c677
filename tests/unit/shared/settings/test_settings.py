"""Settings come from flag, environment, file, default, in this order; all faults are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared import settings
from stt_shared.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    path = written(
        tmp_path, '[nats]\nurl = "nats://file:1"\ntimeout_s = 7\n[worker]\nsite = "eu"\n'
    )
    environ = {"STT_NATS_URL": "nats://env:1", "STT_WORKER_SITE": "us"}
    found = settings.load(flags={"worker.site": "asia"}, environ=environ, path=path)
    assert (found.nats.url, found.nats.timeout_s) == ("nats://env:1", 7.0)
    assert (found.worker.site, found.worker.concurrency) == ("asia", 8)
    assert found.origins["nats.url"] == "environment STT_NATS_URL"
    assert found.origins["nats.timeout_s"] == f"{path}:3"
    assert "worker.concurrency" not in found.origins


def test_every_fault_is_reported_at_once_with_key_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, '[nats]\nulr = "x"\n[worker]\nconcurrency = 0\n[wroker]\na = 1\n')
    with pytest.raises(ConfigError) as caught:
        settings.load(flags={"log.level": "loud"}, environ={}, path=path)
    text = str(caught.value)
    assert f"{path}:2: unknown setting 'nats.ulr', did you mean 'nats.url'?" in text
    assert f"{path}:4: worker.concurrency is 0, expected 1 to 256" in text
    assert f"{path}:5: unknown setting 'wroker', did you mean 'worker'?" in text
    assert "log.level is 'loud', expected one of debug, info, warning, error" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"[nats", "is not valid TOML"), (b"\xff\xfe", "not utf-8"), (None, "no such file")],
)
def test_an_unreadable_file_is_named_with_its_reason(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        settings.load(flags={}, environ={}, path=path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


def test_a_wrong_type_is_a_fault_and_text_of_the_environment_becomes_a_number(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, '[worker]\nconcurrency = "eight"\n')
    with pytest.raises(
        ConfigError, match="concurrency is 'eight', expected a whole number, 1 to 2"
    ):
        settings.load(flags={}, environ={}, path=path)
    found = settings.load(flags={}, environ={"STT_WORKER_CONCURRENCY": "3"})
    assert found.worker.concurrency == 3


def test_a_variable_ending_in_file_names_a_file_with_the_value(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cr=t\n", encoding="utf-8")
    environ = {"STT_NATS_PASSWORD_FILE": str(secret), "STT_NATS_USER": "stt"}
    assert settings.load(flags={}, environ=environ).nats.password == "s3cr=t"
    with pytest.raises(ConfigError, match="STT_NATS_PASSWORD_FILE: cannot read"):
        settings.load(flags={}, environ={"STT_NATS_PASSWORD_FILE": str(tmp_path / "none")})


def test_the_variable_of_other_nats_tools_is_understood_where_ours_is_unset() -> None:
    assert settings.load(flags={}, environ={"NATS_URL": "nats://a:1"}).nats.url == "nats://a:1"
    both = {"NATS_URL": "nats://a:1", "STT_NATS_URL": "nats://b:1"}
    assert settings.load(flags={}, environ=both).nats.url == "nats://b:1"


def test_data_lives_where_it_is_configured_then_where_systemd_says_then_in_the_state_folder() -> (
    None
):
    assert settings.state_dir("/data", "worker", {}) == Path("/data")
    systemd = {"STATE_DIRECTORY": "/var/lib/stt:/x"}
    assert settings.state_dir("", "worker", systemd) == Path("/var/lib/stt/worker")
    assert settings.state_dir("", "worker", {}).parts[-2:] == ("stt", "worker")


@pytest.mark.parametrize("url", ["", "http://a:1", "nats://", "nats://a:1,,", "a b"])
def test_an_address_that_is_none_of_nats_is_a_fault(url: str) -> None:
    with pytest.raises(ConfigError, match=r"nats\.url is .* expected nats://HOST:PORT"):
        settings.load(flags={}, environ={"STT_NATS_URL": url})


@pytest.mark.parametrize("url", ["nats://a:1", "tls://a.example:4222, nats://b", "localhost:4222"])
def test_addresses_of_nats_are_taken_as_they_are_written(url: str) -> None:
    assert settings.load(flags={}, environ={"STT_NATS_URL": url}).nats.url == url


PUBLIC = "RWScSHTHNWkBrWx4OfuV1SwKgnNHSGXkXWHc7VgmQckCl5ZDNB/bBI54"


def test_a_list_is_a_list_in_the_file_and_separated_by_commas_in_the_environment(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, f'[pack]\nkeys = ["{PUBLIC}"]\n')
    assert settings.load(flags={}, environ={}, path=path).pack.keys == (PUBLIC,)
    environ = {"STT_PACK_KEYS": f"{PUBLIC}, {PUBLIC},", "STT_WORKER_ALLOW_UNSIGNED": "true"}
    found = settings.load(flags={}, environ=environ, path=path)
    assert found.pack.keys == (PUBLIC, PUBLIC)
    assert found.worker.allow_unsigned


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('keys = ["abc"]', "'abc' is not a minisign public key: the public key is not base64"),
        (
            'keys = ["RWSc"]',
            "'RWSc' is not a minisign public key: the public key has 3 bytes,",
        ),
        ('name = "Not A Token"', "pack.name is 'Not A Token', expected 1 to 64"),
        ('source = "http://host/pack"', "expected built-in, the path of a folder or file, or"),
        ('source = "ftp://host/pack"', "expected built-in, the path of a folder or file, or"),
        ('source = "https://u:p@host/pack"', "expected an address without user and password"),
        ('source = ""', "expected built-in, a path, or an https:// address"),
    ],
)
def test_a_pack_is_never_fetched_in_the_clear_nor_believed_by_a_broken_key(
    tmp_path: Path, text: str, fault: str
) -> None:
    path = written(tmp_path, f"[pack]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        settings.load(flags={}, environ={}, path=path)
    assert f"{path}:2: pack." in str(caught.value)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alerts.alertmanager", ("http://am:9093", "https://am.example/prefix")),
        ("alerts.webhook", "https://hooks.example/services/T0/B0"),
        ("alerts.webhook", "http://127.0.0.1:8080/"),
        ("alerts.smtp", "mail.example:587"),
        ("alerts.mail_to", ("dba@example.com", "on-call+stt@example.com")),
    ],
)
def test_addresses_of_alerts_that_can_be_are_taken(name: str, value: object) -> None:
    found = settings.load(flags={name: value}, environ={}, path=None)
    assert getattr(found.alerts, name.partition(".")[2]) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alerts.severity", "warning"),
        ("alerts.alertmanager", ("http://user:secret@am:9093",)),
        ("alerts.alertmanager", ("am:9093",)),
        ("alerts.webhook", "http://hooks.example/secret-path"),
        ("alerts.webhook", "https:///secret-path"),
        ("alerts.webhook_secret", "secret-path"),
        ("alerts.smtp", "mail.example"),
        ("alerts.mail_to", ("dba@example.com\nBcc: all@example.com",)),
        ("alerts.remind_critical_h", -1.0),
    ],
)
def test_wrong_settings_of_alerts_are_faults_that_show_no_secret(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.load(flags={name: value}, environ={}, path=None)
    assert f"{name} is " in str(caught.value)
    assert "secret-path" not in str(caught.value)
