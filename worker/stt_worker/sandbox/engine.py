"""Runs Starlark in this process; keeps compiled modules, and freezes answers for each job."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import starlark

from stt_worker.sandbox.functions import FUNCTIONS
from stt_worker.sandbox.pmm.functions import PMM_FUNCTIONS
from stt_worker.sandbox.pmm.go_texts import TEXT_FUNCTIONS
from stt_worker.sandbox.pmm.halves import readable
from stt_worker.sandbox.pmm.rewriting import rewritten
from stt_worker.sandbox.port import SCRIPT_OUTPUT_BYTES
from stt_worker.sandbox.programs import driver_source, pack_source
from stt_worker.sandbox.reasons import SCRIPT, reason_of
from stt_worker.sandbox.wire import End, Ending, Item

MAX_CALLS = 200  # nested
MAX_KEPT = 32  # packs and drivers each
_FOLDER = Path(__file__).parent
_PLAIN = starlark.Globals.standard()
_WITH_JSON = starlark.Globals.extended_by([starlark.LibraryExtension.Json])
_PRELUDE = (_FOLDER / "prelude.star").read_text(encoding="utf-8")
_PRELUDES_OF_PMM = ("pmm/builtins.star", "pmm/pmm.star")  # in this order: the second hides names
_ANSWER = "value = json.decode(text)"
_CONTEXT = (
    "value = json.decode(text)\n"
    f"value.update([{', '.join(f'({name!r}, {name})' for name in FUNCTIONS)}])\n"
)
_WITH_RELEASES = (
    'load("plain", plain="value")\nload("releases", releases="value")\n'
    "value = plain | {'releases': releases}\n"
)
_OF_PMM = (
    'load("full", full="value")\n'
    f"value = full | dict([{', '.join(f'({name!r}, {name})' for name in PMM_FUNCTIONS)}])\n"
)


class ScriptError(Exception):
    """A script or an answer is invalid; the text is readable."""


class OutOfTimeError(Exception):
    """The evaluation was stopped at its deadline."""


class _StopError(Exception):
    """Raised by fail(), skip() and not_applicable(); scripts cannot catch it."""


class Run:
    """The calls of the current script: what it printed and how it stopped."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Reset for the next script."""
        self.printed: list[str] = []
        self.size = 0
        self.stopped: tuple[Ending, str] | None = None

    def print(self, line: str) -> None:
        """Keep a printed line; raises ValueError above the limit."""
        self.size += len(line) + 1
        if self.size > SCRIPT_OUTPUT_BYTES:
            raise ValueError(f"printed more than the limit of {SCRIPT_OUTPUT_BYTES} bytes")
        self.printed.append(line)

    def stopping(self, ending: Ending, prefix: str = "") -> Callable[[Any], None]:
        """A function that stops the script with this ending."""

        def stop(message: Any) -> None:
            self.stopped = ending, f"{prefix}{message}"
            raise _StopError

        return stop

    def refuse_number(self) -> None:
        """Called by driver.star for NaN and infinity; raises ValueError."""
        raise ValueError("returned a number that is not finite")

    def refuse_key(self) -> None:
        """Called by driver.star for a key of a dict that is no text; raises ValueError."""
        raise ValueError("returned a dict with a key that is no text")


