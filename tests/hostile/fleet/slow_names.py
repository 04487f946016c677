"""A resolver that answers as a test wants, for children that have imported this module.

The system's resolver can neither be slow for one name nor give two addresses for another.
"""

from __future__ import annotations

import socket
import time
from typing import Any

SLOW = ".slow.test"
TWO = "two.test"  # the first address swallows everything, the second is loopback
SWALLOWING, LOOPBACK = "127.0.0.2", "127.0.0.1"
_system = socket.getaddrinfo


def _resolve(host: Any, port: Any, *given: Any, **more: Any) -> Any:
    name = str(host)
    if name.endswith(SLOW):
        if more.get("flags", 0) & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        time.sleep(600)
    if name == TWO:
        if more.get("flags", 0) & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        found = (_system(one, port, *given, **more) for one in (SWALLOWING, LOOPBACK))
        return [one for addresses in found for one in addresses]
    return _system(host, port, *given, **more)


socket.getaddrinfo = _resolve
