"""Evaluates Starlark within the limits of the current work, and says why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import starlark

from stt_worker.sandbox.interpreter.early_ends import Run
from stt_worker.sandbox.interpreter.reasons import reason_of

MAX_CALLS = 200  # nested
PLAIN = starlark.Globals.standard()
WITH_JSON = starlark.Globals.extended_by([starlark.LibraryExtension.Json])


class ScriptError(Exception):
    """A script or an answer is invalid; the text is readable."""


class OutOfTimeError(Exception):
    """The evaluation was stopped at its deadline."""


class Evaluation:
    """Evaluates modules; `is_late` returns whether the current evaluation has to stop."""

    def __init__(self, is_late: Callable[[], bool]) -> None:
        self.is_late = is_late
        self.options = starlark.EvalOptions(check_cancelled=is_late, max_callstack_size=MAX_CALLS)
        self.run = Run()

    def eval(
        self,
        module: Any,
        parsed: Any,
        names: Any = PLAIN,
        known: dict[str, Any] | None = None,
    ) -> None:
        """Evaluate `parsed` in `module`; `known` are the modules that it may load."""
        # Reset first: an error must not show the output of a previous script, of another job.
        self.run.begin()
        loader = starlark.FileLoader(known.__getitem__) if known else None
        starlark.eval_with(self.options, module, parsed, names, loader)

    def failure(self, error: Exception, source: str = "") -> Exception:
        """The OutOfTimeError or ScriptError for an error of the engine."""
        if self.is_late():
            return OutOfTimeError()
        return ScriptError(self.run.stopped[1] if self.run.stopped else reason_of(error, source))
