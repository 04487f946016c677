"""Creates the virtual environment and installs STT into it, with uv if it is there, else with pip.

`python tools/install.py demo` installs what a demo needs, `dev` the development tools as well. It
runs before anything is installed, so that it uses the standard library alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = str(ROOT / ".venv")
PYTHON = f"{VENV}/bin/python"
WORDS = {"demo": ["--editable", ".[demo]"], "dev": ["--editable", ".[demo]", "--group", "dev"]}
PINS = ["--constraint", "constraints.txt"]
STEP = re.compile(
    r"\s*(Collecting|Processing|Installing build|Installing collected) (?:\S*/)?([\w.]+)"
)
EVERY_S = 2.0  # between two lines of progress where no terminal shows them in place
KEPT_LINES = 40  # of pip's output, shown if it fails


class Progress:
    """What pip is doing: one line that changes on a terminal, else a line every EVERY_S."""

    def __init__(self) -> None:
        self._in_place = sys.stderr.isatty()
        self._shown = time.monotonic()
        self._packages = 0

    def take(self, line: str) -> None:
        """Show a line of pip if it begins a step."""
        found = STEP.match(line)
        if found is None:
            return
        last = found[1] == "Installing collected"
        self._packages += found[1] in {"Collecting", "Processing"}
        text = f"writing {self._packages} packages" if last else f"fetching {found[2]}"
        now = time.monotonic()
        if self._in_place:
            print(f"\r\x1b[K  {text}", end="", file=sys.stderr, flush=True)
        elif last or now - self._shown >= EVERY_S:
            print(f"  {text}", file=sys.stderr, flush=True)
            self._shown = now

    def end(self) -> None:
        """Leave the line to what comes next."""
        if self._in_place:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def with_uv(uv: str, words: list[str]) -> int:
    """Install with uv, which shows its own progress; its exit code."""
    venv = [uv, "venv", "--quiet", "--python", sys.executable, VENV]
    if not Path(PYTHON).exists() and (code := subprocess.call(venv)):
        return code
    return subprocess.call([uv, "pip", "install", "--python", PYTHON, *PINS, *words], cwd=ROOT)


def with_pip(words: list[str]) -> int:
    """Install with pip; its exit code."""
    if code := subprocess.call([sys.executable, "-m", "venv", VENV]):
        return code
    # Groups are known to pip since 25.1; what comes with Python 3.11 and 3.12 is older.
    if "--group" in words and (code := pip(["--upgrade", "pip>=26"])):
        return code
    return pip([*PINS, *words])


def pip(words: list[str]) -> int:
    """Run pip, whose output becomes a line of progress or, if it fails, is shown; its exit code."""
    # Compiling all modules would take half of the time and a quarter of the space.
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
    progress = Progress()
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    with subprocess.Popen(
        [*command, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            kept.append(line)
            progress.take(line)
    progress.end()
    if process.returncode:
        print("".join(kept), end="", file=sys.stderr)
    return process.returncode


def main() -> int:
    """Install what the first argument names; the exit code is that of uv or pip."""
    if sys.version_info < OLDEST:
        found, oldest = (".".join(map(str, one[:2])) for one in (sys.version_info, OLDEST))
        print(f"error: this is Python {found}, STT needs {oldest} or newer", file=sys.stderr)
        print("Try: make demo PYTHON=python3.13", file=sys.stderr)
        return 2
    what = sys.argv[1]
    uv = shutil.which("uv")
    begun = time.monotonic()
    print(f"Installing into {VENV} with {'uv' if uv else 'pip'}, once", file=sys.stderr)
    code = with_uv(uv, WORDS[what]) if uv else with_pip(WORDS[what])
    if code == 0:
        print(f"Installed in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
