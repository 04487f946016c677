"""A new module without a place in the layers breaks CI: the contracts name all that is there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.house import sources

ROOT = Path(__file__).parents[2]
PACKAGES = sorted({source.package for source in sources(ROOT)})


def linter() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["tool"]["importlinter"]
    return found


def layered() -> dict[str, dict[str, Any]]:
    """The contract of layers of each container."""
    return {
        container: contract
        for contract in linter()["contracts"]
        if contract["type"] == "layers"
        for container in contract.get("containers", ())
    }


def named(contract: dict[str, Any]) -> set[str]:
    """The modules that a contract gives a place."""
    words = " ".join(contract["layers"]).replace("|", " ").replace(":", " ").split()
    return {word.strip("()") for word in words} | set(contract.get("exhaustive_ignores", ()))


def children(container: str) -> set[str]:
    """The modules and packages directly inside a package."""
    depth = container.count(".") + 1
    inside = [s.module for s in sources(ROOT) if s.module.startswith(f"{container}.")]
    return {module.split(".")[depth] for module in inside}


def test_every_package_is_known_to_the_linter_and_has_layers() -> None:
    assert sorted(linter()["root_packages"]) == PACKAGES
    assert set(PACKAGES) <= layered().keys()


@pytest.mark.parametrize("container", sorted(layered()))
def test_every_module_has_a_place_in_the_layers(container: str) -> None:
    assert named(layered()[container]) == children(container)


@pytest.mark.parametrize("container", sorted(layered()))
def test_layers_are_exhaustive(container: str) -> None:
    """Import-linter then breaks by itself when a module comes that no layer names."""
    assert layered()[container].get("exhaustive") is True


def test_the_order_of_the_packages_names_them_all() -> None:
    orders = [
        named(contract)
        for contract in linter()["contracts"]
        if contract["type"] == "layers" and "containers" not in contract
    ]
    assert set(PACKAGES) in orders
