"""Settings and targets as users write them: names, defaults, and which values are accepted.

Bounds are found by trying values, so that they are the same wherever the code keeps them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec

from stt_shared import settings
from stt_shared.errors import ConfigError
from stt_worker.targets.fields import FIELDS

LONG = 100  # characters
HUGE = 10**12  # a bound above it is none
HALVINGS = 80  # more than a float has digits
PROBES = (
    *("", "word", "Word", "two words", "a.b", "x" * 5_000, "/absolute/path", "relative/path", "~"),
    *("debug", "info", "warning", "error", "console", "json", "auto"),
    *("critical", "major", "trivial", "starttls", "tls", "off", "built-in"),
    *("mysql", "postgresql", "mongodb", "disable", "prefer", "require", "verify-ca", "verify-full"),
    *("verify_ca", "verify_full", "verify", "insecure", "skip-verify", "on", "plain"),
    *("http://host", "http://127.0.0.1:80", "https://host/path", "https://user:word@host"),
    *("https://host/?a=b", "nats://host", "tls://host:4222", "ws://host", "nats://u:p@host"),
    *("nats://a,nats://b", "mysql://u:p@host/db", "host", "host:80", "host:0", ":80", "[::1]:80"),
    *("10.1.2.3", "10.1.2.0/24", "dba@example.com", "X-Forwarded-User", "0123456789abcdef"),
    *("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",),
)
OTHERS: tuple[object, ...] = (True, 0, 1, 65_535, 65_536, 1.5, [], ["a"], {}, {"a": "b"}, {"a": 1})

Json = Any


def setting_values() -> Json:
    """Every setting of config.toml and the environment: names, default, and what is accepted."""
    found = _loaded({})
    return {name: _setting(name, found) for name in settings.names()}


def _setting(name: str, found: object) -> Json:
    section, _, key = name.partition(".")
    default: Any = getattr(getattr(found, section), key)
    kind = "list" if isinstance(default, tuple) else type(default).__name__
    known: dict[str, Json] = {
        "environment": [settings.environment_name(name), f"{settings.environment_name(name)}_FILE"],
        "flag": settings.flag_name(name),
        "type": kind,
        "default": plain(cast("object", default)),
    }
    if also := settings.SETTINGS[name].foreign:
        known["environment"].append(also)

    def accepts(value: object) -> bool:
        try:
            _loaded({name: value})
        except ConfigError:
            return False
        return True

    if isinstance(default, str | tuple):
        return known | _answers(PROBES, accepts)
    if not isinstance(default, int | float) or isinstance(default, bool):
        return known
    return known | {"least": _edge(accepts, default, -HUGE), "most": _edge(accepts, default, HUGE)}


def _loaded(flags: Mapping[str, object]) -> settings.Settings:
    return settings.load(flags=flags, environ={}, path=Path(os.devnull))


def _edge(accepts: Callable[[object], bool], inside: float, outside: float) -> Json:
    """The last accepted number from `inside` towards `outside`."""
    if accepts(outside):
        return "none"
    whole = isinstance(inside, int)
    good, bad = inside, outside
    for _ in range(HALVINGS):
        middle = (good + bad) // 2 if whole else (good + bad) / 2
        good, bad = (middle, bad) if accepts(middle) else (good, middle)
        if whole and abs(good - bad) <= 1:
            break
    return good if whole else round(good, 6)


def target_fields() -> Json:
    """Every key of a `[[targets]]` table, and what each accepts."""
    return {key: _answers((*PROBES, *OTHERS), _by(one)) for key, one in FIELDS.items()}


def _by(one: settings.Setting) -> Callable[[object], bool]:
    def accepts(value: object) -> bool:
        try:
            one.check(value)
        except ValueError:
            return False
        return True

    return accepts


def _answers(values: Sequence[object], accepts: Callable[[object], bool]) -> dict[str, Json]:
    """What of `values` is accepted, or what is refused, whichever list is shorter."""
    good = [_short(value) for value in values if accepts(value)]
    bad = [_short(value) for value in values if _short(value) not in good]
    return {"accepts": good} if len(good) <= len(bad) else {"refuses": bad}


def _short(value: object) -> Json:
    return f"{len(value)} characters" if isinstance(value, str) and len(value) > LONG else value


def plain(value: object) -> Json:
    """`value` as JSON has it; times as seconds."""

    def other(one: object) -> Json:
        if isinstance(one, timedelta):
            return one.total_seconds()
        return msgspec.to_builtins(one) if isinstance(one, msgspec.Struct) else str(one)

    return json.loads(json.dumps(value, default=other))
