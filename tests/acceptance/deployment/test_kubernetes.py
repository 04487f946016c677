"""The manifests name only paths, ports, settings and objects that exist, and real servers run."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml

from stt_cli.accounts.plan import COORDINATOR
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from stt_shared import settings
from stt_shared.protocol.accounts import worker_account
from tests.support.processes.commands import STT

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "contrib" / "kubernetes"
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
OBJECTS: list[dict[str, Any]] = [
    one for path in sorted(FOLDER.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())
]
VERSIONS = {
    "ConfigMap": "v1",
    "Service": "v1",
    "PersistentVolumeClaim": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
}
PODS = {
    one["metadata"]["name"]: one for one in OBJECTS if one["kind"] in ("Deployment", "StatefulSet")
}
OURS = [name for name in PODS if name != "nats"]
KNOWN = {settings.environment_name(name) for name in settings.names()}
READY_S = 60.0


def spec(name: str) -> dict[str, Any]:
    found: dict[str, Any] = PODS[name]["spec"]["template"]["spec"]
    return found


def container(name: str) -> dict[str, Any]:
    containers: list[dict[str, Any]] = spec(name)["containers"]
    assert len(containers) == 1
    return containers[0]


def environ(name: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(name)["env"]}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


def test_every_object_is_of_a_known_version_in_the_namespace_of_the_guide() -> None:
    assert set(PODS) == {"nats", "stt-coordinator", "stt-eu-w1"}
    assert {(one["kind"], one["apiVersion"]) for one in OBJECTS} == set(VERSIONS.items())
    assert {one["metadata"]["namespace"] for one in OBJECTS} == {"stt"}
    assert "kubectl create namespace stt" in GUIDE


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_as_nobody_special_on_a_read_only_root(name: str) -> None:
    assert spec(name)["securityContext"]["runAsNonRoot"] is True
    assert spec(name)["securityContext"]["runAsUser"] == 10001
    assert spec(name)["automountServiceAccountToken"] is False
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", PODS)
def test_never_two_pods_hold_one_name_or_volume(name: str) -> None:
    pod = PODS[name]["spec"]
    assert pod["replicas"] == 1
    assert pod["selector"]["matchLabels"] == pod["template"]["metadata"]["labels"]
    if PODS[name]["kind"] == "Deployment":
        assert pod["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("name", PODS)
def test_every_mounted_volume_is_declared_and_its_source_exists(name: str) -> None:
    claims = PODS[name]["spec"].get("volumeClaimTemplates", [])
    templates = {one["metadata"]["name"] for one in claims}
    volumes = {one["name"]: one for one in spec(name)["volumes"]}
    assert {one["name"] for one in container(name)["volumeMounts"]} == {*volumes, *templates}
    for one in volumes.values():
        if secret := one.get("secret"):
            # Readable for the group of the pod, and for nobody else.
            assert secret["defaultMode"] == 0o440
            assert f"secret generic {secret['secretName']}" in GUIDE
        elif config := one.get("configMap"):
            known = config["name"] in of_kind("ConfigMap")
            assert known or f"configmap {config['name']}" in GUIDE
        elif claim := one.get("persistentVolumeClaim"):
            assert claim["claimName"] in of_kind("PersistentVolumeClaim")
        else:
            assert one["emptyDir"] == {}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_and_every_path_is_mounted(name: str) -> None:
    found = environ(name)
    assert set(found) <= KNOWN
    mounted = [Path(one["mountPath"]) for one in container(name)["volumeMounts"]]
    words = [*found.values(), *container(name)["args"]]
    for path in (Path(word) for word in words if word.startswith("/")):
        assert {path, *path.parents} & set(mounted), path


def test_keys_are_those_that_nats_config_writes() -> None:
    assert Path(environ("stt-coordinator")["STT_NATS_NKEY"]).name == f"{COORDINATOR}.nk"
    worker = environ("stt-eu-w1")
    account = worker_account(worker["STT_WORKER_SITE"], worker["STT_WORKER_NAME"])
    assert Path(worker["STT_NATS_NKEY"]).name == f"{account}.nk"


def test_probes_and_services_name_ports_that_are_open() -> None:
    for name in PODS:
        ports = {one["name"]: one["containerPort"] for one in container(name).get("ports", [])}
        probes = (container(name).get(kind, {}) for kind in ("livenessProbe", "readinessProbe"))
        for probe in (one["httpGet"] for one in probes if "httpGet" in one):
            assert probe["port"] in ports
    listen = environ("stt-coordinator")["STT_WEB_LISTEN"]
    assert listen.endswith(f":{container('stt-coordinator')['ports'][0]['containerPort']}")
    for service in of_kind("Service").values():
        (pod,) = [
            one
            for one in PODS.values()
            if one["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
        ]
        opened = [one["containerPort"] for one in container(pod["metadata"]["name"])["ports"]]
        assert {one["port"] for one in service["spec"]["ports"]} <= set(opened)


def get(url: str) -> int:
    # A kubelet names the address of the pod as the host.
    request = urllib.request.Request(url, headers={"Host": "10.2.3.4:8642"})  # noqa: S310  # http
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # http
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_the_accounts_of_the_guide_run_and_the_probes_of_the_coordinator_answer(
    tmp_path: Path,
) -> None:
    commands = re.findall(r"^\$ stt (nats config .*)$", GUIDE, re.MULTILINE)
    for command in (one for one in commands if "--out accounts/" in one):
        words = [STT, *command.split()]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    (tmp_path / "accounts").rename(tmp_path / "nats-accounts")
    conf = of_kind("ConfigMap")["stt-nats"]["data"]["nats.conf"]
    accounts = conf[conf.index("accounts {") :].replace("accounts/", "../nats-accounts/")
    server = embedded_nats.start(tmp_path / "nats", extra=accounts)
    token = subprocess.run(
        [STT, "web", "token", "new", "ann"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    tokens = tmp_path / "tokens"
    tokens.write_text(token.strip().splitlines()[-1] + "\n")
    tokens.chmod(0o440)
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("STT_")}
    env |= environ("stt-coordinator") | {
        "STT_NATS_URL": server.url,
        "STT_NATS_NKEY": str(tmp_path / "keys" / "STT-coordinator.nk"),
        "STT_COORDINATOR_STATE_DIR": str(tmp_path / "state"),
        "STT_WEB_LISTEN": f"127.0.0.1:{port}",
        "STT_WEB_TOKENS": str(tokens),
    }
    process = subprocess.Popen([STT, "coordinator"], env=env, stderr=subprocess.PIPE, text=True)
    try:
        probes = [
            container("stt-coordinator")[f"{kind}Probe"] for kind in ("liveness", "readiness")
        ]
        urls = [f"http://127.0.0.1:{port}{one['httpGet']['path']}" for one in probes]
        deadline = time.monotonic() + READY_S
        while [*map(get, urls)] != [HTTPStatus.OK] * 2 and time.monotonic() < deadline:
            time.sleep(0.5)
        codes = [*map(get, urls)]
    finally:
        process.terminate()
        _, err = process.communicate(timeout=READY_S)
        server.stop()
    assert codes == [HTTPStatus.OK] * 2, err
