"""Whatever happens, a command ends with one clear error, a way on, and the right exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from cyclopts import App

from stt_cli import main
from stt_shared.command import output
from stt_shared.errors import (
    ConfigError,
    DisabledError,
    ProtocolError,
    SttError,
    UnreachableError,
    UsageError,
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `stt boom ARGUMENTS` where `boom` calls the function given."""

    def run(body: Callable[[], object], *arguments: str) -> tuple[int, str, str]:
        app = App(name="stt", result_action="return_value", suppress_keyboard_interrupt=False)
        app.command(body, name="boom")
        monkeypatch.setattr(main, "build", lambda _tokens: app)
        code = main.run(["boom", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def raising(error: BaseException) -> Callable[[], None]:
    def boom() -> None:
        raise error

    return boom


@pytest.mark.parametrize(
    ("error", "code", "last"),
    [
        (UsageError("bad", hint="do it so"), 2, "exit 2: wrong usage or configuration"),
        (
            UnreachableError("bad", hint="do it so"),
            4,
            "exit 4: NATS, the coordinator or its store cannot be reached",
        ),
        (ProtocolError("x", "bad", hint="do it so"), 2, "exit 2: wrong usage or configuration"),
    ],
)
def test_an_error_is_a_sentence_a_hint_and_an_exit_code(
    run_with: Run, error: SttError, code: int, last: str
) -> None:
    found, out, err = run_with(raising(error))
    assert (found, out) == (code, "")
    assert err.splitlines() == ["error: bad", "  do it so", last]


def test_every_fault_of_a_configuration_has_its_own_line(run_with: Run) -> None:
    _, _, err = run_with(raising(ConfigError("the settings are wrong", faults=("one", "two"))))
    assert err.splitlines()[:3] == ["error: the settings are wrong", "  one", "  two"]


def test_disabled_is_reported_as_a_state_not_as_an_error(run_with: Run) -> None:
    code, _, err = run_with(raising(DisabledError("Checks are disabled (never enabled).")))
    assert code == 5
    assert err.splitlines()[0] == "Checks are disabled (never enabled)."


def test_a_bug_is_one_line_that_says_how_to_see_the_trace(run_with: Run) -> None:
    code, _, err = run_with(raising(KeyError("x")))
    assert code == main.EXIT_BUG
    assert "Traceback" not in err
    assert err.splitlines() == [
        "error: this is a bug in stt (KeyError: 'x')",
        "  run the command again with --debug and report the traceback",
        "exit 70: a bug",
    ]


@pytest.mark.parametrize("error", [KeyError("x"), UsageError("bad")])
def test_debug_shows_the_trace(run_with: Run, error: Exception) -> None:
    _, _, err = run_with(raising(error), "--debug")
    assert "Traceback (most recent call last)" in err


def test_interrupted_is_130(run_with: Run) -> None:
    code, _, err = run_with(raising(KeyboardInterrupt()))
    assert (code, err.splitlines()[-1]) == (130, "exit 130: interrupted")


def test_a_command_may_choose_its_exit_code(run_with: Run) -> None:
    assert run_with(lambda: 3)[0] == 3
    assert run_with(lambda: None)[0] == 0


def test_an_unknown_option_names_the_one_meant(run_with: Run) -> None:
    def boom(*, severity: str = "") -> None: ...

    code, _, err = run_with(boom, "--severty", "x")
    assert code == 2
    assert err.splitlines()[:2] == [
        "error: unknown option: --severty. Did you mean --severity?",
        "  see: stt boom --help",
    ]


def test_an_argument_too_many_is_named(run_with: Run) -> None:
    code, _, err = run_with(lambda: None, "left over", "9")
    assert code == 2
    assert err.startswith("error: unexpected argument: left over 9\n  see: stt boom --help\n")


def test_an_error_cannot_steer_the_terminal(run_with: Run) -> None:
    _, _, err = run_with(raising(UsageError("bad \x1b[2Jname")))
    assert "\x1b" not in err


@pytest.mark.parametrize("name", sorted(main.EXTRAS))
def test_a_half_that_is_not_installed_says_which_extra_brings_it(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "entry_points", lambda **_: ())
    assert main.run([name, "--config", "x"]) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[:2] == [
        f"error: stt {name} is not installed",
        f"  pip install 'security-threat-tool[{main.EXTRAS[name]}]'",
    ]


def test_a_library_that_is_missing_when_a_command_runs_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = App(name="stt", result_action="return_value")
    app.command(raising(ModuleNotFoundError("no pymysql", name="pymysql")), name="worker")
    monkeypatch.setattr(main, "build", lambda _tokens: app)
    assert main.run(["worker"]) == 2
    assert "pip install 'security-threat-tool[worker]'" in capsys.readouterr().err


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (StringIO(), {}, False),
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (StringIO(), {"FORCE_COLOR": "1", "TERM": "xterm"}, True),
        (StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}, False),
    ],
)
def test_colour_only_where_it_is_wanted(
    stream: StringIO, environ: dict[str, str], *, coloured: bool
) -> None:
    console = output.console(stream, environ)
    console.print("x", style="critical")
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_nothing_is_folded_in_a_pipe() -> None:
    stream = StringIO()
    output.console(stream, {}).print("word " * 1_000)
    assert stream.getvalue().count("\n") == 1


def test_the_last_line_of_stderr_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_exit(1, "3 failed checks")
    assert capsys.readouterr() == ("", "exit 1: 3 failed checks\n")


def test_main_takes_the_words_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["stt", "version"])
    monkeypatch.setattr(main, "entry_points", lambda **_: ())
    assert main.main() == 0


def commands(app: App, name: str = "stt") -> Iterator[tuple[str, App]]:
    """Every command below `app` with its full name; flags such as --help are none."""
    for word in app:
        if not word.startswith("-"):
            yield f"{name} {word}", app[word]
            yield from commands(app[word], f"{name} {word}")


def test_the_help_of_every_command_explains_each_of_its_options() -> None:
    found = [
        f"{name} {argument.name}"
        for name, command in commands(main.build())
        if command.default_command is not None
        for argument in command.assemble_argument_collection()
        if argument.parse and argument.show and not argument.children
        if not argument.parameter.help
    ]
    assert found == []
