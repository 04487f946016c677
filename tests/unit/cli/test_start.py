"""A command line imports what its command needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cyclopts import App

from stt_cli import builtin, main
from stt_cli.builtin import COMMANDS, add_builtin, home_of
from stt_shared.distribution import version_line


def commands_of(app: App, before: str = "") -> set[str]:
    """The full names of all commands that do something."""
    found: set[str] = set()
    for name in app:
        if not name.startswith("-"):
            one = app[name]
            found |= commands_of(one, f"{before}{name} ")
            found |= {f"{before}{name}"} if one.default_command is not None else set()
    return found


def modules_after(*words: str) -> set[str]:
    """The modules that `python -m stt_cli WORDS` has imported when it ends."""
    text = (
        "import sys; from stt_cli.entry import main\n"
        "sys.argv = ['stt', *sys.argv[1:]]\n"
        "main()\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(  # this interpreter
        [sys.executable, "-c", text, *words], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("home", [home for home, names in COMMANDS.items() if names])
def test_each_module_adds_the_commands_that_the_table_says(home: str) -> None:
    app = App(name="stt", version_flags=[], help_flags=[])
    add_builtin(app, home)
    assert commands_of(app) == set(COMMANDS[home])


def test_no_two_modules_have_a_command_of_one_name() -> None:
    names = [name for names in COMMANDS.values() for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("words", "home"),
    [
        (["status", "-o", "json"], "status"),
        (["findings", "list", "--help"], "findings.commands"),
        (["events", "replay"], "events"),
        (["checks", "new"], ""),
        (["checks", "list"], "inventory"),
        (["checks", "lint"], ""),  # of the worker
        (["checks"], ""),
        (["checks", "--help"], ""),
        (["statsu"], ""),
        (["--help"], ""),
        ([], ""),
    ],
)
def test_the_module_of_a_command_is_found_by_its_words(words: list[str], home: str) -> None:
    assert home_of(words) == home


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-V"]])
def test_the_version_needs_no_library(words: list[str]) -> None:
    loaded = modules_after(*words)
    assert not loaded & {"cyclopts", "rich", "msgspec", "nats", "asyncio", "structlog"}


def test_a_command_imports_none_of_the_other_commands() -> None:
    loaded = modules_after("exceptions", "export", "--help")
    others = {f"stt_cli.commands.{name}" for name in COMMANDS} & loaded
    assert others == {"stt_cli.commands.suppressions.exceptions"}


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-V"], ["version", "--debug"]])
def test_every_way_to_ask_prints_the_same_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(words) == 0
    assert capsys.readouterr().out == f"{version_line()}\n"


def test_help_of_a_command_is_that_command_s_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["help", "exceptions", "import"]) == 0
    asked = capsys.readouterr().out
    assert main.run(["exceptions", "import", "--help"]) == 0
    assert asked == capsys.readouterr().out
    assert "stt exceptions import" in asked


def test_help_alone_lists_the_commands_of_both_halves(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["help"]) == 0
    text = capsys.readouterr().out
    assert all(f" {name} " in text for name in ("status", "scan", "coordinator", "worker"))


def test_the_whole_command_has_every_command_of_the_table() -> None:
    app = main.build()
    assert {name for names in COMMANDS.values() for name in names} <= commands_of(app)
    assert builtin.home_of(["scan"]) == ""
