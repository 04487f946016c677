"""Every setting outside of alerts and the page: name, type, default, limits, unit and text."""

from __future__ import annotations

from typing import Annotated

import msgspec

from stt_shared.settings import rules
from stt_shared.settings.alerts import AlertSettings
from stt_shared.settings.field import fields_of, setting
from stt_shared.settings.web import WebSettings
from stt_shared.telemetry.logs import FORMATS, LEVELS

BUILT_IN = "built-in"
DEFAULT_PACK = "checks"
MAX_CONCURRENCY = 256


class NatsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How NATS is reached."""

    url: Annotated[
        str,
        setting(
            "addresses of the NATS servers, separated by commas",
            rule=rules.nats_urls,
            address=True,
            foreign="NATS_URL",
        ),
    ] = "nats://127.0.0.1:4222"
    nkey: Annotated[str, setting("path of a file with the seed of an NKEY")] = ""
    creds: Annotated[str, setting("path of a credentials file", foreign="NATS_CREDS")] = ""
    user: Annotated[str, setting("user name, if there is neither NKEY nor credentials file")] = ""
    password: Annotated[str, setting("password of the user", secret=True)] = ""
    ca: Annotated[str, setting("path of the CA that signed the server's certificate")] = ""
    cert: Annotated[str, setting("path of a client certificate")] = ""
    key: Annotated[str, setting("path of the key of the client certificate")] = ""
    tls_first: Annotated[
        bool, setting("start TLS before the server's greeting, for handshake_first of nats-server")
    ] = False
    js_domain: Annotated[
        str,
        setting("JetStream domain of the streams; empty: that of the server", rule=rules.domain),
    ] = ""
    inbox_prefix: Annotated[
        str, setting("first tokens of the subjects for answers", rule=rules.subject)
    ] = "_INBOX"
    timeout_s: Annotated[
        float, setting("time to wait for an answer", low=0.1, high=300, unit="s")
    ] = 5.0


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged, and how."""

    level: Annotated[str, setting("least severe event that is logged", choices=tuple(LEVELS))] = (
        "info"
    )
    format: Annotated[
        str, setting("format of the log; auto: console on a terminal, else json", choices=FORMATS)
    ] = "auto"


class CoordinatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Name of a coordinator, where it stores its data, and what it keeps on NATS."""

    name: Annotated[
        str, setting("name of this coordinator; empty: the host name", rule=rules.token_or_empty)
    ] = ""
    state_dir: Annotated[
        str, setting("folder of the store; empty: the state folder of the system")
    ] = ""
    store: Annotated[
        str,
        setting(
            "postgresql:// address of the store; empty: SQLite in the state folder",
            rule=rules.store_address_or_empty,
            address=True,
        ),
    ] = ""
    store_password: Annotated[
        str,
        setting(
            "password of the user in `coordinator.store`: file:PATH, env:NAME, cred:NAME,"
            " exec:/PROGRAM ARGUMENTS, or the password itself; read anew for each session",
            rule=rules.secret_reference,
            secret=True,
        ),
    ] = ""
    subscribers: Annotated[
        tuple[str, ...],
        setting(
            "consumers of the stream of events that are kept for subscribers, by name",
            rule=rules.tokens,
        ),
    ] = ("events",)
    replicas: Annotated[
        int, setting("copies of each stream; 0: one for each server, at most 3", low=0, high=5)
    ] = 0
    release_after_h: Annotated[
        int,
        setting(
            "time that all workers of a target must be silent before it moves to another site that"
            " announces it; counted while other workers are heard",
            low=1,
            high=8760,
            unit="h",
        ),
    ] = 24
    forget_discovered_h: Annotated[
        int,
        setting(
            "time that a discovered target that no worker announces any more stays in the counts"
            " before it is forgotten; what was typed stays until `stt targets forget`",
            low=1,
            high=8760,
            unit="h",
        ),
    ] = 72


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Name and site of a worker, how much it does at once, and how it stops."""

    name: Annotated[
        str, setting("name of this worker; empty: the host name", rule=rules.token_or_empty)
    ] = ""
    site: Annotated[str, setting("network zone that this worker serves", rule=rules.token)] = (
        "default"
    )
    concurrency: Annotated[
        int,
        setting(
            "targets that are checked at once; up to four times as many may wait for their servers",
            low=1,
            high=MAX_CONCURRENCY,
        ),
    ] = 8
    state_dir: Annotated[
        str, setting("folder of the outbox; empty: the state folder of the system")
    ] = ""
    grace_s: Annotated[
        float,
        setting("time that running jobs have to finish after SIGTERM", low=0, high=3600, unit="s"),
    ] = 20.0
    allow_unsigned: Annotated[
        bool, setting("accept packs without a signature; only for the development of checks")
    ] = False


class PackSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the coordinator gets checks, and which packs coordinator and worker trust."""

    source: Annotated[
        str,
        setting(
            "source of the checks for the coordinator: built-in, a folder, a pack file, or an"
            " https:// address",
            rule=rules.pack_source,
            address=True,
        ),
    ] = BUILT_IN
    keys: Annotated[
        tuple[str, ...],
        setting(
            "minisign public keys whose packs are accepted; empty: no pack is accepted",
            rule=rules.public_keys,
        ),
    ] = ()
    name: Annotated[
        str, setting("name that an accepted pack must be signed for", rule=rules.token)
    ] = DEFAULT_PACK


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long the coordinator keeps the past; the present state is never deleted."""

    full_days: Annotated[
        int,
        setting(
            "time that runs, results, changes and fixed findings are kept in full",
            low=7,
            high=400,
            unit="days",
        ),
    ] = 30
    daily_days: Annotated[
        int,
        setting(
            "time that daily counts and the list of runs are kept", low=30, high=3660, unit="days"
        ),
    ] = 400


MAX_TARGETS = 20_000  # of one worker


class LimitsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker may cost the coordinator, whoever holds its credential."""

    worker_targets: Annotated[
        int,
        setting(
            "targets that one worker may announce, and new ones that it may bring in a day",
            low=1,
            high=MAX_TARGETS,
        ),
    ] = 2_000
    new_targets_per_minute: Annotated[
        int,
        setting("new targets that one worker may bring in a minute", low=1, high=MAX_TARGETS),
    ] = 1_000
    unused_results_mib_per_hour: Annotated[
        int,
        setting(
            "results that change nothing and that one worker may send in an hour; above it they "
            "are dropped and deleted on NATS",
            low=1,
            high=10_240,
            unit="MiB",
        ),
    ] = 64


class ResultsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which results the coordinator accepts."""

    require_nonce: Annotated[
        bool,
        setting(
            "refuse results that do not repeat the nonce of their job; unset, results without "
            "one are accepted for 14 days after an upgrade from a release that had no nonces"
        ),
    ] = True


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a service reports besides its logs."""

    traces: Annotated[
        bool, setting("send OpenTelemetry spans to the address in OTEL_EXPORTER_OTLP_ENDPOINT")
    ] = False


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; `origins` names the origin of each value that is not the default."""

    nats: NatsSettings = NatsSettings()
    log: LogSettings = LogSettings()
    coordinator: CoordinatorSettings = CoordinatorSettings()
    worker: WorkerSettings = WorkerSettings()
    pack: PackSettings = PackSettings()
    web: WebSettings = WebSettings()
    alerts: AlertSettings = AlertSettings()
    history: HistorySettings = HistorySettings()
    results: ResultsSettings = ResultsSettings()
    limits: LimitsSettings = LimitsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    origins: dict[str, str] = {}


SECTIONS: dict[str, type[msgspec.Struct]] = {
    field.name: field.type for field in msgspec.structs.fields(Settings) if field.name != "origins"
}
SETTINGS = {one.name: one for section, kind in SECTIONS.items() for one in fields_of(section, kind)}
SECRET_SETTINGS = frozenset(name for name, one in SETTINGS.items() if one.secret)


def names() -> tuple[str, ...]:
    """Every setting as `section.key`, in the order of the documentation."""
    return tuple(SETTINGS)
