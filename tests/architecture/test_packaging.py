"""What is installed is pinned, the version is written once, and the image is given all it needs."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import install

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
OURS = canonicalize_name(PROJECT["name"])
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PINNED = [Requirement(line.partition(" #")[0]) for line in CONSTRAINTS.splitlines() if "==" in line]
PINS = {
    canonicalize_name(one.name): one.specifier
    for one in PINNED
    if one.marker is None or one.marker.evaluate()
}
DOCKERFILE = (ROOT / "container" / "Dockerfile").read_text(encoding="utf-8")


def direct() -> list[Requirement]:
    """Every requirement that pyproject.toml names: of the base, the extras and the groups."""
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    groups: dict[str, list[Any]] = PYPROJECT["dependency-groups"]
    lists = [PROJECT["dependencies"], *extras.values(), *groups.values()]
    found = [Requirement(one) for many in lists for one in many if isinstance(one, str)]
    return [one for one in found if canonicalize_name(one.name) != OURS]


def closure() -> set[str]:
    """The names of all distributions that an installation for developers consists of."""
    waiting = direct()
    seen: set[tuple[str, str]] = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            needs = [Requirement(need) for need in requires(name) or ()]
            waiting += [n for n in needs if n.marker is None or n.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    wrong = [
        str(one)
        for one in direct()
        if (pin := PINS.get(canonicalize_name(one.name))) is None
        or not one.specifier.contains(next(iter(pin)).version)
    ]
    assert wrong == [], "constraints.txt is out of date: make lock"


def test_what_is_installed_is_what_is_pinned() -> None:
    """A test that passes with another version says nothing about an installation of CI."""
    installed: dict[str, str] = {}
    for name in closure():
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            installed[name] = "missing"
    wrong = {
        name: found
        for name, found in installed.items()
        if name not in PINS or not PINS[canonicalize_name(name)].contains(found)
    }
    assert wrong == {}, "make venv installs what constraints.txt pins; make lock pins what is new"


def test_the_pins_name_no_place_to_fetch_from() -> None:
    assert "://" not in CONSTRAINTS


def files(*folders: str) -> list[Path]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    return [path for path in paths if path.is_file() and "__pycache__" not in path.parts]


def test_the_version_stands_in_pyproject_alone() -> None:
    product = files("cli", "coordinator", "shared", "worker", "container", "contrib")
    copy = re.compile(rf"(?<![\d.]){re.escape(PROJECT['version'])}(?![\d.])")
    every = [*product, ROOT / "compose.yaml", ROOT / "Makefile"]
    assert [path for path in every if copy.search(path.read_text(errors="replace"))] == []


def test_the_metadata_says_whose_it_is_under_which_licence_and_names_no_address() -> None:
    assert (PROJECT["license"], PROJECT["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert PROJECT["authors"] == [{"name": "Security Threat Tool developers"}]
    assert "urls" not in PROJECT


def test_the_image_is_built_from_every_package_at_the_pinned_versions() -> None:
    copied = {
        word for line in re.findall(r"(?m)^COPY (.*) \S+$", DOCKERFILE) for word in line.split()
    }
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    roots = {package.partition("/")[0] for package in wheel["packages"]}
    assert roots | {*wheel["shared-data"], "LICENSE", "README.md", "pyproject.toml"} <= copied
    assert "--constraint constraints.txt" in DOCKERFILE


def test_the_step_of_pip_is_shown_and_repeated_while_pip_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "EVERY_S", 0.01)
    shown: list[str] = []
    with install.Progress() as progress:
        for line in (
            "  Installing build dependencies: started\n",
            "Collecting cyclopts<6,>=5.4 (from security-threat-tool==0.1.0)\n",
            "  Downloading cyclopts-5.5.2-py3-none-any.whl (301 kB)\n",
            "Processing /a/mirror/rich-15.0.0-py3-none-any.whl (from security-threat-tool)\n",
            "Installing collected packages: typing-extensions, rich\n",
        ):
            progress.take(line)
            shown.append(progress.text)
        written = ""
        while written.count("writing 2 packages") < 2:
            written += capsys.readouterr().err
    fetching = [f"fetching {name}" for name in ("dependencies", "cyclopts", "cyclopts", "rich")]
    assert shown == [*fetching, "writing 2 packages"]
