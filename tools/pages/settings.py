"""The page docs/settings.md, generated from the fields of the settings."""

from __future__ import annotations

from stt_shared.settings.field import Setting, environment_name
from stt_shared.settings.sections import SETTINGS

HEAD = """# Settings

Generated from the code; a test compares. A value comes from the first of: a flag, the environment,
the configuration file, the default. The file is TOML: `stt config check` reads it and reports all
faults at once, `stt config show --origin` shows the origin of each value.
`docs/config.schema.json` is the JSON Schema of the file, targets included: an editor completes and
checks the file with it if the first line is `#:schema PATH`.

A variable whose name ends in `_FILE` names a file that holds the value:
`STT_NATS_PASSWORD_FILE=/run/secrets/nats`. Use it for every secret. `NATS_URL` and `NATS_CREDS` are
used where the variables of STT are not set. A list (`pack.keys`) is written `["...", "..."]` in the
file, and in the environment as values separated by commas.

| in the file | environment | default | limits | what it is |
|---|---|---|---|---|
"""


def render() -> str:
    """The whole page as Markdown."""
    return HEAD + "".join(map(_row, SETTINGS.values()))


def _row(one: Setting) -> str:
    default = str(one.default).lower() if isinstance(one.default, bool) else one.default
    cells = (
        f"`[{one.section}]` `{one.key}`",
        f"`{environment_name(one.name)}`",
        f"`{default}`" if default not in ("", ()) else "empty",
        one.limits,
        f"{one.text}; a secret" if one.secret else one.text,
    )
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")
