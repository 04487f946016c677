"""Write docs/config.schema.json, the JSON Schema of a configuration file with its targets."""

from __future__ import annotations

import json
from pathlib import Path

from stt_shared.settings.schema import config_schema
from stt_worker.targets.fields import TargetTable
from stt_worker.targets.file import TABLE

PATH = Path(__file__).parents[2] / "docs" / "config.schema.json"


def render() -> str:
    """The whole file as indented JSON."""
    return json.dumps(config_schema({TABLE: TargetTable}), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
    print(f"written: {PATH}")
