"""The page docs/settings.md, written from the closed set of settings."""

from __future__ import annotations

from stt_shared import settings

HEAD = """# Settings

Written from the code; a test compares. A value comes from the first of: a flag, the environment,
the configuration file, the default. The file is TOML: `stt config check` reads it and tells every
fault at once, `stt config show --origin` tells where each value came from.

A variable whose name ends in `_FILE` names a file that holds the value:
`STT_NATS_PASSWORD_FILE=/run/secrets/nats`. `NATS_URL` and `NATS_CREDS` are understood where ours
are unset. A list (`pack.keys`) is written `["...", "..."]` in the file, and with commas between its
values in the environment.

| in the file | environment | default | what it is |
|---|---|---|---|
"""


def render() -> str:
    """The whole page as Markdown."""
    defaults = settings.Settings()
    return HEAD + "".join(_row(name, defaults) for name in settings.names())


def _row(name: str, defaults: settings.Settings) -> str:
    section, _, key = name.partition(".")
    default = getattr(getattr(defaults, section), key)
    words = str(default).lower() if isinstance(default, bool) else default
    shown = f"`{words}`" if words not in ("", ()) else "empty"
    variable = settings.environment_name(name)
    return f"| `[{section}]` `{key}` | `{variable}` | {shown} | {settings.description(name)} |\n"
