"""Runs Starlark in this process; keeps compiled modules, and freezes answers for each job."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import starlark

from stt_worker.sandbox.functions import FUNCTIONS
from stt_worker.sandbox.interpreter.definition import Definer
from stt_worker.sandbox.interpreter.evaluation import WITH_JSON, Evaluation
from stt_worker.sandbox.interpreter.programs import driver_source, pack_source, places_of
from stt_worker.sandbox.interpreter.reasons import reason_of
from stt_worker.sandbox.pmm.functions import PMM_FUNCTIONS
from stt_worker.sandbox.pmm.halves import readable
from stt_worker.sandbox.port import SCRIPT_OUTPUT_BYTES
from stt_worker.sandbox.wire import End, Ending, Item

MAX_KEPT = 32  # packs and drivers each
_FOLDER = Path(__file__).parent
_ANSWER = "value = json.decode(text)"
_NOTHING = "null"  # the JSON of None


class Engine:
    """Evaluates Starlark; `is_late` returns whether the current evaluation has to stop."""

    def __init__(self, is_late: Callable[[], bool]) -> None:
        self._evaluation = Evaluation(is_late)
        self._run = self._evaluation.run
        self._definer = Definer(self._evaluation)
        self.define = self._definer.define
        self._answer = starlark.parse("answer", _ANSWER)
        self._packs: OrderedDict[Any, Any] = OrderedDict()
        self._drivers: OrderedDict[Any, Any] = OrderedDict()
        out = starlark.Module()
        out.add_callable("refuse_number", self._run.refuse_number)
        out.add_callable("refuse_key", self._run.refuse_key)
        out.add_callable("readable", readable)
        text = (_FOLDER / "driver.star").read_text(encoding="utf-8")
        starlark.eval(out, starlark.parse("driver.star", text), WITH_JSON)
        self._out: Any = out.freeze()
        self._no_releases = self.decode(b"null")

    def decode(self, text: bytes) -> Any:
        """A frozen module with the JSON `text` as `value`; raises ScriptError, OutOfTimeError."""
        module = starlark.Module()
        try:
            module["text"] = text.decode()
            self._evaluation.eval(module, self._answer, WITH_JSON)
        except (starlark.StarlarkError, ValueError) as error:
            raise self._evaluation.failure(error) from None
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
            self._evaluation.eval(module, parsed, WITH_JSON, known)
        except (starlark.StarlarkError, ValueError) as error:
            raise self._evaluation.failure(error) from None
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
            self._evaluation.eval(module, parsed, known={**known, "out": self._out})
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
            text = str(driver.call_with(self._evaluation.options, "go", number).value)
        except (starlark.StarlarkError, ValueError) as error:
            if run.stopped:  # by skip() and the like, often; reading the error takes as long again
                ending, text = run.stopped
            elif (
                self._evaluation.is_late()
            ):  # an evaluation that was cut at its deadline may fail anyhow
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
            joined = str(
                driver.call_with(self._evaluation.options, "together", list(numbers)).value
            )
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
