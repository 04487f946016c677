"""The real `stt` on a pseudo-terminal: colours, aligned columns, no wider than the window."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from tests.support.processes.commands import STT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(*words: str, columns: int = 80, environ: dict[str, str] | None = None) -> str:
    """What `stt` writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    unwanted = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
    inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
    with subprocess.Popen(
        [STT, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | {"TERM": "xterm-256color"} | (environ or {}),
    ) as process:
        os.close(theirs)
        text = read_all(ours)
        process.wait(timeout=60)
    os.close(ours)
    return text


def read_all(ours: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            return b"".join(parts).decode()
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_a_table_on_a_terminal_is_aligned_coloured_and_without_tabs() -> None:
    text = on_terminal("config", "show", "--origin", columns=120)
    assert COLOUR.search(text)
    lines = COLOUR.sub("", text).splitlines()
    place = lines[0].index("FROM")
    assert "\t" not in text
    assert {line[place - 1] for line in lines if line} == {" "}


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_is_never_wider_than_the_terminal(columns: int) -> None:
    text = COLOUR.sub("", on_terminal("findings", "list", "--help", columns=columns))
    assert max(len(line) for line in text.splitlines()) <= columns


@pytest.mark.parametrize("off", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_turned_off(off: dict[str, str]) -> None:
    assert "\x1b[" not in on_terminal("config", "show", environ=off)
    assert "\x1b[" not in on_terminal("nonsense", environ=off)


def test_no_color_may_stand_anywhere() -> None:
    assert "\x1b[" not in on_terminal("config", "show", "--no-color")
