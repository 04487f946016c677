"""Passwords for URLs on the command line: from a reference or from the terminal."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from stt_shared.errors import UsageError
from stt_shared.redaction import hide_addresses
from stt_worker.databases.network import where
from stt_worker.databases.port import InspectionError
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import Secret, parse, resolve

REFERENCES = "env:NAME, file:PATH, cred:NAME or exec:/PROGRAM ARGUMENTS"
SEEN_HERE = "every user of this machine can see a password on the command line (ps)"
SEEN = f"{SEEN_HERE}; prefer --ask-password or --password-from env:NAME"

Ask = Callable[[str], str]  # from a prompt to the typed text


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source of passwords for URLs with a user and without a password."""

    ask: bool = False
    reference: str = ""


async def completed(
    targets: Iterable[Target], source: Source, folder: Path, ask: Ask | None = None
) -> list[Target]:
    """`targets` with their missing passwords; relative paths of `source` start at `folder`.

    Raises UsageError, which never shows a value.
    """
    found = list(targets)
    if not source.ask and not source.reference:
        return found
    lacking = [
        target
        for target in found
        if target.endpoint.user and not target.secret.scheme and not target.secret.rest
    ]
    option = "--ask-password" if source.ask else "--password-from"
    if source.ask and source.reference:
        raise UsageError("--ask-password and --password-from contradict each other")
    if not lacking:
        hint = "give a URL with a user and without a password: postgresql://user@host/"
        raise UsageError(f"{option} has no effect: no URL lacks a password", hint=hint)
    read = ask or _ask_at_terminal
    common = ""
    if not source.ask:
        try:
            secret = parse(source.reference, folder)
        except (ValueError, RuntimeError) as error:
            why = f"--password-from is {error}"
            raise UsageError(why, hint=f"give {REFERENCES}") from None
        if not secret.scheme:
            raise UsageError("--password-from is not a reference", hint=f"give {REFERENCES}")
        try:
            common = await resolve(secret)
        except InspectionError as error:
            raise UsageError(error.reason) from error
    for target in lacking:
        place = f"{target.endpoint.user} at {where(target.endpoint)}"
        value = read(f"Password of {hide_addresses(place)}: ") if source.ask else common
        found[found.index(target)] = replace(target, secret=Secret("", value))
    return found


def _ask_at_terminal(prompt: str) -> str:
    """Read a line from the terminal without an echo; raises UsageError without a terminal."""
    hint = f"without a terminal use --password-from: {REFERENCES}"
    try:
        # Checked first: without a terminal getpass reads stdin, and the password may be shown.
        with Path("/dev/tty").open("rb"), warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except EOFError:
        raise UsageError("no password was typed") from None
    except UnicodeDecodeError:
        raise UsageError("the typed text is not UTF-8") from None
    except (OSError, getpass.GetPassWarning):
        why = "--ask-password needs a terminal, and there is none"
        raise UsageError(why, hint=hint) from None
