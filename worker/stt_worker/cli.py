"""The worker's commands: `stt worker`, `stt scan` and `stt targets test`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_shared import settings
from stt_shared.checkfile.document import Fault
from stt_shared.command import exclusions, output, reporting
from stt_shared.command.adding import READ, SERVE, add_command, add_noun
from stt_shared.command.exclusions import Exclusions
from stt_shared.command.gate import FailOn
from stt_shared.command.options import (
    AllowIncomplete,
    Checks,
    Connection,
    FailOnOption,
    Output,
    many,
)
from stt_shared.command.output import OutputFormat
from stt_shared.command.reporting import Exports, ReportOutput
from stt_shared.command.tables import SecretUse, load_whole_file, owns, secrets_of
from stt_shared.errors import EXIT_INCOMPLETE, ConfigError
from stt_shared.lifecycle import stop_on_signals
from stt_shared.report.formats.names import ReportFormat
from stt_shared.telemetry import logs
from stt_worker.oneshot import checks_commands

URLS = (
    "mysql://, mariadb://, postgresql:// or mongodb:// with user and password percent-encoded."
    " TLS is off for a server on this machine (127.0.0.1, localhost, a socket) and verify-full for"
    " any other; ?tls=off, require, verify-ca or verify-full overrides that, as do sslmode,"
    " ssl-mode and the TLS options of MongoDB."
)
Names = Annotated[tuple[str, ...], many("Only these databases.")]
AskPassword = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Ask at the terminal for the password of each URL that has a user and no password.",
    ),
]
PasswordFrom = Annotated[
    str,
    Parameter(
        help="Source of that password: env:NAME (for example env:PGPASSWORD or env:MYSQL_PWD, which"
        " are not read by default), file:PATH, cred:NAME or 'exec:/PROGRAM ARGUMENTS'.",
        show_default=False,
    ),
]
Config = Annotated[Path, Parameter(help="The worker's configuration file (TOML).")]

# --check as in all other commands; --checks is kept for scripts that use it.
NamedChecks = Annotated[Checks, Parameter(name=["--check", "--checks"])]


def register(app: App) -> None:
    """Add the worker's commands to `app`."""
    owns("targets", _check_targets)
    secrets_of("targets", _secrets)
    add_command(
        app,
        worker,
        name="worker",
        access="rw",
        summary="Run a worker: it takes jobs from NATS and checks its databases",
        examples=(
            "stt worker --config worker.toml",
            "stt worker --config /etc/stt/worker.toml --site eu-west --concurrency 16",
        ),
        group=SERVE,
    )
    add_command(
        app,
        scan,
        name="scan",
        access="ro",
        summary="Check databases once, without NATS and without a coordinator",
        examples=(
            "stt scan postgresql://stt@127.0.0.1/postgres --ask-password",
            "stt scan 'mysql://stt@db1/?ssl-ca=ca.pem' mongodb://db2 --password-from env:DB_PW",
            "stt scan --config worker.toml --check mysql_version,postgresql_version",
            "stt scan --pack pmm/checks postgresql://stt@db1/ --ask-password",
            "stt scan --config worker.toml --exceptions exceptions.yaml --skip-check mysql_version",
            "stt scan --config worker.toml --baseline baseline.json --fail-on major",
        ),
        group=READ,
    )
    checks_commands.register(app)
    targets = app["targets"] if "targets" in app else add_noun(app, "targets", "Databases", READ)
    add_command(
        targets,
        try_targets,
        name="test",
        access="ro",
        summary="Connect to each database of a worker: TLS, login, version, privileges",
        examples=(
            "stt targets test --config worker.toml",
            "stt targets test --config worker.toml --target orders-1 -o json",
        ),
    )


