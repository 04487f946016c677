"""What an installation of processes needs of NATS: one server, or a cluster of them."""

from __future__ import annotations

from typing import Protocol


class UnavailableError(AssertionError):
    """The coordinator says that NATS or its store do not answer."""


class Broker(Protocol):
    """A nats-server, or a cluster of them; `host` and `port` are of any of its servers."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def url(self) -> str:
        """The addresses of all servers, separated by commas."""
        ...

    def kill(self) -> None: ...

    def restart(self) -> object: ...

    def stop(self) -> None: ...
