"""The compose file names only paths, commands, ports and variables that the code knows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.store.memory.store import MemoryStore
from stt_shared import settings
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from stt_shared.settings.rules import store_address_or_empty
from tests.support.coordinator.coordination import running

ROOT = Path(__file__).parents[3]
STT = Path(sys.executable).parent / "stt"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ACCOUNTS = [name for name in SERVICES if name.startswith("accounts-")]  # they write, and end
OURS = [name for name, one in SERVICES.items() if "build" in one and name not in ACCOUNTS]
CLUSTER = [name for name in SERVICES if SERVICES[name].get("profiles") == ["cluster"]]
# One service of each command: those of the cluster have the same.
COMMANDS = list({str(SERVICES[name]["command"]): name for name in reversed(OURS)}.values())
KNOWN = {settings.environment_name(name) for name in settings.names()}
CONTAINER = ROOT / "container"
DOCKERFILE = (ROOT / "container" / "Dockerfile").read_text(encoding="utf-8")


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Where in the container each source is mounted."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {target: source for source, target, *_ in parts}


def references(name: str) -> set[str]:
    """The variables that a file of targets reads."""
    text = (ROOT / "container" / name).read_text(encoding="utf-8")
    return set(re.findall(r'^[^#]*"env:(\w+)"', text, re.MULTILINE))


def test_it_names_the_services_of_the_house_and_a_demo_with_all_families() -> None:
    plain = {name for name, service in SERVICES.items() if "profiles" not in service}
    demo = {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]}
    assert plain - {*ACCOUNTS} == {"nats", "coordinator", "worker"}
    assert demo >= {"mysql", "postgres", "mongo"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_one_of_ours_with_options_that_it_takes(name: str) -> None:
    words = SERVICES[name]["command"]
    options = [word for word in words if word.startswith("--")]
    shown = subprocess.run(
        [STT, words[0], "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"NO_COLOR": "1"},
    ).stdout
    assert all(option in shown for option in options)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_or_read_by_the_targets(name: str) -> None:
    service = SERVICES[name]
    files = [Path(source).name for source in mounts(service).values() if "/" in source]
    read = set().union(*(references(file) for file in files))
    password = service["environment"].get("STT_COORDINATOR_STORE_PASSWORD", "")
    read |= {password.removeprefix("env:")} - {""}
    assert set(service["environment"]) <= KNOWN | read
    assert read <= set(service["environment"])


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_as_nobody_special_on_a_read_only_root(name: str) -> None:
    service = SERVICES[name]
    assert (service["user"], service["read_only"]) == ("10001", True)
    assert service["healthcheck"]["test"][:2] == ["CMD", "stt"]
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_mounted_file_exists_and_every_volume_is_declared(name: str) -> None:
    for source in mounts(SERVICES[name]).values():
        if source.startswith("."):
            assert (ROOT / source).is_file()
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_the_state_folder_is_a_volume_that_the_image_gives_to_its_user(name: str) -> None:
    states = [v for k, v in SERVICES[name]["environment"].items() if k.endswith("STATE_DIR")]
    assert len(states) == 1
    assert states[0] in mounts(SERVICES[name])
    assert states[0] in DOCKERFILE.split("chown", maxsplit=1)[0]


def test_the_configuration_of_a_worker_is_at_the_path_of_its_command() -> None:
    for name in OURS:
        words = SERVICES[name]["command"]
        if "--config" in words:
            assert words[words.index("--config") + 1] in mounts(SERVICES[name])


def test_nats_puts_every_message_on_the_disk_where_all_of_ours_look_for_it() -> None:
    conf = (ROOT / "container" / "nats.conf").read_text(encoding="utf-8")
    assert re.search(r"^\s*sync_interval: always$", conf, re.MULTILINE)
    port = re.search(r"^port: (\d+)$", conf, re.MULTILINE)
    assert port is not None
    plain = {SERVICES[name]["environment"]["STT_NATS_URL"] for name in OURS if name not in CLUSTER}
    assert plain == {f"nats://nats:{port[1]}"}
    nodes = [name for name in CLUSTER if name.startswith("nats-")]
    urls = {SERVICES[name]["environment"]["STT_NATS_URL"] for name in OURS if name in CLUSTER}
    assert urls == {",".join(f"nats://{name}:{port[1]}" for name in nodes)}
    store = re.search(r"store_dir: (\S+)", conf)
    assert store is not None
    for name in ("nats", *nodes):
        assert store[1] in mounts(SERVICES[name])


async def test_the_accounts_that_it_writes_let_each_service_do_its_own_and_nothing_else(
    tmp_path: Path,
) -> None:
    nats = tmp_path / "nats"
    for name in ACCOUNTS:
        places = {
            "/keys": tmp_path / mounts(SERVICES[name])["/keys"],
            "/accounts": nats / "accounts",
        }
        words = [*SERVICES[name]["command"]]
        for at, place in places.items():
            words = [re.sub(f"^{at}", str(place), word) for word in words]
        subprocess.run([STT, *words], check=True, capture_output=True, timeout=60)
    keys = {SERVICES[name]["environment"]["STT_NATS_NKEY"] for name in COMMANDS}
    assert {SERVICES[name]["environment"]["STT_NATS_NKEY"] for name in OURS} == keys
    conf = (ROOT / "container" / "nats.conf").read_text(encoding="utf-8")
    server = embedded_nats.start(nats, extra=conf[conf.index("accounts {") :])
    try:
        # With the key of the coordinator: its streams and consumers, and a coordinator that acts.
        login = environment(tmp_path, "coordinator", server.url)
        owner = await connect(
            NatsOptions(servers=(server.url,), name="test", nkey=login["STT_NATS_NKEY"])
        )
        workers = [name for name in COMMANDS if "worker" in name]
        sites = {SERVICES[name]["environment"]["STT_WORKER_SITE"] for name in workers}
        consumers = [subjects.jobs_consumer(site, family) for site in sites for family in Family]
        await owner.ensure(subjects.STREAMS, consumers)
        try:
            async with running(owner, MemoryStore()):
                for name in workers:
                    # The health check of the service, with its file of targets.
                    words = SERVICES[name]["healthcheck"]["test"][2:]
                    file = {at: ROOT / source for at, source in mounts(SERVICES[name]).items()}
                    words = [str(file.get(word, word)) for word in words]
                    login = environment(tmp_path, name, server.url)
                    await asyncio.to_thread(is_bounded, login, *words)
                seed = str(tmp_path / "people-keys" / "STT-ops.nk")
                people = {"STT_NATS_URL": server.url, "STT_NATS_NKEY": seed}
                await asyncio.to_thread(is_bounded, people, "nats", "check", "--as", "operator")
        finally:
            await owner.close()
    finally:
        await asyncio.to_thread(server.stop)


def environment(folder: Path, name: str, url: str) -> dict[str, str]:
    """The environment of a service, on `url` and with its key outside of the container."""
    service = SERVICES[name]
    own = {k: str(v) for k, v in service["environment"].items() if "WORKER" in k}
    key = Path(service["environment"]["STT_NATS_NKEY"]).relative_to("/keys")
    seed = folder / mounts(service)["/keys"] / key
    return own | {"STT_NATS_URL": url, "STT_NATS_NKEY": str(seed)}


def is_bounded(login: dict[str, str], *words: str) -> None:
    """Assert by `stt nats check` that the user may do its own, and nothing of others."""
    done = subprocess.run(
        [STT, *words, "-o", "json"],
        env=os.environ | login,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = json.loads(done.stdout)
    found = {line["what"]: line["level"] for line in lines}
    assert (done.returncode, found) == (0, {"NATS access": "ok", "NATS border": "ok"}), lines


def test_the_cluster_has_three_brokers_one_store_and_two_coordinators_that_share_it() -> None:
    assert set(CLUSTER) == {
        *(f"nats-{number}" for number in (1, 2, 3)),
        *("store", "coordinator-1", "coordinator-2", "cluster-worker"),
    }
    states = {source for name in CLUSTER for source in mounts(SERVICES[name]).values()}
    assert {source for source in states if source.endswith(("-data", "-state"))} == {
        *(f"nats-{number}-data" for number in (1, 2, 3)),
        *("store-data", "coordinator-1-state", "coordinator-2-state", "cluster-worker-state"),
    }
    first, second = (SERVICES[f"coordinator-{number}"]["environment"] for number in (1, 2))
    assert {name for name in first if first[name] != second[name]} == {"STT_COORDINATOR_NAME"}
    postgresql = SERVICES["store"]["environment"]
    address = urlsplit(first["STT_COORDINATOR_STORE"])
    assert (address.username, address.hostname) == (postgresql["POSTGRES_USER"], "store")
    assert address.path == f"/{postgresql['POSTGRES_USER']}"  # the database that the image makes
    assert first["STORE_PASSWORD"] == postgresql["POSTGRES_PASSWORD"]
    assert store_address_or_empty(first["STT_COORDINATOR_STORE"]) == ""
    # Started by its name, without the services of the other way.
    needed = {"cluster-worker"}
    while more := {one for name in needed for one in SERVICES[name].get("depends_on", {})} - needed:
        needed |= more
    assert needed == {*CLUSTER, *ACCOUNTS}


def test_the_configuration_of_a_broker_of_the_cluster_is_valid_and_names_all(
    tmp_path: Path,
) -> None:
    (tmp_path / "accounts").mkdir()
    for name in re.findall(r'include "accounts/(.+)"', (CONTAINER / "nats.conf").read_text()):
        (tmp_path / "accounts" / name).touch()
    for name in ("nats.conf", "nats-cluster.conf"):
        shutil.copy(CONTAINER / name, tmp_path)
    for name in (name for name in CLUSTER if name.startswith("nats-")):
        done = subprocess.run(
            [embedded_nats.find(), "-t", "-c", tmp_path / "nats-cluster.conf"],
            env=os.environ | SERVICES[name]["environment"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f'"nats://{name}:6222"' in (CONTAINER / "nats-cluster.conf").read_text()
        assert SERVICES[name]["environment"] == {"NATS_NAME": name}


def test_the_demo_has_a_target_of_each_family_on_a_service_of_the_profile() -> None:
    text = (ROOT / "container" / "demo.toml").read_text(encoding="utf-8")
    targets = tomllib.loads(text)["targets"]
    assert {target["family"] for target in targets} == set(Family)
    assert {target["host"] for target in targets} == {"mysql", "postgres", "mongo"}


def test_the_image_is_built_from_folders_that_exist() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert all((ROOT / source).exists() for line in copied for source in line.split())
