"""The coordinator's commands: `stt coordinator`, `stt standalone` and `stt demo`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_coordinator.alerts import cli as alerts
from stt_coordinator.store import cli as store
from stt_coordinator.web import cli as web
from stt_shared.command import reporting
from stt_shared.command.adding import SERVE, add_command
from stt_shared.command.gate import FailOn
from stt_shared.command.options import (
    AllowIncomplete,
    Connection,
    FailOnOption,
    load_settings,
)
from stt_shared.command.reporting import Exports, ReportOutput
from stt_shared.command.tables import load_whole_file
from stt_shared.errors import ConfigError, UsageError
from stt_shared.lifecycle import stop_on_signals
from stt_shared.report.formats.names import ReportFormat
from stt_shared.settings import SETTINGS
from stt_shared.telemetry import logs

PORT = 4222
MAX_PORT = 65_535

LogLevel = Annotated[str | None, Parameter(help="debug, info, warning or error.")]
LogFormat = Annotated[str | None, Parameter(help="console, json or auto.")]


def register(app: App) -> None:
    """Add the coordinator's commands to `app`."""
    alerts.add(app)
    web.add(app)
    store.add(app)
    add_command(
        app,
        coordinator,
        name="coordinator",
        access="rw",
        summary="Run the coordinator: it plans runs, stores results, answers control requests",
        examples=(
            "stt coordinator --nats-url nats://127.0.0.1:4222",
            "stt coordinator --config /etc/stt/config.toml",
        ),
        group=SERVE,
    )
    add_command(
        app,
        standalone,
        name="standalone",
        access="rw",
        summary="Run NATS, a coordinator and a worker on this machine, with persistent data",
        examples=(
            "stt standalone --targets targets.toml",
            "stt standalone --targets /etc/stt/targets.toml --state-dir /var/lib/stt",
        ),
        group=SERVE,
    )
    add_command(
        app,
        demo,
        name="demo",
        access="rw",
        summary="Try STT on this machine, with databases that are insecure on purpose",
        examples=(
            "stt demo",
            "stt demo --once --output json | jq .summary",
            "stt demo --cluster",
            "stt demo --webhook http://127.0.0.1:9000/",
        ),
        group=SERVE,
    )


async def coordinator(
    *,
    state_dir: Annotated[
        str | None, Parameter(help="Folder of the store (STT_COORDINATOR_STATE_DIR).")
    ] = None,
    name: Annotated[
        str | None, Parameter(help="Name of this coordinator (STT_COORDINATOR_NAME).")
    ] = None,
    adopt: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Use this store for the installation; data that only another store has is lost.",
        ),
    ] = False,
    replicas: Annotated[
        int | None, Parameter(help="Replicas of each stream (STT_COORDINATOR_REPLICAS).")
    ] = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    connection: Connection | None = None,
) -> None:
    """Run the coordinator until SIGTERM or SIGINT; it waits as a standby while another one acts."""
    from stt_coordinator import service  # noqa: PLC0415  # libraries only where they are used

    found = load_settings(
        connection or Connection(),
        coordinator__state_dir=state_dir,
        coordinator__name=name,
        coordinator__replicas=replicas,
        log__level=log_level,
        log__format=log_format,
    )
    logs.configure(found.log.level, found.log.format)
    stop = asyncio.Event()
    with stop_on_signals(stop):
        await service.run(found, stop, adopts=adopt)


async def standalone(
    *,
    targets: Annotated[Path, Parameter(help="The worker's file with its [[targets]] (TOML).")],
    state_dir: Annotated[
        Path | None, Parameter(help="Folder of all data; default: the state folder.")
    ] = None,
    port: Annotated[int, Parameter(help="Port of NATS on 127.0.0.1.")] = PORT,
) -> None:
    """Run NATS, a coordinator and a worker; SIGHUP reads the targets again.

    Raises UsageError for a port out of range, ConfigError for a used port or folder and for
    invalid targets.
    """
    from stt_coordinator.local import standalone as alone  # noqa: PLC0415  # as above

    path = targets.expanduser().absolute()
    if not path.exists():
        raise ConfigError(
            f"file {path} does not exist", hint="name the worker's file: --targets FILE"
        )
    if not 1 <= port <= MAX_PORT:
        raise UsageError(f"--port is {port}, expected 1 to {MAX_PORT}")
    found = load_whole_file(Connection(config=path))
    state = state_dir.expanduser().absolute() if state_dir else alone.default_state()
    await alone.run(alone.Options(targets=path, state=state, port=port), found)


async def demo(
    *,
    once: Annotated[
        bool, Parameter(negative=(), help="Run once, print the report, and exit with its code.")
    ] = False,
    cluster: Annotated[
        bool,
        Parameter(
            negative=(),
            help="With three nats-servers, a PostgreSQL store and two coordinators; one each is"
            " killed under a run.",
        ),
    ] = False,
    form: ReportOutput = ReportFormat.TABLE,
    export: Exports = (),
    fail_on: FailOnOption = FailOn.CRITICAL,
    allow_incomplete: AllowIncomplete = False,
    webhook: Annotated[
        str,
        Parameter(
            help="Post changes to this URL, signed with `the-secret-of-the-demo`.",
            show_default=False,
        ),
    ] = "",
) -> int:
    """Run the demo until Ctrl-C; --fail-on applies only with --once.

    Raises UsageError for a bad `webhook`.
    """
    from stt_coordinator.local import demo as play  # noqa: PLC0415  # as above

    try:
        SETTINGS["alerts.webhook"].check(webhook)
    except ValueError as error:
        raise UsageError(f"--webhook is {webhook!r}, {error}") from None
    return await play.run(
        play.Options(
            once=once,
            form=form,
            exports=reporting.files(export),
            fail_on=fail_on,
            allow_incomplete=allow_incomplete,
            webhook=webhook,
            cluster=cluster,
        )
    )
