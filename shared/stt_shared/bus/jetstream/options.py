"""How NATS is reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from stt_shared.protocol import subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsOptions:
    """How NATS is reached; `nkey`, `creds`, `ca`, `cert` and `key` are paths."""

    servers: tuple[str, ...] = ("nats://127.0.0.1:4222",)
    name: str = "stt"
    nkey: str = ""
    creds: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    key: str = ""
    tls_first: bool = False
    timeout_s: float = 5.0
    inbox_prefix: str = "_INBOX"
    js_domain: str = ""
    replicas: int = 0  # of each stream; 0: one for each server of the cluster, at most 3

    @property
    def needs_tls(self) -> bool:
        """Whether an option requires TLS, whatever the addresses are."""
        return bool(self.ca or self.cert or self.tls_first)

    def api(self, call: str) -> str:
        """The subject of a call of the JetStream API, in the domain of the options."""
        return subjects.js_api(call, self.js_domain)

    def own(self, subject: str) -> str:
        """`subject`, in the domain of the options if it is one of JetStream or of a bucket."""
        api = subjects.js_api("")
        if self.js_domain and subject.startswith(subjects.KV):
            # A leaf node lets no plain `$KV` pass to a hub of another domain; the hub maps this.
            return self.api(subject)
        return self.api(subject.removeprefix(api)) if subject.startswith(api) else subject
