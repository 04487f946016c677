"""A child process of the sandbox: runs orders and reports until the parent closes the channel."""

from __future__ import annotations

import mmap
import os
import time
from typing import Any

import msgspec

from stt_worker.processes.frames import Channel, FrameError
from stt_worker.sandbox import confinement
from stt_worker.sandbox.interpreter.engine import Engine
from stt_worker.sandbox.interpreter.evaluation import OutOfTimeError, ScriptError
from stt_worker.sandbox.wire import (
    MARK_BYTES,
    NO_FINDINGS,
    End,
    Ending,
    Hello,
    Item,
    Order,
    Report,
    Stage,
    mark,
)

SLOW_S = 0.005  # the end of a script that took longer is sent before the next script starts
SMALL_BYTES = 64 * 1024  # decoded in milliseconds
MIN_GROUP = 2  # scripts that run by one evaluation
REPORT_BYTES = 60 * 1024  # larger reports are sent at once
_ORDER = msgspec.msgpack.Decoder(Order)
_ENCODER = msgspec.msgpack.Encoder()


def serve(channel: Channel) -> None:
    """Entry of the child; its first descriptor is the shared memory of the mark."""
    shared = mmap.mmap(channel.descriptors[0], MARK_BYTES)
    os.close(channel.descriptors[0])
    worker = _Worker(channel, shared)
    channel.send(_ENCODER.encode(Hello(unfiltered=confinement.confine())))
    try:
        while (frame := channel.receive()) is not None:
            worker.obey(_ORDER.decode(frame))
    except FrameError:
        return


class _Program:
    """A list of items, the places that they read, and the items that cannot run in a group."""

    def __init__(self, number: int, items: list[Item]) -> None:
        self.number = number
        self.items = items
        self.places = sorted({place for item in items for place in item.places})
        self.has_run = False
        self.apart: set[int] = set()  # they once skipped, failed, printed or held up their group


