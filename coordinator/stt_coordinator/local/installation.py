"""A local installation: processes that are started, watched, and stopped in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stt_coordinator.local.servers.process import STOP_S, Running
from stt_shared import lifecycle
from stt_shared.errors import EXIT_INCOMPLETE, EXIT_USAGE, ConfigError, SttError

STT = (sys.executable, "-P", "-m", "stt_cli")
MAX_STARTING = 4  # processes that start at the same time
POLL_S = 0.2  # between two checks that all processes run


class EndedError(SttError):
    """A process of the installation ended by itself."""

    exit_code = EXIT_INCOMPLETE


class Installation:
    """What was started; `stop` ends it in the opposite order and leaves no process."""

    def __init__(self) -> None:
        # The kernel ends a server with the thread that started it: these live until all is over.
        self._threads = ThreadPoolExecutor(MAX_STARTING, thread_name_prefix="stt-start")
        self._starts: list[Future[Running]] = []
        self._running: list[Running] = []

    async def start(self, begin: Callable[[], Running]) -> Running:
        """Start a process and wait until it is ready; raises what `begin` raises."""

        def begun() -> Running:
            running = begin()
            # In the thread of the start: a caller that is cancelled meanwhile must not lose it.
            self._running.append(running)
            return running

        start = self._threads.submit(begun)
        self._starts.append(start)
        return await asyncio.wrap_future(start)

    async def kill(self, running: Running) -> None:
        """End a process as a power cut would; it may be started again with its data."""
        # First: its end must not end the installation.
        self._running.remove(running)
        await asyncio.to_thread(running.kill)

    async def watch(self) -> None:
        """Wait until a process ends by itself; raises EndedError that names it, never returns."""
        while True:
            for running in tuple(self._running):
                if not running.pid:
                    code = running.child.returncode if running.child is not None else 0
                    # A service of ours that rejects its configuration has printed the reason.
                    is_ours = running.command[0] == STT[0]
                    kind = ConfigError if code == EXIT_USAGE and is_ours else EndedError
                    what = f"{running.name} ended by itself with code {code}"
                    raise kind(what, hint=running.tail())
            await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """End all in the opposite order of their start, also those that are just starting."""

        def stop_all() -> None:
            for start in self._starts:
                start.cancel()
            # Before the first is stopped: a start under way would be missed and left running.
            wait(self._starts)
            with ExitStack() as stack:
                stack.callback(self._threads.shutdown)
                for running in self._running:
                    stack.callback(running.stop)

        await asyncio.to_thread(stop_all)


def start_service(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str | None],
    *,
    aloud: bool = False,
    stop_s: float = STOP_S,
) -> Running:
    """Start `stt` with `words` as a process of its own; it is not waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    return Running(
        name=f"stt {words[0]}",
        command=[*STT, *words],
        directory=folder,
        ready=lambda: None,
        port=0,
        environment=environment,
        temporary=False,
        aloud=aloud,
        stop_s=stop_s,
    ).start()


@contextmanager
def stop_at_hang_up(stop: asyncio.Event) -> Generator[None]:
    """Set `stop` at every signal that asks to end, the terminal's going away included."""
    loop = asyncio.get_running_loop()
    with lifecycle.stop_on_signals(stop):
        loop.add_signal_handler(signal.SIGHUP, stop.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)


def clean_environment(names: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    """`wanted` alone: every other setting of ours that stands in the environment `names` goes."""
    ours = [name for name in names if name.startswith(("STT_", "NATS_"))]
    return {**dict.fromkeys(ours), **wanted}


Script = Callable[[], Awaitable[None]]


async def run_script(installation: Installation, script: Script, stop: asyncio.Event) -> None:
    """Run `script` while every process lives and until `stop` is set; then end everything.

    Raises EndedError if a process ends by itself, and what `script` raises.
    """
    try:
        await lifecycle.supervise({"script": script, "watch": installation.watch}, stop)
    finally:
        await installation.stop()
