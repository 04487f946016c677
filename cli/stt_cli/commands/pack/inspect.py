"""`stt pack verify` and `stt pack show`: whether a pack would be taken, and what it holds."""

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
    from stt_shared.checkfile.model import Check
    from stt_shared.pack.archive import Pack
    from stt_shared.pack.trust import Refused

COLUMNS = (Column("CHECK"), Column("FAMILY"), Column("SHA-256", shorten=True), Column("SUMMARY"))
PackFile = Annotated[Path, Parameter(help="The pack file, NAME-SERIAL.sttpack.")]


def verify(
    file: PackFile,
    /,
    *,
    key: Annotated[
        tuple[str, ...], many("A public key, or its file; default: those of the configuration.")
    ] = (),
    name: Annotated[
        str | None, Parameter(help="The name expected; default: that of the configuration.")
    ] = None,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> int:
    """Judge a pack as a worker does that never had one before."""
    from stt_shared.pack import files, load, trust  # noqa: PLC0415  # as above

    pinned = load_settings(connection or Connection()).pack
    keys = tuple(files.public_key(text) for text in key or pinned.keys)
    if not keys:
        raise UsageError("no key to verify with", hint="give one with --key, or pin it: pack.keys")
    policy = trust.Policy(keys=keys, name=name or pinned.name)
    data, signature = files.read_pack_file(file), files.read_signature(file)
    verdict = trust.judge(data, signature, policy, now=clock.now(), last_serial=0)
    if isinstance(verdict, trust.Refused):
        _print_refusal(file, verdict, form)
        output.print_exit(EXIT_FINDINGS, f"refused: {verdict.reason}")
        return EXIT_FINDINGS
    checks = load.load(verdict.pack)
    if form is OutputFormat.TABLE:
        output.print_text(
            f"good: {verdict.pack.label}, {readable.number(len(checks.checks), 'check')}, signed by"
            f" {verdict.key}, expires {readable.rfc3339(verdict.pack.manifest.expires)}"
        )
        output.note(f"  Trusted comment: {verdict.comment}", "hint")
    else:
        said = {"good": True, "key": verdict.key, "comment": verdict.comment}
        output.print_message(said | _object(verdict.pack, checks, verdict.digest), form)
    warn_of_faults(checks)
    return 0


def _print_refusal(file: Path, refused: Refused, form: OutputFormat) -> None:
    if form is OutputFormat.TABLE:
        output.print_text(f"refused: {refused.reason}: {refused.detail}")
        if refused.reason == "unsigned":
            output.note(f"  Sign it: stt pack sign {file} --key KEY.sec", "hint")
    else:
        said = {"good": False, "reason": refused.reason, "detail": refused.detail}
        output.print_message(said, form)


def warn_of_faults(checks: Catalogue) -> None:
    """Name each check that is left out."""
    for fault in checks.faults:
        output.note(f"warning: check left out: {fault}", "warn")


def decoded(file: Path, data: bytes) -> Pack:
    """The pack in a file; raises ConfigError."""
    from stt_shared.pack import archive  # noqa: PLC0415  # as above

    try:
        return archive.decode(data)
    except PackError as error:
        raise ConfigError(f"{file} is no pack ({error})") from error


def show(file: PackFile, /, *, form: Output = OutputFormat.TABLE) -> None:
    """Show what stands in a pack."""
    from stt_shared.identity import digest  # noqa: PLC0415  # as above
    from stt_shared.pack import files, load  # noqa: PLC0415  # as above

    data = files.read_pack_file(file)
    pack = decoded(file, data)
    checks, signed = load.load(pack), _signed_by(files.read_signature(file))
    if form is not OutputFormat.TABLE:
        said = {"claims_key": signed}
        output.print_message(said | _object(pack, checks, digest(data)), form)
        return
    manifest = pack.manifest
    created, expires = (readable.rfc3339(at) for at in (manifest.created, manifest.expires))
    life = f"created {created}, expires {expires}"
    output.note(f"{pack.label}, {life}, release data as of {checks.as_of or 'none'}")
    claim = f"claims to be signed by {signed}" if signed else "unsigned"
    output.note(f"sha256 {digest(data)}, {claim}: stt pack verify tells")
    output.print_grid(Grid(COLUMNS, tuple(_row(check) for check in checks.checks.values())))
    warn_of_faults(checks)


def _signed_by(text: str | None) -> str:
    try:
        return minisign.parse_signature(text).key_name if text is not None else ""
    except minisign.MinisignError as error:
        return f"nobody ({error})"


def _row(check: Check) -> tuple[Cell, ...]:
    family, found = Cell(str(check.family)), Cell(check.digest[:12], piped=check.digest)
    return Cell(check.name, "name"), family, found, Cell(check.summary)


def _object(pack: Pack, checks: Catalogue, digest: str) -> dict[str, object]:
    return {
        "digest": digest,
        "manifest": pack.manifest,
        "releases_as_of": checks.as_of,
        "checks": {check.name: check.digest for check in checks.checks.values()},
        "faults": [str(fault) for fault in checks.faults],
    }
