"""Packs to test with: one good check, a key, and what signs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stt_shared.pack import archive, minisign, signing
from stt_shared.pack.archive import Pack
from stt_shared.pack.minisign import SecretKey

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CREATED = datetime(2026, 11, 1, tzinfo=UTC)
EXPIRES = datetime(2027, 11, 1, tzinfo=UTC)
CHECK = """checks:
  - version: 2
    name: {name}
    summary: {summary}
    description: What an attacker gains
    family: POSTGRESQL
    queries:
      - type: POSTGRESQL_SHOW
    script: |
      def check_context(docs, context):
          return []
"""
BAD_CHECK = "checks:\n  - version: 2\n    name: bad\n    colour: red\n"


def check_text(name: str = "pg_one", summary: str = "One is wrong") -> bytes:
    return CHECK.format(name=name, summary=summary).encode()


def path_of(name: str) -> str:
    return f"postgresql/{name}/check.yaml"


def files_of(*names: str) -> dict[str, bytes]:
    found = {path_of(name): check_text(name) for name in names}
    return {**found, "releases.yaml": b'as_of: "2026-11-01"\n'}


def make(
    files: Mapping[str, bytes] | None = None, *, serial: int = 3, name: str = "checks"
) -> Pack:
    return archive.make(
        files if files is not None else files_of("pg_one"),
        name=name,
        serial=serial,
        created=CREATED,
        expires=EXPIRES,
    )


@dataclass(frozen=True, kw_only=True)
class Signer:
    key: SecretKey = field(default_factory=signing.make_key)

    def signature(self, data: bytes, *, prehashed: bool = True) -> str:
        signed = signing.sign(data, self.key, "a pack", prehashed=prehashed)
        return minisign.format_signature(signed)

    def signed(self, pack: Pack) -> tuple[bytes, str]:
        data = archive.encode(pack)
        return data, self.signature(data)


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
