"""Log lines are one JSON object each and never carry a secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from stt_shared.telemetry import logs


def test_a_line_is_one_json_object_with_its_context_and_without_secrets() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logs.logger("worker", worker="w1").info("connected", target="a", password="hunter2")
    logs.logger("worker").debug("too fine")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["event"], line["level"], line["part"]) == ("connected", "info", "worker")
    assert (line["worker"], line["target"], line["password"]) == ("w1", "a", "****")
    assert line["ts"].endswith("Z")


def test_words_for_people_hold_no_secret_either() -> None:
    stream = io.StringIO()
    logs.configure("debug", "console", stream)
    logs.logger("x").warning("refused", secret="hunter2")
    assert "refused" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def connect(password: str) -> None:
    raise ValueError(len(password))


@pytest.mark.parametrize("layout", ["json", "console"])
def test_a_trace_shows_no_local_variables(layout: str) -> None:
    stream = io.StringIO()
    logs.configure("info", layout, stream)
    secret = str(len("hunter")) + "-hidden"
    try:
        connect(secret)
    except ValueError:
        logs.logger("x").exception("broke")
    assert "ValueError" in stream.getvalue()
    assert secret not in stream.getvalue()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_of_a_block_carry_what_is_bound_in_it_and_those_after_it_do_not() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    log = logs.logger("x")
    with logs.bound(run="r1", target="t1"):
        with logs.bound(target="t2", check="c1"):
            log.info("inner")
        log.info("outer")
    log.info("after")
    found = [{key: one.get(key) for key in ("run", "target", "check")} for one in lines(stream)]
    assert found == [
        {"run": "r1", "target": "t2", "check": "c1"},
        {"run": "r1", "target": "t1", "check": None},
        {"run": None, "target": None, "check": None},
    ]


def test_what_is_bound_hides_secrets_too() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    with logs.bound(password="hunter2"):
        logs.logger("x").info("inner")
    assert lines(stream)[0]["password"] == "****"


async def test_tasks_and_threads_see_what_is_bound_where_they_begin_and_nothing_else() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    log = logs.logger("x")
    met = asyncio.Barrier(3)

    async def job(number: int, threads: ThreadPoolExecutor) -> None:
        with logs.bound(job=f"j{number}"):
            await met.wait()
            log.info("task", number=number)
            await logs.in_thread(threads, lambda: log.info("thread", number=number))
            await met.wait()

    with ThreadPoolExecutor(1) as threads:
        await asyncio.gather(*(job(number, threads) for number in range(3)))
    log.info("after", number="")
    assert len(lines(stream)) == 7
    for one in lines(stream):
        assert one.get("job") == (f"j{one['number']}" if one["event"] != "after" else None)


def test_a_line_of_a_library_is_one_of_ours_with_what_is_bound_and_its_trace() -> None:
    stream = io.StringIO()
    secret = str(len("hunter")) + "-hidden"
    logs.configure("info", "json", stream)
    try:
        with logs.bound(job="j1"):
            try:
                connect(secret)
            except ValueError:
                logging.getLogger("some.library").exception("broke after %d s", 3)
    finally:
        logging.basicConfig(level=logging.WARNING, force=True)
    (line,) = lines(stream)
    assert (line["event"], line["part"], line["job"], line["level"]) == (
        "broke after 3 s",
        "some.library",
        "j1",
        "error",
    )
    assert "ValueError" in str(line["exception"])
    assert secret not in stream.getvalue()


def written_by_a_process(on_terminal: bool) -> str:
    """What a process writes with the format `auto` to its stderr."""
    code = (
        "from stt_shared.telemetry import logs; logs.configure('info', 'auto');"
        "logs.logger('x').warning('shown', target='a')"
    )
    mine, its = os.openpty() if on_terminal else os.pipe()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.run([sys.executable, "-c", code], stderr=its, env=environment, check=True)
    assert process.returncode == 0
    os.close(its)
    with open(mine, "rb", buffering=0) as stream:  # noqa: PTH123  # a descriptor
        return stream.read(4096).decode()


def test_a_terminal_gets_coloured_words_and_anything_else_json() -> None:
    words = written_by_a_process(on_terminal=True)
    assert "\x1b[" in words
    assert "shown" in words
    assert not words.startswith("{")
    line = json.loads(written_by_a_process(on_terminal=False))
    assert (line["event"], line["target"]) == ("shown", "a")


ADDRESS = "nats://stt:p%40ss-Zq1@db.example:4222"


@pytest.mark.parametrize("layout", ["json", "console"])
def test_no_field_text_or_trace_of_a_line_holds_a_secret_at_any_depth(layout: str) -> None:
    stream = io.StringIO()
    logs.configure("debug", layout, stream)
    try:
        int(f"cannot reach {ADDRESS} (password='Zq1 two words')")
    except ValueError as error:
        logs.logger("x").exception(
            f"no answer of {ADDRESS}",
            reason=error,
            servers=[ADDRESS, {"options": {"bindPassword": "Zq1"}}],
            api_key="Zq1",
            program="exec:/opt/vault read Zq1",
        )
        logging.getLogger("some.library").exception("lost %s", ADDRESS)
    assert stream.getvalue().count("db.example") >= 4
    assert "Zq1" not in stream.getvalue()
