"""Compiles scripts into frozen modules; the parts that scripts share are compiled once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import starlark

from stt_worker.sandbox.functions import FUNCTIONS
from stt_worker.sandbox.interpreter.early_ends import STOPS, with_returns
from stt_worker.sandbox.interpreter.evaluation import Evaluation, OutOfTimeError
from stt_worker.sandbox.interpreter.links import bound, loading
from stt_worker.sandbox.interpreter.reasons import SCRIPT
from stt_worker.sandbox.pmm.functions import PMM_FUNCTIONS
from stt_worker.sandbox.pmm.go_texts import TEXT_FUNCTIONS
from stt_worker.sandbox.pmm.rewriting import rewritten
from stt_worker.sandbox.wire import Ending

_FOLDER = Path(__file__).parent
_PRELUDE = (_FOLDER / "prelude.star").read_text(encoding="utf-8")
_OF_PRELUDE = "print"
_OF_PMM = _FOLDER.parent / "pmm"
_PRELUDES_OF_PMM = ("builtins.star", "pmm.star")  # in this order: the second hides names
Callables = dict[str, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class _Part:
    """The frozen module of a part, with the names that it binds; None if it is not one."""

    names: frozenset[str]
    module: Any


class Definer:
    """Compiles scripts, and keeps the modules of parts by the text from its beginning to theirs."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        run = evaluation.run
        self._callables: Callables = {
            **FUNCTIONS,
            "_print": run.print,
            "fail": run.stopping(Ending.BROKEN, "fail: "),
            **{name: run.stopping(ending) for name, ending in STOPS.items()},
        }
        self._prelude = starlark.parse("prelude", _PRELUDE)
        self._preludes_of_pmm = [
            starlark.parse(name, (_OF_PMM / name).read_text(encoding="utf-8"), _dialect(own=True))
            for name in _PRELUDES_OF_PMM
        ]
        self._end = starlark.parse("end", "_end = check_context")
        self._taken = frozenset({*self._callables, _OF_PRELUDE})
        self._parts: dict[bytes, _Part | None] = {}

    def define(
        self, source: str, digest: str, *, ends: Sequence[int] = (), pmm: bool = False
    ) -> Any:
        """The frozen module of the script `digest`; raises ScriptError and OutOfTimeError.

        Its parts end at `ends`, in characters. With `pmm` the script runs as in Go's Starlark, by
        calls that are written into it.
        """
        try:
            if pmm:
                return self._of_pmm(source)
            return self.of_parts(source, digest, ends) or self._whole(source, digest)
        except (starlark.StarlarkError, ValueError) as error:
            raise self._evaluation.failure(error, source) from None

    def _of_pmm(self, source: str) -> Any:
        names = self._callables | PMM_FUNCTIONS | TEXT_FUNCTIONS
        module = _module(names | {"_fail": self._callables["fail"]})
        for prelude in self._preludes_of_pmm:
            self._evaluation.eval(module, prelude)
        parsed = starlark.parse(SCRIPT, rewritten(source), _dialect(own=False))
        self._evaluation.eval(module, parsed)
        return self._ended(module)

    def _whole(self, source: str, digest: str) -> Any:
        return self._own(source, with_returns(source), digest)

    def of_parts(self, source: str, digest: str, ends: Sequence[int]) -> Any:
        """The script with a module for each of its parts; None if it has to be one text.

        Raises OutOfTimeError. Any other error is one of the whole text too, or a part names what
        the script binds; which of both shows when the whole text is compiled.
        """
        try:
            parts = self._parts_of(source, ends)
            if not parts:
                return None
            homes = _homes(parts)
            start = ends[-1]
            own, returning = source[start:], with_returns(source)
            if bound(own, self._taken | homes.keys()) is None:
                return None
            # The entry may stand in a part, which ends for every script in the same way.
            text = returning[start:] if returning.startswith(source[:start]) else own
            above = source.count("\n", 0, start)
            own, text = loading(own, above, homes), loading(text, above, homes)
            return self._own(own, text, digest, _modules(parts))
        except (starlark.StarlarkError, ValueError):
            if self._evaluation.is_late():
                raise OutOfTimeError from None
            return None

    def _own(
        self, plain: str, returning: str, digest: str, known: dict[str, Any] | None = None
    ) -> Any:
        """The frozen module of a script, with early returns if that is a text of Starlark.

        Only then are there the functions that it calls for them. Raises StarlarkError.
        """
        names, parsed = self._callables, None
        if returning != plain and (parsed := _parsed(returning)) is not None:
            names = names | self._evaluation.run.returning(digest)
        module = self._empty(names)
        self._evaluation.eval(module, parsed or starlark.parse(SCRIPT, plain), known=known)
        return self._ended(module)

    def _parts_of(self, source: str, ends: Sequence[int]) -> list[_Part]:
        """The modules of the parts; empty if the script has to be one text."""
        parts: list[_Part] = []
        read = hashlib.sha256()
        for start, end in pairwise([0, *ends]):
            read.update(source[start:end].encode(errors="surrogatepass"))
            key = read.digest()
            if key not in self._parts:
                self._parts[key] = self._part(source, start, end, parts)
            part = self._parts[key]
            if part is None:
                return []
            parts.append(part)
        return parts

    def _part(self, source: str, start: int, end: int, earlier: Sequence[_Part]) -> _Part | None:
        homes = _homes(earlier)
        text = source[start:end]
        names = bound(text, self._taken | homes.keys())
        if names is None:
            return None
        module = self._empty(self._callables)
        parsed = starlark.parse(SCRIPT, loading(text, source.count("\n", 0, start), homes))
        self._evaluation.eval(module, parsed, known=_modules(earlier))
        return _Part(names, module.freeze())

    def _empty(self, callables: Callables) -> Any:
        """A module with what every script finds."""
        module = _module(callables)
        self._evaluation.eval(module, self._prelude)
        return module

    def _ended(self, module: Any) -> Any:
        """The frozen `module`; raises StarlarkError if it has no entry."""
        self._evaluation.eval(module, self._end)
        return module.freeze()


def _homes(parts: Sequence[_Part]) -> dict[str, str]:
    """For each name that `parts` bind the name of its module."""
    return {name: str(number) for number, part in enumerate(parts) for name in part.names}


def _modules(parts: Sequence[_Part]) -> dict[str, Any]:
    return {str(number): part.module for number, part in enumerate(parts)}


def _module(callables: Callables) -> Any:
    module = starlark.Module()
    for name, function in callables.items():
        module.add_callable(name, function)
    return module


def _parsed(text: str) -> Any:
    """The parsed `text`; None if it is none of Starlark."""
    try:
        return starlark.parse(SCRIPT, text)
    except starlark.StarlarkError:
        return None


def _dialect(*, own: bool) -> Any:
    """The syntax of Go's Starlark; `own`: of our prelude, whose parameters are positional."""
    dialect = starlark.Dialect.standard()
    dialect.enable_keyword_only_arguments = True
    dialect.enable_positional_only_arguments = own
    return dialect
