"""A script of PMM in the product's engine, in this process: thousands take seconds."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from stt_worker.sandbox.interpreter.engine import Engine
from stt_worker.sandbox.wire import Ending, Item


class ScriptEndedError(Exception):
    """The script did not return; the text is the reason."""


class InProcess:
    """Evaluates scripts one after the other."""

    def __init__(self) -> None:
        self._engine = Engine(lambda: False)
        self._numbers = itertools.count()

    def value(self, source: str, docs: object) -> Any:
        """What the script returns as JSON; raises ScriptEndedError, ScriptError."""
        engine, digest = self._engine, str(next(self._numbers))
        script = engine.define(source, digest, pmm=True)
        item = Item(digest, (0,), whole=True, releases=False, pmm=True)
        answers = [msgspec.json.encode(docs)]
        driver = engine.driver(digest, [item], {digest: script}, b"{}", answers)
        end, _ = engine.call(driver, 0, 0)
        if end.ending is not Ending.RETURNED:
            raise ScriptEndedError(end.text)
        return msgspec.json.decode(end.text)
