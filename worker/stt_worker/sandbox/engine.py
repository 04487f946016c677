"""Runs Starlark in this process; keeps compiled modules, and freezes answers for each job."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import starlark

from stt_worker.sandbox.early_ends import STOPS, Run, with_returns
from stt_worker.sandbox.functions import FUNCTIONS
from stt_worker.sandbox.pmm.functions import PMM_FUNCTIONS
from stt_worker.sandbox.pmm.go_texts import TEXT_FUNCTIONS
from stt_worker.sandbox.pmm.halves import readable
from stt_worker.sandbox.pmm.rewriting import rewritten
from stt_worker.sandbox.port import SCRIPT_OUTPUT_BYTES
from stt_worker.sandbox.programs import driver_source, pack_source, places_of
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
_NOTHING = "null"  # the JSON of None


class ScriptError(Exception):
    """A script or an answer is invalid; the text is readable."""


class OutOfTimeError(Exception):
    """The evaluation was stopped at its deadline."""


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
            **{name: self._run.stopping(ending) for name, ending in STOPS.items()},
        }
        self._preludes = [starlark.parse("prelude", _PRELUDE)]
        self._preludes_of_pmm = [
            starlark.parse(name, (_FOLDER / name).read_text(encoding="utf-8"), _dialect(own=True))
            for name in _PRELUDES_OF_PMM
        ]
        self._answer = starlark.parse("answer", _ANSWER)
        self._packs: OrderedDict[Any, Any] = OrderedDict()
        self._drivers: OrderedDict[Any, Any] = OrderedDict()
        out = starlark.Module()
        out.add_callable("refuse_number", self._run.refuse_number)
        out.add_callable("refuse_key", self._run.refuse_key)
        out.add_callable("readable", readable)
        text = (_FOLDER / "driver.star").read_text(encoding="utf-8")
        starlark.eval(out, starlark.parse("driver.star", text), _WITH_JSON)
        self._out: Any = out.freeze()
        self._no_releases = self.decode(b"null")

    def define(self, source: str, digest: str, *, pmm: bool = False) -> Any:
        """The frozen module of the script `digest`; raises ScriptError and OutOfTimeError.

        With `pmm` the script runs as in Go's Starlark, by calls that are written into it.
        """
        module = starlark.Module()
        callables = dict(self._callables)
        if pmm:
            callables |= PMM_FUNCTIONS | TEXT_FUNCTIONS | {"_fail": callables["fail"]}
        try:
            returning = None if pmm else _parsed_with_returns(source)
            if returning is not None:
                callables |= self._run.returning(digest)
            for name, function in callables.items():
                module.add_callable(name, function)
            for prelude in self._preludes_of_pmm if pmm else self._preludes:
                self._eval(module, prelude, _PLAIN)
            if pmm:
                parsed = starlark.parse(SCRIPT, rewritten(source), _dialect(own=False))
            else:
                parsed = returning or starlark.parse(SCRIPT, source)
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

    def driver(
        self,
        key: Hashable,
        items: Sequence[Item],
        modules: dict[str, Any],
        context: bytes,
        answers: Sequence[bytes] | None = None,
    ) -> Any:
        """A frozen module whose `go(number)` runs that item's script and `together` several.

        `key` identifies `items`. `modules` contains the script of each item by digest, and the
        release data as `releases`, if there are any. `answers` are those of the places of all
        items, in order; if None, `modules` contains each as `a<place>`. All values for scripts
        are frozen, so that no script can change them for the next.
        Raises ScriptError and OutOfTimeError.
        """
        pack = self._pack(key, items, modules)
        places = places_of(items) if answers is None else None
        # One text, one module: each further one takes longer than all of its small values.
        text = b"".join((b"[[", b",".join(answers or ()), b"],", context, b"]"))
        module = starlark.Module()
        try:
            parsed = _kept(
                self._drivers,
                None if places is None else tuple(places),
                lambda: starlark.parse("driver", driver_source(places)),
            )
            module["text"] = text.decode()
            known = {"releases": self._no_releases, **modules, "pack": pack}
            self._eval(module, parsed, _WITH_JSON, known)
        except (starlark.StarlarkError, ValueError) as error:
            raise self._failure(error) from None
        return module.freeze()

    def _pack(self, key: Hashable, items: Sequence[Item], modules: dict[str, Any]) -> Any:
        """A frozen module with the scripts and their places; cached for the next job."""

        def made() -> Any:
            module = starlark.Module()
            for name, function in FUNCTIONS.items():
                module.add_callable(name, function)
            for name, function in PMM_FUNCTIONS.items():
                module.add_callable(f"pmm_{name}", function)
            known = {f"s{at}": modules[item.digest] for at, item in enumerate(items)}
            text = pack_source(items, FUNCTIONS, PMM_FUNCTIONS)
            parsed = starlark.parse("pack", text)
            self._eval(module, parsed, _PLAIN, {**known, "out": self._out})
            return module.freeze()

        return _kept(self._packs, key, made)

    def call(self, driver: Any, number: int, index: int) -> tuple[End, bool]:
        """Run the script of item `number`; the end gets the `index` of the order.

        And whether it could have run together with others: it returned, and printed nothing.
        """
        run = self._run
        run.begin()
        returned = False
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
            returned = not run.printed
            ending = Ending.RETURNED
            if text == _NOTHING and run.returned:
                ending, text = run.returned[0].ending, run.returned[0].text
            elif len(text) > SCRIPT_OUTPUT_BYTES:
                returned = False
                ending = Ending.BROKEN
                text = f"returned more than the limit of {SCRIPT_OUTPUT_BYTES} bytes"
        printed = "\n".join(run.printed)
        return End(index=index, ending=ending, text=_encodable(text), printed=printed), returned

    def call_together(
        self, driver: Any, numbers: Sequence[int], digests: Sequence[str]
    ) -> list[tuple[Ending, str]] | None:
        """The ends of the scripts `numbers` by one evaluation, a tenth of the time.

        None if any of them raised or printed: then nothing is known about the others.
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
        early = iter(run.returned)
        ends: list[tuple[Ending, str]] = []
        for text, digest in zip(texts, digests, strict=True):
            if text != _NOTHING:
                ends.append((Ending.RETURNED, _encodable(text)))
                continue
            # In order, and by digest: None of one script must not get the end of another.
            end = next(early, None)
            if end is None or end.digest != digest:
                return None
            ends.append((end.ending, _encodable(end.text)))
        return None if next(early, None) else ends

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


def _parsed_with_returns(source: str) -> Any:
    """The script with returns; None if it has none, or only without them is valid."""
    returning = with_returns(source)
    if returning == source:
        return None
    try:
        return starlark.parse(SCRIPT, returning)
    except starlark.StarlarkError:
        return None


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
