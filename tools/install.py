"""Creates the virtual environment and installs STT into it, with uv if it is there, else with pip.

`python tools/install.py demo` installs what a demo needs, `dev` the development tools as well. It
runs before anything is installed, so that it uses the standard library alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
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
IN_PLACE_S = 0.2  # between two looks of the line of progress on a terminal
EVERY_S = 5.0  # between two lines where no terminal shows them in place
KEPT_LINES = 40  # of pip's output, shown if it fails


class Progress:
    """What pip is doing, again and again: some of its steps are silent for half a minute."""

    def __init__(self) -> None:
        self.text = "preparing"
        self._packages = 0
        self._begun = time.monotonic()
        self._in_place = sys.stderr.isatty()
        self._over = threading.Event()

    def __enter__(self) -> Progress:  # noqa: PYI034  # an older Python lacks Self, and gets a message
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._in_place:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _tick(self) -> None:
        head, end = ("\r\x1b[K", "") if self._in_place else ("", "\n")
        while not self._over.wait(IN_PLACE_S if self._in_place else EVERY_S):
            line = f"  {time.monotonic() - self._begun:3.0f} s  {self.text}"
            print(f"{head}{line}{end}", end="", file=sys.stderr, flush=True)

    def take(self, line: str) -> None:
        """Take a line of pip; if it begins a step, that is what is shown."""
        found = STEP.match(line)
        if found is None:
            return
        self._packages += found[1] in {"Collecting", "Processing"}
        last = found[1] == "Installing collected"
        self.text = f"writing {self._packages} packages" if last else f"fetching {found[2]}"


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
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    with (
        Progress() as progress,
        subprocess.Popen(
            [*command, *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            kept.append(line)
            progress.take(line)
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
