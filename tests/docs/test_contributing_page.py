"""CONTRIBUTING.md works: its commands are typed, its targets exist, its state is one of ours."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.checks.scenario import State
from tests.support.processes.prepared import prepared

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
WALK = (ROOT / "docs" / "writing-checks.md").read_text(encoding="utf-8")
NAME = "mysql_general_log_table"
TYPED = re.findall(r"(?m)^\$ (stt .+)$", PAGE)
MADE = re.findall(r"(?:\$ |`|=1 )make ([a-z-]+(?: [a-z-]+)*)", PAGE + README)
TARGETS = sorted(set(MADE))


def stt(folder: Path, command: str) -> str:
    words = shlex.split(command)[1:]
    done = prepared().run(words, os.environ | {"NO_COLOR": "1"}, cwd=folder)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def edited(folder: Path) -> None:
    """The files of the walk-through under the name of this page."""
    for file, text in re.findall(r"Put this into `(.+?)`:\n\n```yaml\n(.*?)```", WALK, re.DOTALL):
        path = folder / "checks" / "mysql" / NAME / Path(file).name
        assert path.exists()
        path.write_text(text.replace("app_general_log", NAME))


def test_a_check_comes_into_the_library_by_the_commands_of_the_page(
    tmp_path: Path, mariadb: Running
) -> None:
    shutil.copytree(ROOT / "checks", tmp_path / "checks")
    password = quote(mariadb.password, safe="")
    url = f"mariadb://{mariadb.user}:{password}@{mariadb.host}:{mariadb.port}/"
    new, *rest = TYPED
    assert stt(tmp_path, new) in PAGE
    edited(tmp_path)
    for command in rest:
        stt(tmp_path, command.replace("$URL", shlex.quote(url)))
    assert [command.split()[1:3] for command in TYPED] == [
        ["checks", "new"],
        ["checks", "lint"],
        ["checks", "test"],
        ["checks", "test"],
        ["pack", "serial"],
    ]
    assert "recorded_1" in (tmp_path / "checks/mysql" / NAME / "samples.yaml").read_text()


def test_the_state_on_the_page_is_one_that_the_tests_can_prove() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, list[State]] = {}
    exec(compile(block, "CONTRIBUTING.md", "exec"), names)  # noqa: S102  # our own page
    assert [state.check for state in names["STATES"]] == [NAME]
    assert (ROOT / "tests/support/checks/states").is_dir()


@pytest.mark.parametrize("targets", TARGETS)
def test_every_target_of_make_that_is_named_exists(targets: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *targets.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_make_targets_are_found_on_both_pages() -> None:
    assert {"demo", "test", "check", "pages", "package", "lock"} <= set(TARGETS)
