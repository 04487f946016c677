"""What the children of test_processes run."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from pathlib import Path

from stt_worker.processes.frames import Channel


def echo(channel: Channel) -> None:
    while (frame := channel.receive()) is not None:
        channel.send(str(os.getpid()).encode(), b" ", frame)


def describe(channel: Channel) -> None:
    """Describe the child as JSON, for each frame."""
    while channel.receive() is not None:
        found = {
            "environment": sorted(os.environ),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,  # the listing's own
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "umask": os.umask(0o077),
            "session": os.getsid(0),
            "ignores": [signal.getsignal(n) == signal.SIG_IGN for n in (2, 15)],
            "handed": [os.read(one, 100).decode() for one in channel.descriptors],
        }
        channel.send(json.dumps(found).encode())


def obey(channel: Channel) -> None:
    """Misbehave as the frame says."""
    while (frame := channel.receive()) is not None:
        word, _, number = frame.decode().partition(" ")
        if word == "sleep":
            time.sleep(float(number))
        elif word == "allocate":
            channel.send(str(len(bytearray(int(number)))).encode())
        elif word == "spin":
            while True:
                pass
        elif word == "raise":
            raise ValueError(number)
        else:
            os.kill(os.getpid(), signal.SIGKILL)
