"""`stt pack`: keys, and packs of checks that are built, signed, verified and inspected."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_cli.commands.pack import inspect
from stt_cli.commands.pack.inspect import PackFile, decoded, warn_of_faults
from stt_shared import clock
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.errors import ConfigError, UsageError
from stt_shared.pack import minisign
from stt_shared.pack.manifest import PackError
from stt_shared.report import readable
from stt_shared.settings import DEFAULT_PACK

DAYS = 365
Name = Annotated[str, Parameter(help="The name that workers expect (pack.name).")]
Force = Annotated[bool, Parameter(negative=(), help="Overwrite an existing file.")]


def add(app: App) -> None:
    """Add `pack` and its commands to `app`."""
    noun = add_noun(app, "pack", "Signed packs of checks: build, sign, verify", TOOL)
    add_command(
        noun,
        build,
        name="build",
        access="rw",
        summary="Build one file from a folder of checks; report every fault in the folder",
        examples=("stt pack build checks", "stt pack build checks --serial 12 --days 90 --to out"),
    )
    add_command(
        noun,
        serial,
        name="serial",
        access="rw",
        summary="Increase the serial of a folder of checks if its content changed",
        examples=("stt pack serial checks",),
    )
    add_command(
        noun,
        sign,
        name="sign",
        access="rw",
        summary="Sign a pack; write a minisign signature beside it",
        examples=("stt pack sign checks-12.sttpack --key checks.sec",),
    )
    add_command(
        noun,
        inspect.verify,
        name="verify",
        access="ro",
        summary="Check whether a worker would accept a pack; exit 1 and the reason if not",
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
        summary="Create a key pair: NAME.sec signs packs, workers pin NAME.pub",
        examples=("stt pack keygen", "stt pack keygen --name core"),
    )
    add_command(
        noun,
        inspect.show,
        name="show",
        access="ro",
        summary="Show the content of a pack without verifying it",
        examples=("stt pack show checks-12.sttpack", "stt pack show checks-12.sttpack -o json"),
    )


def build(
    folder: Annotated[Path, Parameter(help="The folder of checks.")],
    /,
    *,
    name: Name = DEFAULT_PACK,
    serial: Annotated[
        int | None,
        Parameter(help="Higher than in every earlier pack; default: from pack.yaml, or the time."),
    ] = None,
    days: Annotated[int, Parameter(help="Days until the pack expires.")] = DAYS,
    created: Annotated[
        str, Parameter(help="Date of creation, YYYY-MM-DD; default: now.", show_default=False)
    ] = "",
    to: Annotated[Path, Parameter(help="The folder to write to.")] = Path(),
    pmm: Annotated[
        bool, Parameter(negative=(), help="Read check files of PMM; skip invalid ones.")
    ] = False,
    force: Force = False,
) -> None:
    """Build a pack; raises UsageError for a bad date and ConfigError for a bad folder."""
    from stt_shared.pack import (  # noqa: PLC0415  # cryptography, YAML: only here
        archive,
        files,
        folder_serial,  # as above
        load,
    )
    from stt_shared.pack.build import Label  # noqa: PLC0415  # as above
    from stt_shared.pack.build import build as built  # noqa: PLC0415  # as above

    if days < 1:
        raise UsageError(f"--days is {days}, expected 1 or more")
    at = _day(created) if created else clock.now().replace(microsecond=0)
    number = (
        serial
        if serial is not None
        else folder_serial.current_serial(folder) or int(at.timestamp())
    )
    try:
        expires = at + timedelta(days=days)
    except OverflowError as error:
        raise UsageError(f"--days is {days}, the pack would expire after the year 9999") from error
    label = Label(name=name, serial=number, created=at, expires=expires)
    pack = built(folder, label, lenient=pmm)
    try:
        data = archive.encode(pack)
    except PackError as error:
        raise ConfigError(f"cannot build a pack from {folder} ({error})") from error
    path = to / files.file_name(pack)
    files.write_new(path, data, force=force)
    output.print_text(str(path))
    warn_of_faults(load.load(pack))
    output.note(f"  Next: stt pack sign {path} --key {name}.sec", "hint")


def serial(folder: Annotated[Path, Parameter(help="The folder of checks.")], /) -> None:
    """Raise the serial in pack.yaml if the content changed."""
    from stt_shared.pack.folder_serial import raise_serial  # noqa: PLC0415  # YAML only where it is read

    found = raise_serial(folder)
    output.print_text(f"serial {found.serial}: {found.content}")


def _day(text: str) -> datetime:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--created is {text!r:.40}, expected YYYY-MM-DD") from error
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def sign(
    file: PackFile,
    /,
    *,
    key: Annotated[Path, Parameter(help="The secret key file, without a password.")],
    comment: Annotated[
        str, Parameter(help="The trusted comment; default: name, serial and expiry of the pack.")
    ] = "",
) -> None:
    """Sign a pack; raises UsageError for a comment that cannot be signed."""
    from stt_shared.pack import files, signing  # noqa: PLC0415  # as above

    data = files.read_pack_file(file)
    manifest = decoded(file, data).manifest
    text = comment or (
        f"stt pack {manifest.name} serial {manifest.serial}"
        f" expires {readable.rfc3339(manifest.expires)}"
    )
    try:
        signature = signing.sign(data, files.secret_key(key), text)
    except minisign.MinisignError as error:
        raise UsageError(f"--comment cannot be signed ({error})") from error
    beside = files.signature_path(file)
    files.write_new(beside, minisign.format_signature(signature).encode(), force=True)
    output.print_text(str(beside))
    output.note(f"  Signed by {signature.key_name}. Trusted comment: {text}", "hint")


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
    output.note(f"Key {key.public.name}: {secret} is not encrypted, keep it offline.")
    output.hint([f'pin it in worker.toml:  [pack] keys = ["{key.public.text}"]'])
