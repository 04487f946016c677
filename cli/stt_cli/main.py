"""The entry point of `stt`: runs one command and returns its exit code."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from stt_cli import streams
from stt_cli.builtin import add_builtin, home_of
from stt_shared.command import output
from stt_shared.command.adding import HELP_FORMATTER, SERVE
from stt_shared.distribution import DISTRIBUTION
from stt_shared.errors import EXIT_INCOMPLETE, SttError, UsageError
from stt_shared.redaction import hide_text
from stt_shared.telemetry import logs

COMMANDS = "stt.commands"
EXIT_BUG = 70  # EX_SOFTWARE: not a code that reports on databases
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
GLOBAL_FLAGS = ("--debug", "--no-color")
VERSION_FLAGS = ("--version", "-V")
# The extra that brings a command; named where the command or its libraries are missing.
EXTRAS = {
    "coordinator": "coordinator",
    "alerts": "coordinator",
    "worker": "worker",
    "scan": "worker",
    "standalone": "demo",
    "demo": "demo",
}
EXIT_REASONS = {
    2: "wrong usage or configuration",
    4: "NATS, the coordinator or its store cannot be reached",
    5: "checks are disabled",
}


def build(tokens: Sequence[str] = ()) -> App:
    """The command: the client's commands and those that each installed half registers.

    With `tokens` that name a command of the client it has of the client that module alone.
    """
    app = App(
        name="stt",
        help="Security checks for MySQL, PostgreSQL and MongoDB, run near the databases over NATS.",
        help_format="plaintext",
        help_formatter=HELP_FORMATTER,
        help_epilogue="All commands: --debug prints the traceback, --no-color disables colours.",
        version_flags=[],
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    add_builtin(app, home_of(tokens))
    # For every command: the worker registers how the targets of a configuration are read.
    _add_halves(app)
    return app


def _add_halves(app: App) -> None:
    for point in sorted(entry_points(group=COMMANDS), key=lambda point: point.name):
        try:
            point.load()(app)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            # A bug, unless it is the half itself, or a library of its extra, that is missing.
            if missing.startswith("stt_") and not f"{point.module}.".startswith(f"{missing}."):
                raise
    for name, extra in EXTRAS.items():
        if name not in app:
            help_text = f"Not installed: pip install '{DISTRIBUTION}[{extra}]'"
            app.command(_missing(name, extra), name=name, help=help_text, group=SERVE)


def _missing(name: str, extra: str) -> Callable[..., None]:
    def missing(
        *_tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    ) -> None:
        raise _missing_extra(name, extra)

    return missing


def _missing_extra(name: str, extra: str) -> UsageError:
    return UsageError(f"stt {name} is not installed", hint=f"pip install '{DISTRIBUTION}[{extra}]'")


def main() -> int:
    """Run the command of the process; returns its exit code."""
    streams.complete()
    try:
        return run(sys.argv[1:])
    except BrokenPipeError:  # stderr is a closed pipe too, so an error could not be printed
        streams.abandon()
        return EXIT_BROKEN_PIPE


def run(arguments: Sequence[str]) -> int:
    """Run one command line and print its error, if any; returns the exit code."""
    tokens = _meant([token for token in arguments if token not in GLOBAL_FLAGS])
    debug = "--debug" in arguments
    if "--no-color" in arguments:
        os.environ["NO_COLOR"] = "1"
    output.survive_any_encoding()
    # Services configure their own logging; commands print messages and log only errors.
    logs.configure("debug" if debug else "error", "auto")
    try:
        return _call(tokens)
    except SttError as error:
        _trace(debug)
        output.print_error(error)
        return _exit(error.exit_code, EXIT_REASONS.get(error.exit_code, "failed"))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _trace(debug)
        return _exit(EXIT_INTERRUPTED, "interrupted")
    # Before OSError, of which it is a kind: otherwise `stt ... | head` would report a bug.
    except BrokenPipeError:
        streams.abandon()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        unwritten = error.errno in output.FULL or isinstance(error, streams.ClosedError)
        return _not_written(error) if unwritten else _bug(error, debug=debug)
    except Exception as error:  # noqa: BLE001  # the outermost edge: a bug still ends in one clear line
        return _bug(error, debug=debug)


def _meant(tokens: Sequence[str]) -> list[str]:
    """`--version` and `help COMMAND` as the commands that they are elsewhere."""
    match tokens:
        case [flag, *others] if flag in VERSION_FLAGS:
            return ["version", *others]
        case ["help", *words]:
            return [*words, "--help"]
        case _:
            return list(tokens)


def _call(tokens: list[str]) -> int:
    app = build(tokens)
    try:
        result = app(
            tokens,
            console=output.help_console(),
            error_console=output.stderr(),
            exit_on_error=False,
            print_error=False,
        )
    except CycloptsError as error:
        text = str(error).strip().replace(", ...", " and more").rstrip(".")
        words = " ".join(("stt", *(error.command_chain or ())))
        message = text[:1].lower() + text[1:]
        if isinstance(error, UnusedCliTokensError):
            message = f"unexpected argument: {' '.join(error.unused_tokens or ())}"
        raise UsageError(message, hint=f"see: {words} --help") from error
    except ModuleNotFoundError as error:
        name = tokens[0] if tokens else ""
        if name in EXTRAS and not (error.name or "").startswith("stt_"):
            raise _missing_extra(name, EXTRAS[name]) from error
        raise
    return result if isinstance(result, int) else 0


def _bug(error: Exception, *, debug: bool) -> int:
    _trace(debug)
    kind = type(error).__name__
    message = f"{kind}: {error}" if str(error) else kind
    hint = "" if debug else "run the command again with --debug and report the traceback"
    output.print_error(SttError(f"this is a bug in stt ({message})", hint=hint))
    return _exit(EXIT_BUG, "a bug")


def _not_written(error: OSError) -> int:
    is_full = error.errno in output.FULL
    where = error.filename or "the output"
    hint = "free space on that disk and run the command again" if is_full else ""
    why = f"cannot write {where} ({(error.strerror or str(error)).lower()})"
    output.print_error(SttError(why, hint=hint))
    return _exit(EXIT_INCOMPLETE, "the output could not be written")


def _trace(debug: bool) -> None:
    if debug:
        sys.stderr.write(hide_text(traceback.format_exc()))


def _exit(code: int, why: str) -> int:
    output.print_exit(code, why)
    return code
