"""How NATS is reached."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsOptions:
    """How NATS is reached; `creds`, `ca`, `cert` and `key` are paths."""

    servers: tuple[str, ...] = ("nats://127.0.0.1:4222",)
    name: str = "stt"
    creds: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    key: str = ""
    timeout_s: float = 5.0
    inbox_prefix: str = "_INBOX"
    replicas: int = 0  # of each stream; 0: one for each server of the cluster, at most 3