async def worker(
    *,
    name: Annotated[str | None, Parameter(help="Name of this worker (STT_WORKER_NAME).")] = None,
    site: Annotated[str | None, Parameter(help="Network zone (STT_WORKER_SITE).")] = None,
    concurrency: Annotated[
        int | None, Parameter(help="Databases checked at once (STT_WORKER_CONCURRENCY).")
    ] = None,
    state_dir: Annotated[
        str | None, Parameter(help="Folder of the outbox (STT_WORKER_STATE_DIR).")
    ] = None,
    grace_s: Annotated[
        float | None,
        Parameter(help="Seconds that running jobs get at SIGTERM (STT_WORKER_GRACE_S)."),
    ] = None,
    allow_unsigned: Annotated[
        bool | None,
        Parameter(negative=(), help="Accept unsigned packs; only to develop checks."),
    ] = None,
    log_level: Annotated[str | None, Parameter(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, Parameter(help="console, json or auto.")] = None,
    connection: Connection | None = None,
) -> None:
    """Run a worker; SIGHUP reloads the targets, SIGTERM drains and stops. Raises ConfigError."""
    from stt_worker import service  # noqa: PLC0415  # drivers only where they are used
    from stt_worker.targets import file  # noqa: PLC0415  # as above

    given = connection or Connection()
    path = given.config or settings.default_config_path()
    if not path.exists():
        raise ConfigError(
            f"configuration file {path} does not exist",
            hint="name the worker's file, which lists its targets: --config worker.toml",
        )
    found = load_whole_file(
        given,
        worker__name=name,
        worker__site=site,
        worker__concurrency=concurrency,
        worker__state_dir=state_dir,
        worker__grace_s=grace_s,
        worker__allow_unsigned=allow_unsigned,
        log__level=log_level,
        log__format=log_format,
    )
    logs.configure(found.log.level, found.log.format)
    stop = asyncio.Event()
    with stop_on_signals(stop):
        await service.run(found, lambda: file.load(path), stop)


def _check_targets(path: Path) -> None:
    from stt_worker.targets import file  # noqa: PLC0415  # as above

    file.load(path)


def _secrets(path: Path) -> tuple[SecretUse, ...]:
    from stt_worker.targets import file  # noqa: PLC0415  # as above

    return tuple(
        SecretUse(
            owner=target.id,
            family=target.family,
            scheme=target.secret.scheme or ("plain" if target.secret.is_plain else "none"),
            rest=target.secret.rest if target.secret.scheme in ("file", "env") else "",
        )
        for target in file.load(path).targets
    )


async def scan(
    *urls: Annotated[str, Parameter(help=URLS)],
    checks: NamedChecks = (),
    pack: Annotated[
        Path | None,
        Parameter(
            help="Folder or file of checks to run instead of the built-in ones; check files of"
            " Percona PMM run unchanged (docs/pmm.md)."
        ),
    ] = None,
    config: Annotated[
        Path | None, Parameter(help="Also scan the databases of this worker's file.")
    ] = None,
    ask_password: AskPassword = False,
    password_from: PasswordFrom = "",
    form: ReportOutput = ReportFormat.TABLE,
    export: Exports = (),
    fail_on: FailOnOption = FailOn.CRITICAL,
    allow_incomplete: AllowIncomplete = False,
    exclude: Exclusions | None = None,
) -> int:
    """Scan the databases; the exit code depends on the findings."""
    from stt_worker.execution import runtime  # noqa: PLC0415  # drivers only where used
    from stt_worker.oneshot import scan as scanning  # noqa: PLC0415  # as above
    from stt_worker.targets import passwords  # noqa: PLC0415  # as above

    logs.configure("warning", "auto")
    files = reporting.files(export)
    source = passwords.Source(ask=ask_password, reference=password_from)
    given = scanning.targets_to_scan(urls, config)
    left_out = exclude or Exclusions()
    site = scanning.site_of(left_out.site, config)
    if scanning.has_password(urls):
        output.note(f"warning: {passwords.SEEN}", "warn")
    found = await passwords.completed(given, source, Path.cwd())
    known = runtime.checks_of(pack)
    _warn_of(pack, known.faults)
    # A file for the whole fleet may also name built-in checks that this scan does not run.
    accepted, before = left_out.read((known, runtime.checks_of(None)))
    chosen = scanning.chosen(known, checks, left_out.skip_check)
    if idle := scanning.without_checks(found, chosen):
        output.note(f"warning: no check applies to {', '.join(idle)}", "warn")
    async with runtime.open_runtime(known, scanning.CONCURRENCY) as check_runtime:
        for refused in await check_runtime.faults_of_custom_checks():
            output.note(f"warning: {refused}", "warn")
        report = await scanning.scan(found, chosen, check_runtime.dependencies, site=site)
    report = exclusions.applied(report, accepted, scanning.labels_of(found), before)
    reporting.deliver(report, form, files, known.checks)
    output.hint(scanning.advice(report))
    # With --check given, a fault in another check does not make the scan incomplete.
    faults = 0 if checks else len(known.faults)
    return reporting.finish(
        report,
        form,
        fail_on,
        allow_incomplete=allow_incomplete
        or exclusions.tolerates(report, left_out.max_not_checked, faults),
        left_out=faults,
    )


def _warn_of(pack: Path | None, faults: Iterable[Fault]) -> None:
    if pack is not None:
        output.note(f"notice: the checks in {pack} are not signed", "warn")
    for fault in faults:
        output.note(f"warning: check skipped: {fault}", "warn")


async def try_targets(
    *,
    config: Config,
    target: Names = (),
    form: Output = OutputFormat.TABLE,
) -> int:
    """Connect to each target as the worker does; the exit code is 3 if one cannot be checked."""
    from stt_worker.execution import runtime  # noqa: PLC0415  # drivers only where they are used
    from stt_worker.oneshot import probe  # noqa: PLC0415  # drivers only where they are used
    from stt_worker.targets import file  # noqa: PLC0415  # as above

    logs.configure("warning", "auto")
    found = file.load(config)
    for warning in found.warnings:
        output.note(f"warning: {warning}", "warn")
    known = runtime.checks_of(None)
    async with runtime.open_runtime(known, probe.CONCURRENCY) as check_runtime:
        probed = await probe.probe_all(probe.named(found.targets, target), check_runtime)
    if form is OutputFormat.TABLE:
        output.print_grid(probe.grid(probed))
    elif form is OutputFormat.JSON:
        output.print_message(probed, form)
    else:
        output.print_lines(probed)
    bad = sum(not one.good for one in probed)
    if bad:
        output.print_exit(
            EXIT_INCOMPLETE, f"{bad} of {len(probed)} databases cannot be checked completely"
        )
    return EXIT_INCOMPLETE if bad else 0