class _Worker:
    """Runs one order at a time and keeps compiled scripts."""

    def __init__(self, channel: Channel, shared: mmap.mmap) -> None:
        self._channel = channel
        self._word = memoryview(shared).cast("Q")
        self._deadline = 0.0
        self._until = 0.0  # deadline of the order
        self._engine = Engine(lambda: time.monotonic() >= self._deadline)
        self._programs: dict[int, _Program] = {}
        self._scripts: dict[str, Any] = {}  # by digest: a module, or the error as text
        self._releases: dict[str, Any] = {}  # by digest: likewise
        # Kept until used: the parent sends each text once, and an order may end before its use.
        self._sources: dict[str, str] = {}
        self._release_data: dict[str, bytes] = {}
        self._ends: list[End] = []
        self._without_findings: list[int] = []
        self._size = 0

    def obey(self, order: Order) -> None:
        """Run one order and report its ends; it stops at the first script that exceeds its time."""
        self._until = time.monotonic() + order.total_s
        if order.items:
            self._programs[order.program] = _Program(order.program, order.items)
        self._sources |= order.sources
        if order.release_data:
            self._release_data[order.releases] = order.release_data
        program = self._programs[order.program]
        try:
            self._define(program, order)
            if not order.define_only:
                self._run(program, order)
            else:
                for index, item in enumerate(program.items):
                    found = self._scripts[item.digest]
                    broken = isinstance(found, str)
                    ending = Ending.BROKEN if broken else Ending.RETURNED
                    self._end(End(index=index, ending=ending, text=found if broken else ""))
        except OutOfTimeError:
            pass  # its end is reported
        # Before the report: a child that dies after it must not be blamed on its last script.
        self._mark(Stage.IDLE)
        self._report(done=True)

    def _define(self, program: _Program, order: Order) -> None:
        for index, item in enumerate(program.items):
            if item.digest in self._scripts:
                continue
            began = self._begin(Stage.DEFINE, index, order)
            try:
                source = self._sources[item.digest]
                self._scripts[item.digest] = self._engine.define(
                    source, item.digest, ends=item.part_ends, pmm=item.pmm
                )
            except ScriptError as error:
                self._scripts[item.digest] = str(error)
            except OutOfTimeError:
                self._end(End(index=index, ending=Ending.TIME, text=""), slow=True)
                raise
            # Used: the compiled script stays, the text would double its memory.
            del self._sources[item.digest]
            if time.monotonic() - began > SLOW_S:
                self._report()

    def _run(self, program: _Program, order: Order) -> None:
        ready = list(enumerate(program.items))
        driver = self._driver_at_once(program, order)
        if driver is None:
            modules = self._answers(program, order)
            ready = self._usable(program, modules)
            try:
                driver = self._driver(program, order, [item for _, item in ready], modules)
            except ScriptError as error:
                why = f"the context cannot be read: {error}"
                self._ends += [End(index=at, ending=Ending.BROKEN, text=why) for at, _ in ready]
                return
        numbers = {index: number for number, (index, _) in enumerate(ready)}
        group = self._group(program, order, numbers)
        done = self._run_together(group, program, order, driver, numbers)
        for index in [one for one in numbers if one not in done]:
            began = self._begin(Stage.RUN, index, order)
            end, returned = self._engine.call(driver, numbers[index], index)
            slow = time.monotonic() - began > SLOW_S
            self._end(end, slow=slow)
            # Slow alone is no reason: on a busy machine every script is slow once.
            if not returned or (slow and group):
                program.apart.add(index)
            if end.ending is Ending.TIME:
                return
        program.has_run = True

    def _group(self, program: _Program, order: Order, numbers: dict[int, int]) -> list[int]:
        """The items to run together: those that have only returned so far."""
        if order.singly or not program.has_run:
            return []
        group = [index for index in numbers if index not in program.apart]
        return group if len(group) >= MIN_GROUP else []

    def _run_together(
        self,
        group: list[int],
        program: _Program,
        order: Order,
        driver: Any,
        numbers: dict[int, int],
    ) -> set[int]:
        """Run the group by one evaluation, a tenth of the time; returns the items with an end.

        It has the time of one script, and if any of them does not return, all run again alone:
        scripts have no effects.
        """
        if not group:
            return set()
        self._begin(Stage.GROUP, 0, order)
        digests = [program.items[index].digest for index in group]
        ends = self._engine.call_together(driver, [numbers[index] for index in group], digests)
        if ends is None:
            return set()
        for index, (ending, text) in zip(group, ends, strict=True):
            if text == NO_FINDINGS and ending is Ending.RETURNED:
                self._without_findings.append(index)
            else:
                self._end(End(index=index, ending=ending, text=text))
        return set(group)

    def _driver_at_once(self, program: _Program, order: Order) -> Any:
        """The driver of all items with all answers decoded together; None if that fails."""
        answers = [order.answers[place] for place in program.places]
        if order.singly or sum(map(len, answers)) > SMALL_BYTES:
            return None
        self._begin(Stage.DRIVER, 0, order)
        modules = {item.digest: self._scripts[item.digest] for item in program.items}
        if (releases := self._releases_of(order)) is not None:
            modules["releases"] = releases
        if any(isinstance(one, str) for one in modules.values()):
            return None
        self._begin(Stage.TOGETHER, 0, order)
        try:
            return self._engine.driver(
                program.number, program.items, modules, order.context, answers
            )
        except (ScriptError, OutOfTimeError):
            return None  # one by one, to find the malformed answer

    def _driver(
        self, program: _Program, order: Order, items: list[Item], modules: dict[str, Any]
    ) -> Any:
        """The driver of `items` with the answers in `modules`; raises ScriptError."""
        self._begin(Stage.DRIVER, 0, order)
        known = {name: one for name, one in modules.items() if not isinstance(one, str)}
        known |= {item.digest: self._scripts[item.digest] for item in items}
        key = program.number if len(items) == len(program.items) else tuple(items)
        return self._engine.driver(key, items, known, order.context)

    def _answers(self, program: _Program, order: Order) -> dict[str, Any]:
        """Each needed answer, and the release data; the error as text if one cannot be decoded."""
        modules: dict[str, Any] = {}
        for place in program.places:
            self._begin(Stage.ANSWER, place, order)
            try:
                modules[f"a{place}"] = self._engine.decode(order.answers[place])
            except (ScriptError, OutOfTimeError) as error:
                modules[f"a{place}"] = str(error) or "it takes too long"
        self._begin(Stage.DRIVER, 0, order)
        if (releases := self._releases_of(order)) is not None:
            modules["releases"] = releases
        return modules

    def _usable(self, program: _Program, modules: dict[str, Any]) -> list[tuple[int, Item]]:
        """The items that can run, with their indexes; reports the end of the others."""
        scripts = (self._scripts[item.digest] for item in program.items)
        if not any(isinstance(one, str) for one in (*modules.values(), *scripts)):
            return list(enumerate(program.items))
        ready: list[tuple[int, Item]] = []
        for index, item in enumerate(program.items):
            if why := self._unusable(item, modules):
                self._end(End(index=index, ending=Ending.BROKEN, text=why))
            else:
                ready.append((index, item))
        return ready

    def _unusable(self, item: Item, modules: dict[str, Any]) -> str:
        script = self._scripts[item.digest]
        if isinstance(script, str):
            return script
        if item.releases and isinstance(why := modules.get("releases"), str):
            return f"the release data cannot be read: {why}"
        for number, place in enumerate(item.places):
            found = modules.get(f"a{place}")
            if isinstance(found, str):
                return f"the answer docs[{number}] cannot be read: {found}"
        return ""

    def _releases_of(self, order: Order) -> Any:
        """The release data of the order, decoded once; an error as text; or None."""
        data = self._release_data.pop(order.releases, None)
        if data is not None:
            try:
                self._releases[order.releases] = self._engine.decode(data)
            except (ScriptError, OutOfTimeError) as error:
                self._releases[order.releases] = str(error) or "it takes too long"
        return self._releases.get(order.releases)

    def _begin(self, stage: Stage, index: int, order: Order) -> float:
        """Mark the current work for the parent's watch; returns the current time."""
        self._mark(stage, index)
        now = time.monotonic()
        # The earlier of both: the last script of an order must not get more than what is left.
        self._deadline = min(self._until, now + order.script_s)
        return now

    def _mark(self, stage: Stage, index: int = 0) -> None:
        self._word[0] = mark(stage, index)

    def _end(self, end: End, *, slow: bool = False) -> None:
        self._ends.append(end)
        self._size += len(end.text) + len(end.printed)
        if slow or self._size > REPORT_BYTES:
            self._report()

    def _report(self, *, done: bool = False) -> None:
        if not done and not self._ends and not self._without_findings:
            return
        report = Report(
            ends=self._ends,
            without_findings=self._without_findings,
            done=done,
            cpu_s=time.process_time(),
        )
        self._channel.send(_ENCODER.encode(report))
        self._ends, self._without_findings, self._size = [], [], 0
