"""`stt pack verify` and `stt pack show`: verifies a pack, shows its content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from stt_shared import clock
from stt_shared.command import output
from stt_shared.command.options import Connection, Output, load_settings, many
from stt_shared.command.output import OutputFormat
from stt_shared.errors import EXIT_FINDINGS, ConfigError, UsageError
from stt_shared.pack import minisign
from stt_shared.pack.manifest import PackError
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid

if TYPE_CHECKING:
    from stt_shared.checkfile.catalogue import Catalogue
    from stt_shared.pack.archive import Pack
    from stt_shared.pack.trust import Refused

COLUMNS = (Column("CHECK"), Column("TYPE"), Column("SHA-256", shorten=True), Column("SUMMARY"))
PackFile = Annotated[Path, Parameter(help="The pack file, NAME-SERIAL.sttpack.")]


def verify(
    file: PackFile,
    /,
    *,
    key: Annotated[tuple[str, ...], many("A public key or its file; default: pack.keys.")] = (),
    name: Annotated[str | None, Parameter(help="Expected name; default: pack.name.")] = None,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> int:
    """Verify a pack as a worker does that has no earlier one.

    Returns the exit code; raises UsageError without a key to verify with.
    """
    from stt_shared.pack import files, load, trust  # noqa: PLC0415  # as above

    pinned = load_settings(connection or Connection()).pack
    keys = tuple(files.public_key(text) for text in key or pinned.keys)
    if not keys:
        raise UsageError("no public key is given", hint="give one: --key, or set pack.keys")
    policy = trust.Policy(keys=keys, name=name or pinned.name)
    data, signature = files.read_pack_file(file), files.read_signature(file)
    verdict = trust.verify(data, signature, policy, now=clock.now(), last_serial=0)
    if isinstance(verdict, trust.Refused):
        _print_refusal(file, verdict, form)
        output.print_exit(EXIT_FINDINGS, f"rejected: {verdict.reason}")
        return EXIT_FINDINGS
    checks = load.load(verdict.pack)
    if form is OutputFormat.TABLE:
        amount = readable.number(len(checks.checks), "check")
        expires = readable.rfc3339(verdict.pack.manifest.expires)
        output.print_text(
            f"valid: {verdict.pack.label}, {amount}, signed by {verdict.key}, expires {expires}"
        )
        output.note(f"  Trusted comment: {verdict.comment}", "hint")
    else:
        head = {"good": True, "key": verdict.key, "comment": verdict.comment}
        output.print_message(head | _object(verdict.pack, checks, verdict.digest), form)
    warn_of_faults(checks)
    return 0


def _print_refusal(file: Path, refused: Refused, form: OutputFormat) -> None:
    if form is OutputFormat.TABLE:
        output.print_text(f"rejected: {refused.reason}: {refused.detail}")
        if refused.reason == "unsigned":
            output.note(f"  Sign it: stt pack sign {file} --key KEY.sec", "hint")
    else:
        value = {"good": False, "reason": refused.reason, "detail": refused.detail}
        output.print_message(value, form)


def warn_of_faults(checks: Catalogue) -> None:
    """Warn of each check that is skipped."""
    for fault in checks.faults:
        output.note(f"warning: check skipped: {fault}", "warn")


def decoded(file: Path, data: bytes) -> Pack:
    """The pack in a file; raises ConfigError."""
    from stt_shared.pack import archive  # noqa: PLC0415  # as above

    try:
        return archive.decode(data)
    except PackError as error:
        raise ConfigError(f"{file} is not a pack ({error})") from error


def show(file: PackFile, /, *, form: Output = OutputFormat.TABLE) -> None:
    """Show the content of a pack; raises ConfigError if the file is not a pack."""
    from stt_shared.identity import digest  # noqa: PLC0415  # as above
    from stt_shared.pack import files, load  # noqa: PLC0415  # as above

    data = files.read_pack_file(file)
    pack = decoded(file, data)
    checks, signature = load.load(pack), files.read_signature(file)
    try:
        signed = minisign.parse_signature(signature).key_name if signature is not None else ""
    except minisign.MinisignError as error:
        signed = f"an unreadable signature ({error})"
    if form is not OutputFormat.TABLE:
        head = {"claims_key": signed}
        output.print_message(head | _object(pack, checks, digest(data)), form)
        return
    manifest = pack.manifest
    created, expires = (readable.rfc3339(at) for at in (manifest.created, manifest.expires))
    life = f"created {created}, expires {expires}"
    output.note(f"{pack.label}, {life}, release data as of {checks.as_of or 'none'}")
    claim = f"claims to be signed by {signed}" if signed else "unsigned"
    output.note(f"sha256 {digest(data)}, {claim}; to verify it: stt pack verify")
    rows = (
        (
            Cell(check.name, "name"),
            Cell(str(check.family)),
            Cell(check.digest[:12], piped=check.digest),
            Cell(check.summary),
        )
        for check in checks.checks.values()
    )
    output.print_grid(Grid(COLUMNS, tuple(rows)))
    warn_of_faults(checks)


def _object(pack: Pack, checks: Catalogue, digest: str) -> dict[str, object]:
    return {
        "digest": digest,
        "manifest": pack.manifest,
        "releases_as_of": checks.as_of,
        "checks": {check.name: check.digest for check in checks.checks.values()},
        "faults": [str(fault) for fault in checks.faults],
    }
