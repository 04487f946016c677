"""`stt pack`: keys, and packs of checks that are built, signed, verified and looked into."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from stt_shared import clock
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.command.options import Connection, Output, load_settings, many
from stt_shared.command.output import OutputFormat
from stt_shared.errors import EXIT_FINDINGS, ConfigError, UsageError
from stt_shared.pack import minisign
from stt_shared.pack.manifest import PackError
from stt_shared.report import words
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.settings import DEFAULT_PACK

if TYPE_CHECKING:
    from stt_shared.checkfile.catalogue import Catalogue
    from stt_shared.checkfile.model import Check
    from stt_shared.pack.archive import Pack
    from stt_shared.pack.trust import Refused

DAYS = 365
COLUMNS = (Column("CHECK"), Column("FAMILY"), Column("SHA-256", shorten=True), Column("SUMMARY"))
PackFile = Annotated[Path, Parameter(help="The pack file, NAME-SERIAL.sttpack.")]
Name = Annotated[str, Parameter(help="The name that workers expect (pack.name).")]
Force = Annotated[bool, Parameter(negative=(), help="Overwrite a file that is there.")]


def add(app: App) -> None:
    """Add `pack` and its commands to `app`."""
    noun = add_noun(app, "pack", "Signed packs of checks: build, sign, verify", TOOL)
    add_command(
        noun,
        build,
        name="build",
        access="rw",
        summary="Make one file of a folder of checks; every fault in the folder is told",
        examples=("stt pack build checks", "stt pack build checks --serial 12 --days 90 --to out"),
    )
    add_command(
        noun,
        serial,
        name="serial",
        access="rw",
        summary="Raise the serial of a folder of checks whose content changed",
        examples=("stt pack serial checks",),
    )
    add_command(
        noun,
        sign,
        name="sign",
        access="rw",
        summary="Sign a pack; the signature, minisign's, is written beside it",
        examples=("stt pack sign checks-12.sttpack --key checks.sec",),
    )
    add_command(
        noun,
        verify,
        name="verify",
        access="ro",
        summary="Tell whether a worker would take a pack, and if not why; exit 1 if not",
        examples=(
            "stt pack verify checks-12.sttpack --key checks.pub",
            "stt pack verify checks-12.sttpack --config worker.toml",
        ),
    )
    add_command(
        noun,
        keygen,
        name="keygen",
        access="rw",
        summary="Make a key pair: NAME.sec signs packs, NAME.pub is pinned by workers",
        examples=("stt pack keygen", "stt pack keygen --name core"),
    )
    add_command(
        noun,
        show,
        name="show",
        access="ro",
        summary="Show what stands in a pack; says nothing about whether to believe it",
        examples=("stt pack show checks-12.sttpack", "stt pack show checks-12.sttpack -o json"),
    )


def build(
    folder: Annotated[Path, Parameter(help="The folder of checks.")],
    /,
    *,
    name: Name = DEFAULT_PACK,
    serial: Annotated[
        int | None,
        Parameter(help="Higher than that of any pack before; default: pack.yaml's, or the time."),
    ] = None,
    days: Annotated[int, Parameter(help="How many days workers take the pack.")] = DAYS,
    created: Annotated[
        str, Parameter(help="Its date, YYYY-MM-DD; default: now.", show_default=False)
    ] = "",
    to: Annotated[Path, Parameter(help="The folder to write to.")] = Path(),
    pmm: Annotated[
        bool, Parameter(negative=(), help="Read check files of PMM: a bad one is left out.")
    ] = False,
    force: Force = False,
) -> None:
    """Build a pack."""
    from stt_shared.pack import archive, files, load  # noqa: PLC0415  # cryptography, YAML: only here
    from stt_shared.pack import serial as serials  # noqa: PLC0415  # as above
    from stt_shared.pack.build import Label  # noqa: PLC0415  # as above
    from stt_shared.pack.build import build as built  # noqa: PLC0415  # as above

    if days < 1:
        raise UsageError(f"--days is {days}, expected 1 or more")
    at = _day(created) if created else clock.now().replace(microsecond=0)
    number = serial if serial is not None else serials.of(folder) or int(at.timestamp())
    label = Label(name=name, serial=number, created=at, expires=_later(at, days))
    pack = built(folder, label, lenient=pmm)
    try:
        data = archive.encode(pack)
    except PackError as error:
        raise ConfigError(f"{folder} makes no pack ({error})") from error
    path = to / files.file_name(pack)
    files.write_new(path, data, force=force)
    output.print_text(str(path))
    _warn(load.load(pack))
    output.note(f"  Next: stt pack sign {path} --key {name}.sec", "hint")


def serial(folder: Annotated[Path, Parameter(help="The folder of checks.")], /) -> None:
    """Raise the serial in pack.yaml if the content changed."""
    from stt_shared.pack.serial import raised  # noqa: PLC0415  # YAML only where it is read

    found = raised(folder)
    output.print_text(f"serial {found.serial}: {found.content}")


def _day(text: str) -> datetime:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--created is {text!r:.40}, expected YYYY-MM-DD") from error
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def _later(at: datetime, days: int) -> datetime:
    try:
        return at + timedelta(days=days)
    except OverflowError as error:
        raise UsageError(f"--days is {days}, that is after the year 9999") from error


def sign(
    file: PackFile,
    /,
    *,
    key: Annotated[Path, Parameter(help="The secret key file, without a password.")],
    comment: Annotated[
        str, Parameter(help="The trusted comment; default: name, serial and end of the pack.")
    ] = "",
) -> None:
    """Sign a pack."""
    from stt_shared.pack import files, signing  # noqa: PLC0415  # as above

    data = files.read_pack_file(file)
    manifest = _decoded(file, data).manifest
    said = comment or (
        f"stt pack {manifest.name} serial {manifest.serial}"
        f" expires {words.rfc3339(manifest.expires)}"
    )
    try:
        signature = signing.sign(data, files.secret_key(key), said)
    except minisign.MinisignError as error:
        raise UsageError(f"--comment cannot be signed ({error})") from error
    beside = files.signature_path(file)
    files.write_new(beside, minisign.format_signature(signature).encode(), force=True)
    output.print_text(str(beside))
    output.note(f"  Signed by {signature.key_name}. Trusted comment: {said}", "hint")


def _decoded(file: Path, data: bytes) -> Pack:
    from stt_shared.pack import archive  # noqa: PLC0415  # as above

    try:
        return archive.decode(data)
    except PackError as error:
        raise ConfigError(f"{file} is no pack ({error})") from error


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
            f"good: {verdict.pack.label}, {words.number(len(checks.checks), 'check')}, signed by"
            f" {verdict.key}, expires {words.rfc3339(verdict.pack.manifest.expires)}"
        )
        output.note(f"  Trusted comment: {verdict.comment}", "hint")
    else:
        said = {"good": True, "key": verdict.key, "comment": verdict.comment}
        output.print_message(said | _object(verdict.pack, checks, verdict.digest), form)
    _warn(checks)
    return 0


def _warn(checks: Catalogue) -> None:
    for fault in checks.faults:
        output.note(f"warning: check left out: {fault}", "warn")


def _print_refusal(file: Path, refused: Refused, form: OutputFormat) -> None:
    if form is OutputFormat.TABLE:
        output.print_text(f"refused: {refused.reason}: {refused.detail}")
        if refused.reason == "unsigned":
            output.note(f"  Sign it: stt pack sign {file} --key KEY.sec", "hint")
    else:
        said = {"good": False, "reason": refused.reason, "detail": refused.detail}
        output.print_message(said, form)


def keygen(
    *,
    name: Annotated[str, Parameter(help="The files are NAME.sec and NAME.pub.")] = DEFAULT_PACK,
    to: Annotated[Path, Parameter(help="The folder to write to.")] = Path(),
    force: Force = False,
) -> None:
    """Make a key pair."""
    from stt_shared.pack import files, signing  # noqa: PLC0415  # as above

    key = signing.make_key()
    secret, public = to / f"{name}.sec", to / f"{name}.pub"
    text = minisign.format_secret_key(key)
    files.write_new(secret, text.encode(), mode=files.SECRET_MODE, force=force)
    files.write_new(public, minisign.format_public_key(key.public).encode(), force=force)
    output.print_text(key.public.text)
    output.note(f"Key {key.public.name}: {secret} signs and has no password, keep it offline.")
    output.hint([f'pin it in worker.toml:  [pack] keys = ["{key.public.text}"]'])


def show(file: PackFile, /, *, form: Output = OutputFormat.TABLE) -> None:
    """Show what stands in a pack."""
    from stt_shared.identity import digest  # noqa: PLC0415  # as above
    from stt_shared.pack import files, load  # noqa: PLC0415  # as above

    data = files.read_pack_file(file)
    pack = _decoded(file, data)
    checks, signed = load.load(pack), _signed_by(files.read_signature(file))
    if form is not OutputFormat.TABLE:
        said = {"claims_key": signed}
        output.print_message(said | _object(pack, checks, digest(data)), form)
        return
    manifest = pack.manifest
    life = f"created {words.rfc3339(manifest.created)}, expires {words.rfc3339(manifest.expires)}"
    output.note(f"{pack.label}, {life}, release data as of {checks.as_of or 'none'}")
    claim = f"claims to be signed by {signed}" if signed else "unsigned"
    output.note(f"sha256 {digest(data)}, {claim}: stt pack verify tells")
    output.print_grid(Grid(COLUMNS, tuple(_row(check) for check in checks.checks.values())))
    _warn(checks)


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
