"""One of our own processes, which tests start, kill and start again with the same data."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STT = str(Path(sys.executable).parent / "stt")
END_S = 300.0  # that it may take until a fault point ends it


@dataclass(kw_only=True)
class Process:
    """One of our own processes: started, killed and started again with the same data."""

    command: Sequence[str]
    program: str = STT
    environment: dict[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = None
    kills: int = 0

    def start(self, *, fault: str = "") -> None:
        environment = self.environment | ({"STT_FAULT_POINT": fault} if fault else {})
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [self.program, *self.command], env=environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self.child is not None
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(30)
        self.kills += 1

    async def killed_by_itself(self) -> None:
        """Wait for the fault point to end the process; anything but SIGKILL is a failure."""
        assert self.child is not None
        code = await asyncio.to_thread(self.child.wait, END_S)
        assert code == -signal.SIGKILL, self.tail()
        self.kills += 1

    def stop(self) -> int:
        if self.child is None:
            return 0
        self.child.terminate()
        try:
            return self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(30)
            raise

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]
