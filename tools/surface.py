"""Everything that users see by name, read from the running code as plain JSON values.

Texts for people (help, descriptions, messages) and names of classes are left out: they may change.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cyclopts import App

# What moves when modules move; nothing below this block names a module of ours.
from stt_cli.commands.schema import json_schema, kinds
from stt_cli.main import EXTRAS, GLOBAL_FLAGS, build
from stt_coordinator.metrics.specs import BUCKETS_S, SPECS
from stt_coordinator.web.app import application
from stt_shared.protocol import event_subjects, subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import ClockState, RunPhase, SuppressionPhase, WorkerState
from tools.log_events import recorded
from tools.surface_settings import Json, plain, setting_values, target_fields

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "data" / "surface"
LINE = 100  # characters; a value that is longer is written over several lines


def nats() -> Json:
    """Subjects, streams, consumers, buckets and the control service."""
    after = SimpleNamespace(severity="{severity}", family="{family}", site="{site}", target="{id}")
    event = cast("Any", SimpleNamespace(change="{change}", after=after))
    family = cast("Any", "{family}")
    return {
        "service": {"name": subjects.SERVICE, "version": subjects.SERVICE_VERSION},
        "streams": {spec.name: plain(asdict(spec)) for spec in subjects.STREAMS},
        "consumers": [
            plain(asdict(spec))
            for spec in (
                subjects.results_consumer(cast("Any", "{epoch}")),
                subjects.jobs_consumer("{site}", family),
            )
        ],
        "keys": {
            "lease": subjects.kv(subjects.BUCKET_LEASE, subjects.KEY_COORDINATOR),
            "control": subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE),
            "watermark": subjects.kv(subjects.BUCKET_WATERMARK, "{worker}"),
        },
        "subjects": {
            "job": subjects.job(family, "{site}", "{target}"),
            "result": subjects.result(family, "{site}", "{target}", "{worker}"),
            "fence": subjects.fence("{stream}", cast("Any", "{epoch}"), cast("Any", "{number}")),
            "tick": subjects.tick("{schedule}", "{slot}"),
            "pack": [subjects.pack("{digest}"), subjects.pack_part("{digest}", 0)],
            "announce": [subjects.announce("{site}", "{worker}"), subjects.ANNOUNCEMENTS],
            "summary": [subjects.SUMMARY_ALL, subjects.summary_of_site("{site}")],
            "standby": [subjects.standby("{name}"), subjects.STANDBYS],
            "nudge": subjects.NUDGE,
            "control": [subjects.control(verb) for verb in Verb],
            "finding events": [subjects.EVENTS_OF_FINDINGS, event_subjects.finding_event(event)],
            "exception events": [
                event_subjects.exception_event(phase) for phase in SuppressionPhase
            ],
            "run events": [event_subjects.run_event(phase) for phase in RunPhase],
            "worker events": [
                event_subjects.worker_event(state, "{site}") for state in WorkerState
            ],
            "clock events": [event_subjects.clock_event(state) for state in ClockState],
        },
        "limits": {
            "ack wait": subjects.ACK_WAIT.total_seconds(),
            "deliveries": subjects.MAX_DELIVERIES,
        },
    }


def metrics() -> Json:
    """The Prometheus metrics with type and labels."""
    found: dict[str, Json] = {
        spec.name: {"type": spec.kind, "labels": sorted(spec.labels)} for spec in SPECS.values()
    }
    for one in found.values():
        if one["type"] == "histogram":
            one["buckets"] = list(BUCKETS_S)
    return found


def exit_codes() -> Json:
    """Every exit code, and the public functions and classes that end with it."""
    found: dict[str, Json] = {}
    uses: dict[str, set[str]] = {}
    for path in sorted(ROOT.glob("*/stt_*/**/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, value in _constants(tree):
            found[name] = {"code": value}
        for name, place in _uses(tree, ""):
            uses.setdefault(name, set()).add(place)
    for name, one in found.items():
        one["used in"] = sorted(use for use in uses.get(name, ()) if not use.startswith("_"))
    return found


def _constants(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id.startswith("EXIT_"):
                    yield target.id, cast("int", node.value.value)


def _uses(node: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        place = node.name
    if isinstance(node, ast.Name) and node.id.startswith("EXIT_") and place:
        yield node.id, place
    for child in ast.iter_child_nodes(node):
        yield from _uses(child, place)


def schemas() -> Json:
    """The JSON Schema of every message and report, references written out."""
    found: dict[str, Json] = {}
    for name, kind in kinds().items():
        schema: Any = json_schema(kind)
        found[name] = _wire(schema, schema.get("$defs", {}), ())
    return found


def _wire(schema: Json, definitions: Mapping[str, Json], above: tuple[str, ...]) -> Json:
    """`schema` without texts and names of classes: what travels, and nothing else."""
    if isinstance(schema, list):
        return [_wire(one, definitions, above) for one in schema]
    if not isinstance(schema, dict):
        return schema
    parts = cast("dict[str, Json]", schema)
    if isinstance(parts.get("$ref"), str):
        name = parts["$ref"].rpartition("/")[2]
        if name in above:
            return {"again": len(above) - above.index(name)}
        return _wire(definitions[name], definitions, (*above, name))
    dropped = {"$defs", "description", "title", "summary", "examples"}
    return {
        key: {name: _wire(one, definitions, above) for name, one in value.items()}
        if key in {"properties", "patternProperties"}
        else _wire(value, definitions, above)
        for key, value in parts.items()
        if key not in dropped
    }


def commands() -> Json:
    """Every command with its options: names, type, choices, default."""
    found = dict(_commands(build(), "stt"))
    return {"flags anywhere": list(GLOBAL_FLAGS), "extras": EXTRAS, "commands": found}


def _commands(app: App, path: str) -> Iterator[tuple[str, Json]]:
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        if command.default_command is None:
            yield from _commands(command, f"{path} {name}")
            continue
        yield (
            f"{path} {name}",
            {
                "access": command.help.rpartition("(")[2].rstrip(")"),
                "options": [
                    _option(one)
                    for one in command.assemble_argument_collection(parse_docstring=False)
                    if one.show
                ],
            },
        )


def _option(argument: Any) -> Json:
    default = argument.field_info.default
    given = {} if argument.required else {"default": plain(default)}
    choices = argument.get_choices()
    kind = str(argument.hint).removeprefix("<class '").removesuffix("'>")
    of = {"choices": list(choices)} if choices else {"type": kind.rpartition(".")[2]}
    return {
        "names": list(argument.names),
        "many": kind.startswith("tuple["),
        "negatives": list(argument.negatives),
        **of,
        **given,
    }


def http() -> Json:
    """Pages with their methods, and the interface as OpenAPI describes it."""
    app = application(cast("Any", None), log_ins=cast("Any", None))
    schema: Any = app.openapi_schema.to_schema()
    definitions = schema.get("components", {}).get("schemas", {})
    for operation in (one for path in schema["paths"].values() for one in path.values()):
        for code, answer in operation["responses"].items():
            if not code.startswith("2") and "content" in answer:
                answer["content"] = sorted(answer["content"])  # each holds the same problem
    routes = [(route.path, sorted(cast("Any", route).methods)) for route in app.routes]
    return {"routes": dict(sorted(routes)), "paths": plain(_wire(schema["paths"], definitions, ()))}


def distribution() -> Json:
    """What pip sees: name, scripts, groups of entry points, extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "name": project["name"],
        "python": project["requires-python"],
        "scripts": sorted(project["scripts"]),
        "entry points": sorted(project.get("entry-points", {})),
        "extras": sorted(project["optional-dependencies"]),
    }


SURFACE: dict[str, Callable[[], Json]] = {
    "nats": nats,
    "settings": setting_values,
    "targets": target_fields,
    "metrics": metrics,
    "exit_codes": exit_codes,
    "schemas": schemas,
    "commands": commands,
    "http": http,
    "distribution": distribution,
    "log_events": recorded,
}


def text_of(value: Json, indent: str = "") -> str:
    """The recorded form: keys in order, what is short on one line."""
    short = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(indent) + len(short) <= LINE or not isinstance(value, dict | list) or not value:
        return short
    inner = indent + " "
    if isinstance(value, dict):
        items = sorted(cast("dict[str, Json]", value).items())
        lines = [f"{inner}{json.dumps(key)}: {text_of(one, inner)}" for key, one in items]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    lines = [inner + text_of(one, inner) for one in value]
    return "[\n" + ",\n".join(lines) + f"\n{indent}]"
