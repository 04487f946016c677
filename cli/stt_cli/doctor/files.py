"""Whether only the owner can read files with secrets, and no secret is in the environment."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stt_cli.doctor.diagnostic_line import DiagnosticLine, ok, unknown, warn
from stt_shared.command.tables import SecretUse
from stt_shared.report import readable
from stt_shared.settings import SECRET_SETTINGS, Settings, environment_name

WHAT = "secret files"
_OTHERS = stat.S_IROTH | stat.S_IWOTH
_FILE = "_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file with a secret; `mode` is its permissions, None if they cannot be read (`fault`)."""

    path: Path
    what: str
    mode: int | None = None
    fault: str = ""


def named_files(
    settings: Settings, config: Path | None, environ: Mapping[str, str], uses: Sequence[SecretUse]
) -> list[tuple[Path, str]]:
    """The files that hold secrets: of the settings, the environment, and the targets."""
    found = [
        (settings.nats.creds, "credentials of NATS"),
        (settings.nats.nkey, "seed of NATS"),
        (settings.nats.key, "key of NATS"),
        (settings.web.key, "key of the page"),
        (settings.web.tokens, "tokens of the page"),
    ]
    found += [
        (environ.get(environment_name(name) + _FILE, ""), name) for name in sorted(SECRET_SETTINGS)
    ]
    has_secrets = any(
        settings.origins.get(name, "").startswith(f"{config}:") for name in SECRET_SETTINGS
    )
    if config is not None and (uses or has_secrets):
        found.append((str(config), "configuration"))
    found += [(one.rest, f"password of {one.owner}") for one in uses if one.scheme == "file"]
    return [(Path(path).expanduser(), what) for path, what in found if path]


def read_modes(files: Iterable[tuple[Path, str]]) -> list[SecretFile]:
    """Each file once, with its permissions."""
    seen: dict[Path, SecretFile] = {}
    for path, what in files:
        if path in seen:
            continue
        try:
            seen[path] = SecretFile(path=path, what=what, mode=stat.S_IMODE(path.stat().st_mode))
        except OSError as error:
            seen[path] = SecretFile(path=path, what=what, fault=(error.strerror or "").lower())
    return list(seen.values())


def lines(seen: Sequence[SecretFile]) -> list[DiagnosticLine]:
    """A line for each file that other users can access, and one for all others."""
    found: list[DiagnosticLine] = []
    for one in seen:
        if one.mode is not None and one.mode & _OTHERS:
            can = "write" if one.mode & stat.S_IWOTH else "read"
            text = f"everybody can {can} {one.path} ({one.what}, mode {one.mode:04o})"
            found.append(warn(WHAT, text, f"chmod o-rwx {one.path}"))
    found += [
        unknown(WHAT, f"{one.path} ({one.what}): {one.fault}", f"ls -l {one.path}")
        for one in seen
        if one.mode is None
    ]
    good = sum(one.mode is not None and not one.mode & _OTHERS for one in seen)
    if good:
        found.append(ok(WHAT, f"{good} of {len(seen)} not accessible to other users"))
    return found


def environment(settings: Settings, uses: Sequence[SecretUse]) -> list[DiagnosticLine]:
    """Warnings for secrets in environment variables and for secrets in plain text."""
    variables = [one.owner for one in uses if one.scheme == "env"]
    variables += [
        name
        for name in sorted(SECRET_SETTINGS)
        if settings.origins.get(name) == f"environment {environment_name(name)}"
    ]
    plain = [one.owner for one in uses if one.scheme == "plain"]
    found: list[DiagnosticLine] = []
    if variables:
        names = readable.first_names(variables)
        seen = f"in environment variables, visible in child processes and /proc: {names}"
        found.append(warn("secrets", seen, "use file:, cred: or exec: (settings: VARIABLE_FILE)"))
    if plain:
        seen = f"in plain text in the file: {readable.first_names(plain)}"
        found.append(warn("secrets", seen, "use a reference: file:, cred: or exec:"))
    return found


def nothing() -> DiagnosticLine:
    """The line for an installation without secrets."""
    return ok("secrets", "none in settings, targets or environment")
