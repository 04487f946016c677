"""docs/writing-checks.md does what it says: its files are written and its commands typed."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from urllib.parse import quote

from stt_coordinator.local.servers.process import Running
from tests.support.processes.prepared import prepared

PAGE = Path(__file__).parents[2] / "docs" / "writing-checks.md"
BLOCK = re.compile(r"(?:Put this into `([^`]+)`:\n\n)?```(yaml|console)\n(.*?)```", re.DOTALL)


def typed(block: str) -> list[tuple[str, str]]:
    """Each command of a console block with the output the page shows for it."""
    parts = re.split(r"(?m)^\$ ", block)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def test_the_page_goes_from_nothing_to_a_verified_pack(tmp_path: Path, mariadb: Running) -> None:
    password = quote(mariadb.password, safe="")
    url = f"mariadb://{mariadb.user}:{password}@{mariadb.host}:{mariadb.port}/"
    commands = 0
    for file, kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "yaml":
            (tmp_path / file).write_text(text)
            continue
        for command, shown in typed(text):
            words = shlex.split(command.replace("$URL", shlex.quote(url)))
            done = prepared().run(words[1:], os.environ | {"NO_COLOR": "1"}, cwd=tmp_path)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            expected = re.escape(shown).replace(r"\$VERSION", r"[\d.]+")
            assert re.match(expected, done.stdout), (command, done.stdout)
            commands += 1
    assert commands == len(re.findall(r"(?m)^\$ ", PAGE.read_text(encoding="utf-8"))) == 8
    samples = (tmp_path / "my-checks/mysql/app_general_log/samples.yaml").read_text()
    assert "recorded_1" in samples
