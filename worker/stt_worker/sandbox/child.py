"""The life of a child process of the sandbox: orders in, verdicts out, until the parent leaves."""

from __future__ import annotations

import mmap
import os
import struct
import time
from typing import Any

import msgspec

from stt_worker.processes.frames import Channel, FrameError
from stt_worker.sandbox import confinement
from stt_worker.sandbox.engine import Engine, OutOfTimeError, ScriptError
from stt_worker.sandbox.wire import (
    MARK_BYTES,
    End,
    Ending,
    Hello,
    Item,
    Order,
    Report,
    Stage,
    mark,
)

SLOW_S = 0.005  # after a script of this time its end is sent before the next one begins
REPORT_BYTES = 60 * 1024  # no more is kept back
_ORDER = msgspec.msgpack.Decoder(Order)
_ENCODER = msgspec.msgpack.Encoder()


def serve(channel: Channel) -> None:
    """Entry of the child; its first descriptor is the memory in which the mark stands."""
    shared = mmap.mmap(channel.descriptors[0], MARK_BYTES)
    os.close(channel.descriptors[0])
    worker = _Worker(channel, shared)
    channel.send(_ENCODER.encode(Hello(unfiltered=confinement.confine())))
    try:
        while (frame := channel.receive()) is not None:
            worker.obey(_ORDER.decode(frame))
    except FrameError:
        return


class _Worker:
    """Keeps what is compiled; an order at a time."""

    def __init__(self, channel: Channel, shared: mmap.mmap) -> None:
        self._channel = channel
        self._shared = shared
        self._deadline = 0.0
        self._engine = Engine(lambda: time.monotonic() >= self._deadline)
        self._scripts: dict[str, Any] = {}  # by digest a module, or why it is none
        self._releases: dict[str, Any] = {}  # likewise
        # The parent sends each text once, also with an order that ends before it is needed.
        self._sources: dict[str, str] = {}
        self._release_data: dict[str, bytes] = {}
        self._ends: list[End] = []
        self._size = 0

    def obey(self, order: Order) -> None:
        """Do one order and report its ends; what runs out of time is the last that is done."""
        until = time.monotonic() + order.total_s
        self._sources |= order.sources
        if order.release_data:
            self._release_data[order.releases] = order.release_data
        try:
            self._define(order, until)
            if not order.define_only:
                self._run(order, until)
        except OutOfTimeError:
            pass  # its end is among the ends
        self._mark(Stage.IDLE)
        self._report(done=True)

    def _define(self, order: Order, until: float) -> None:
        for index, item in enumerate(order.items):
            if item.digest in self._scripts:
                continue
            self._begin(Stage.DEFINE, index, order, until)
            began = time.monotonic()
            try:
                self._scripts[item.digest] = self._engine.define(self._sources[item.digest])
            except ScriptError as error:
                self._scripts[item.digest] = str(error)
            except OutOfTimeError:
                self._end(End(index=index, ending=Ending.TIME, text=""), slow=True)
                raise
            del self._sources[item.digest]
            if time.monotonic() - began > SLOW_S:
                self._report()
        if order.define_only:
            for index, item in enumerate(order.items):
                found = self._scripts[item.digest]
                broken = isinstance(found, str)
                ending = Ending.BROKEN if broken else Ending.RETURNED
                self._end(End(index=index, ending=ending, text=found if broken else ""))

    def _run(self, order: Order, until: float) -> None:
        modules = self._answers(order, until)
        self._begin(Stage.DRIVER, 0, order, until)
        modules["releases"] = self._releases_of(order)
        ready: list[tuple[int, Item]] = []
        for index, item in enumerate(order.items):
            if why := self._unusable(item, modules):
                self._end(End(index=index, ending=Ending.BROKEN, text=why))
            else:
                ready.append((index, item))
        try:
            driver = self._driver(order, [item for _, item in ready], modules)
        except ScriptError as error:
            why = f"the context cannot be read: {error}"
            self._ends += [End(index=at, ending=Ending.BROKEN, text=why) for at, _ in ready]
            return
        for number, (index, _) in enumerate(ready):
            self._begin(Stage.RUN, index, order, until)
            began = time.monotonic()
            end = self._engine.call(driver, number, index)
            self._end(end, slow=time.monotonic() - began > SLOW_S)
            if end.ending is Ending.TIME:
                return

    def _driver(self, order: Order, items: list[Item], modules: dict[str, Any]) -> Any:
        releases = modules["releases"]
        plain, full = self._engine.context(
            order.context, None if isinstance(releases, str) else releases
        )
        scripts = {item.digest: self._scripts[item.digest] for item in items}
        return self._engine.driver(items, {**modules, **scripts, "plain": plain, "full": full})

    def _answers(self, order: Order, until: float) -> dict[str, Any]:
        """Each answer that is asked for, decoded once; a text where it cannot be."""
        modules: dict[str, Any] = {}
        for place in sorted({place for item in order.items for place in item.places}):
            self._begin(Stage.ANSWER, place, order, until)
            try:
                modules[f"a{place}"] = self._engine.decode(order.answers[place])
            except (ScriptError, OutOfTimeError) as error:
                modules[f"a{place}"] = str(error) or "it takes too long"
        return modules

    def _unusable(self, item: Item, modules: dict[str, Any]) -> str:
        script = self._scripts[item.digest]
        if isinstance(script, str):
            return script
        if item.releases and isinstance(modules["releases"], str):
            return f"the release data cannot be read: {modules['releases']}"
        for number, place in enumerate(item.places):
            found = modules[f"a{place}"]
            if isinstance(found, str):
                return f"the answer docs[{number}] cannot be read: {found}"
        return ""

    def _releases_of(self, order: Order) -> Any:
        """The release data of the order, decoded once; a text if they cannot be, or None."""
        data = self._release_data.pop(order.releases, None)
        if data is not None:
            try:
                self._releases[order.releases] = self._engine.decode(data)
            except (ScriptError, OutOfTimeError) as error:
                self._releases[order.releases] = str(error) or "it takes too long"
        return self._releases.get(order.releases)

    def _begin(self, stage: Stage, index: int, order: Order, until: float) -> None:
        self._mark(stage, index)
        self._deadline = min(until, time.monotonic() + order.script_s)

    def _mark(self, stage: Stage, index: int = 0) -> None:
        struct.pack_into("=Q", self._shared, 0, mark(stage, index))

    def _end(self, end: End, *, slow: bool = False) -> None:
        self._ends.append(end)
        self._size += len(end.text) + len(end.printed)
        if slow or self._size > REPORT_BYTES:
            self._report()

    def _report(self, *, done: bool = False) -> None:
        if not done and not self._ends:
            return
        report = Report(ends=self._ends, done=done, cpu_s=time.process_time())
        self._channel.send(_ENCODER.encode(report))
        self._ends, self._size = [], 0
