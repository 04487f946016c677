"""Wheel and sdist, built here and used elsewhere: the wheel alone has all that runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin

ROOT = Path(__file__).parents[3]
BUILD_S, INSTALL_S = 120, 280
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {"stt_shared", "stt_cli", "stt_worker", "stt_coordinator"}
pytestmark = pytest.mark.timeout(BUILD_S + INSTALL_S)


@dataclass(frozen=True, slots=True)
class Built:
    """The two files of a release."""

    wheel: Path
    sdist: Path


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A folder outside of the checkout with a virtual environment of its own."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "venv" / "bin" / "python")

    def install(self, what: str) -> None:
        uv = shutil.which("uv")
        pip = [uv, "pip"] if uv else [sys.executable, "-m", "pip", "--python", self.python]
        where = ["--python", self.python] if uv else ["--no-compile"]
        pins = ["--quiet", "--constraint", str(ROOT / "constraints.txt")]
        done = self.run(*pip, "install", *where, *pins, what)
        assert done.returncode == 0, done.stderr

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.folder / "venv" / "bin" / "stt"), *words)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        own = ("STT_", "NATS_", "PYTHON")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of this checkout, and the wheel that is built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        timeout=BUILD_S,
        check=True,
    )
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def base(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """The wheel without an extra."""
    place = Elsewhere(tmp_path_factory.mktemp("elsewhere"))
    venv = [sys.executable, "-m", "venv", "--without-pip", str(place.folder / "venv")]
    subprocess.run(venv, check=True, timeout=BUILD_S)
    place.install(str(built.wheel))
    return place


@pytest.fixture(scope="module")
def whole(built: Built, base: Elsewhere) -> Elsewhere:
    """The same place with what a demo needs: tests of the base alone stand before its tests."""
    base.install(f"{built.wheel}[demo]")
    return base


def test_the_wheel_holds_the_packages_the_checks_and_the_licence_and_no_test(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
    info = f"security_threat_tool-{PROJECT['version']}.dist-info"
    data = f"security_threat_tool-{PROJECT['version']}.data"
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, info, data}
    assert f"{info}/licenses/LICENSE" in names
    assert f"{data}/data/share/stt/checks/releases.yaml" in names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_the_sdist_holds_what_the_wheel_is_built_from_and_its_documents(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    documents = {"LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
    assert documents | {"pyproject.toml", "constraints.txt", "docs/check-format.md"} <= names
    assert not any(name.startswith((".venv", ".git/", "build/", "dist/")) for name in names)


def test_the_base_offers_the_client_and_says_how_to_install_the_rest(base: Elsewhere) -> None:
    shown = base.stt("version", "-o", "json")
    assert json.loads(shown.stdout)["version"] == PROJECT["version"], shown.stderr
    check = base.stt("checks", "show", "mysql_empty_password")
    assert "mysql_empty_password" in check.stdout, check.stderr
    refused = base.stt("coordinator")
    assert refused.returncode == 2
    assert "pip install 'security-threat-tool[coordinator]'" in refused.stderr


def test_everything_is_imported_from_the_wheel_and_not_from_the_checkout(whole: Elsewhere) -> None:
    names = ", ".join(sorted(PACKAGES))
    shown = whole.run(
        whole.python, "-c", f"import {names}; print(*[one.__file__ for one in ({names})])"
    )
    files = shown.stdout.split()
    assert len(files) == len(PACKAGES), shown.stderr
    assert all(file.startswith(str(whole.folder)) for file in files)


def test_the_checks_of_the_wheel_load_and_keep_to_the_format(whole: Elsewhere) -> None:
    done = whole.stt("checks", "lint")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"ok: {len(builtin().checks)} checks, ")


def test_a_scan_from_the_wheel_checks_a_real_server(whole: Elsewhere, postgresql: Running) -> None:
    password = quote(postgresql.password, safe="")
    url = f"postgresql://{postgresql.user}:{password}@{postgresql.host}:{postgresql.port}/postgres"
    done = whole.stt("scan", url, "--fail-on", "none", "-o", "json")
    report = json.loads(done.stdout)
    assert done.returncode in {0, 3}, done.stderr
    assert report["summary"]["targets_checked"] == 1
    assert {one["outcome"] for one in report["results"]} >= {"passed", "failed"}


def test_a_demo_from_the_wheel_checks_every_database_that_is_there(whole: Elsewhere) -> None:
    done = whole.stt("demo", "--once", "-o", "json", "--fail-on", "none")
    summary = json.loads(done.stdout)["summary"]
    assert done.returncode in {0, 3}, done.stderr
    assert summary["targets_checked"] == summary["targets"] >= 1
    assert summary["critical"] + summary["major"] >= 1