class Engine:
    """Evaluates Starlark; `is_late` returns whether the current evaluation has to stop."""

    def __init__(self, is_late: Callable[[], bool]) -> None:
        self._is_late = is_late
        self._options = starlark.EvalOptions(check_cancelled=is_late, max_callstack_size=MAX_CALLS)
        self._run = Run()
        self._callables: dict[str, Callable[..., object]] = {
            **FUNCTIONS,
            "_print": self._run.print,
            "fail": self._run.stopping(Ending.BROKEN, "fail: "),
            "skip": self._run.stopping(Ending.SKIPPED),
            "not_applicable": self._run.stopping(Ending.NOT_APPLICABLE),
        }
        self._preludes = [starlark.parse("prelude", _PRELUDE)]
        self._preludes_of_pmm = [
            starlark.parse(name, (_FOLDER / name).read_text(encoding="utf-8"), _dialect(own=True))
            for name in _PRELUDES_OF_PMM
        ]
        self._answer = starlark.parse("answer", _ANSWER)
        self._context = starlark.parse("context", _CONTEXT)
        self._with_releases = starlark.parse("context", _WITH_RELEASES)
        self._of_pmm = starlark.parse("context", _OF_PMM)
        self._packs: OrderedDict[Any, Any] = OrderedDict()
        self._drivers: OrderedDict[Any, Any] = OrderedDict()
        out = starlark.Module()
        out.add_callable("refuse_number", self._run.refuse_number)
        out.add_callable("refuse_key", self._run.refuse_key)
        out.add_callable("readable", readable)
        text = (_FOLDER / "driver.star").read_text(encoding="utf-8")
        starlark.eval(out, starlark.parse("driver.star", text), _WITH_JSON)
        self._out: Any = out.freeze()

    def define(self, source: str, *, pmm: bool = False) -> Any:
        """The frozen module of a script; raises ScriptError and OutOfTimeError.

        With `pmm` the script runs as in Go's Starlark, by calls that are written into it.
        """
        module = starlark.Module()
        callables = dict(self._callables)
        if pmm:
            callables |= PMM_FUNCTIONS | TEXT_FUNCTIONS | {"_fail": callables["fail"]}
        for name, function in callables.items():
            module.add_callable(name, function)
        try:
            for prelude in self._preludes_of_pmm if pmm else self._preludes:
                self._eval(module, prelude, _PLAIN)
            if pmm:
                parsed = starlark.parse(SCRIPT, rewritten(source), _dialect(own=False))
            else:
                parsed = starlark.parse(SCRIPT, source)
            self._eval(module, parsed, _PLAIN)
            self._eval(module, starlark.parse("end", "_end = check_context"), _PLAIN)
        except (starlark.StarlarkError, ValueError) as error:
            raise self._failure(error, source) from None
        return module.freeze()

    def decode(self, text: bytes) -> Any:
        """A frozen module with the JSON `text` as `value`; raises ScriptError, OutOfTimeError."""
        module = starlark.Module()
        try:
            module["text"] = text.decode()
            self._eval(module, self._answer, _WITH_JSON)
        except (starlark.StarlarkError, ValueError) as error:
            raise self._failure(error) from None
        return module.freeze()

    def context(self, text: bytes, releases: Any) -> tuple[Any, Any]:
        """The context without and with release data, as frozen modules; raises ScriptError."""
        module = starlark.Module()
        for name, function in FUNCTIONS.items():
            module.add_callable(name, function)
        module["text"] = text.decode()
        try:
            self._eval(module, self._context, _WITH_JSON)
            plain = module.freeze()
            if releases is None:
                return plain, plain
            full = starlark.Module()
            known = {"plain": plain, "releases": releases}
            self._eval(full, self._with_releases, _PLAIN, known)
        except starlark.StarlarkError as error:
            raise self._failure(error) from None
        return plain, full.freeze()

    def context_of_pmm(self, full: Any) -> Any:
        """The context `full` with the functions of PMM instead of ours, as a frozen module."""
        module = starlark.Module()
        for name, function in PMM_FUNCTIONS.items():
            module.add_callable(name, function)
        self._eval(module, self._of_pmm, _PLAIN, {"full": full})
        return module.freeze()

    def driver(
        self, key: Hashable, items: Sequence[Item], modules: dict[str, Any], small: Sequence[int]
    ) -> Any:
        """A frozen module whose `go(number)` runs that item's script and `together` several.

        `key` identifies `items`.

        `modules` contains the script of each item by digest, the answers of the places in `small`
        together as `small`, each other answer as `a<place>`, and the contexts `plain`, `full` and
        `pmm`.
        All values for scripts are frozen, so that no script can change them for the next.
        Raises ScriptError.
        """
        pack = self._pack(key, items, modules)
        single = sorted({place for item in items for place in item.places} - set(small))
        module = starlark.Module()
        try:
            shape = (tuple(small), tuple(single))
            parsed = _kept(
                self._drivers, shape, lambda: starlark.parse("driver", driver_source(*shape))
            )
            self._eval(module, parsed, _PLAIN, {**modules, "pack": pack})
        except starlark.StarlarkError as error:
            raise self._failure(error) from None
        return module.freeze()

    def _pack(self, key: Hashable, items: Sequence[Item], modules: dict[str, Any]) -> Any:
        """A frozen module with the scripts and their places; cached for the next job."""

        def made() -> Any:
            module = starlark.Module()
            known = {f"s{at}": modules[item.digest] for at, item in enumerate(items)}
            self._eval(
                module,
                starlark.parse("pack", pack_source(items)),
                _PLAIN,
                {**known, "out": self._out},
            )
            return module.freeze()

        return _kept(self._packs, key, made)

    def call(self, driver: Any, number: int, index: int) -> End:
        """Run the script of item `number`; the end gets the `index` of the order."""
        run = self._run
        run.begin()
        try:
            text = str(driver.call_with(self._options, "go", number).value)
        except (starlark.StarlarkError, ValueError) as error:
            if run.stopped:  # by skip() and the like, often; reading the error takes as long again
                ending, text = run.stopped
            elif self._is_late():  # an evaluation that was cut at its deadline may fail anyhow
                ending, text = Ending.TIME, ""
            else:
                ending, text = Ending.BROKEN, reason_of(error)
        else:
            ending = Ending.RETURNED
            if len(text) > SCRIPT_OUTPUT_BYTES:
                ending = Ending.BROKEN
                text = f"returned more than the limit of {SCRIPT_OUTPUT_BYTES} bytes"
        printed = "\n".join(run.printed)
        return End(index=index, ending=ending, text=_encodable(text), printed=printed)

    def call_together(self, driver: Any, numbers: Sequence[int]) -> list[str] | None:
        """The results of the scripts `numbers` as JSON, by one evaluation, a tenth of the time.

        None if any of them ended otherwise or printed: then nothing is known about the others.
        """
        run = self._run
        run.begin()
        try:
            joined = str(driver.call_with(self._options, "together", list(numbers)).value)
        except (starlark.StarlarkError, ValueError):
            return None
        texts = joined.split("\n")  # JSON has no line break
        if run.printed or max(map(len, texts)) > SCRIPT_OUTPUT_BYTES:
            return None
        return [_encodable(text) for text in texts]

    def _failure(self, error: Exception, source: str = "") -> Exception:
        if self._is_late():
            return OutOfTimeError()
        return ScriptError(self._run.stopped[1] if self._run.stopped else reason_of(error, source))

    def _eval(
        self, module: Any, parsed: Any, names: Any, known: dict[str, Any] | None = None
    ) -> None:
        # Reset first: an error must not show the output of a previous script, of another job.
        self._run.begin()
        loader = starlark.FileLoader(known.__getitem__) if known else None
        starlark.eval_with(self._options, module, parsed, names, loader)


def _dialect(*, own: bool) -> Any:
    """The syntax of Go's Starlark; `own`: of our prelude, whose parameters are positional."""
    dialect = starlark.Dialect.standard()
    dialect.enable_keyword_only_arguments = True
    dialect.enable_positional_only_arguments = own
    return dialect


def _encodable(text: str) -> str:
    """A lone surrogate cannot be encoded: without this the whole report would be lost."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _kept(kept: OrderedDict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
    """The cached value of `key`, made if missing; the last MAX_KEPT used values stay."""
    found = kept.pop(key, None) or make()
    kept[key] = found
    if len(kept) > MAX_KEPT:
        kept.popitem(last=False)
    return found
