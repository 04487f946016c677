"""Reads and writes the file of release data, with the comments at its top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from stt_shared.checkfile.document import DocumentError, mapping
from stt_shared.checkfile.folder import UnreadableError, read_file, text_of
from stt_shared.errors import ConfigError

FIRST_KEY = "as_of:"
WIDTH_CHARACTERS = 160
DATES = "tag:yaml.org,2002:timestamp"  # would be quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """The comments at the top, and the data below; dates are texts."""

    head: str
    data: dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Block style, but versions and ranges on one line; dates are plain."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # of the base
        """Indent lists below their key."""
        super().increase_indent(flow, False)


def _is_version(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    return all(isinstance(one, int) for one in items)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    flow = _is_version(value) or (bool(value) and all(map(_is_version, value)))
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


def _dict(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style="from" in value)


_RESOLVERS: Mapping[Any, list[Any]] = yaml.SafeDumper.yaml_implicit_resolvers
_Dumper.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != DATES] for first, pairs in _RESOLVERS.items()
}
_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _dict)


def read(file: Path) -> ReleaseFile:
    """The release data in `file`; raises ConfigError if they cannot be read."""
    try:
        text = text_of(read_file(file))
        head, _, rest = text.partition(f"\n{FIRST_KEY}")
        data = mapping(f"{FIRST_KEY}{rest}") if rest else {}
    except (UnreadableError, DocumentError) as error:
        raise ConfigError(f"cannot read the release data in {file}: {error}") from error
    if not rest:
        raise ConfigError(
            f"{file} contains no release data", hint=f"expected a mapping with {FIRST_KEY}"
        )
    return ReleaseFile(head=head, data=data)


def render(found: ReleaseFile) -> str:
    """The text of the file."""
    dump: Any = vars(yaml)["dump"]  # its stub is partly unknown to pyright
    body = dump(
        found.data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH_CHARACTERS
    )
    return f"{found.head}\n{body}"
