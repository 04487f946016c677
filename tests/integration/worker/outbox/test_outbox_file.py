"""An outbox whose file is deleted, replaced or out of reach while in use loses nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stt_worker.outbox.port import OutboxError
from stt_worker.outbox.sqlite import FILE, SqliteOutbox, open_outbox
from tests.support.worker.outbox_rows import AT, result, watermark


def delete_file(folder: Path) -> None:
    (folder / FILE).unlink()


def delete_log(folder: Path) -> None:
    (folder / f"{FILE}-wal").unlink()


def delete_all(folder: Path) -> None:
    shutil.rmtree(folder)


def replace_by_garbage(folder: Path) -> None:
    (folder / "other").write_text("no database")
    (folder / "other").replace(folder / FILE)


def replace_by_empty_outbox(folder: Path) -> None:
    with sqlite3.connect(folder / "other") as made:
        made.execute("CREATE TABLE x(y)")
    made.close()
    (folder / "other").replace(folder / FILE)
    (folder / f"{FILE}-wal").unlink()


ACTS = [delete_file, delete_log, delete_all, replace_by_garbage, replace_by_empty_outbox]


async def jobs_in(outbox: SqliteOutbox) -> list[int]:
    return [row.sequence for row in await outbox.pending()]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("before_write", [True, False])
async def test_nothing_is_lost_whatever_becomes_of_the_file(
    act: Callable[[Path], None], tmp_path: Path, *, before_write: bool
) -> None:
    folder = tmp_path / "state"
    outbox = await open_outbox(folder)
    epoch = outbox.epoch
    for number in (1, 2, 3):
        await outbox.append(result(number))
    outbox.confirm([1])
    await outbox.covered(watermark(outbox, 1), AT)
    act(folder)
    if before_write:
        assert (await outbox.append(result(4))).sequence == 4
    await outbox.close()
    again = await open_outbox(folder)
    try:
        assert again.epoch == epoch
        assert await jobs_in(again) == ([2, 3, 4] if before_write else [2, 3])
        assert (await again.finished("run.t1", 1)) is not None
        assert (await again.append(result(9))).sequence == (5 if before_write else 4)
    finally:
        await again.close()
    kept = [path.name for path in folder.iterdir() if ".aside-" in path.name]
    assert len(kept) == (
        1 if act in (delete_log, replace_by_garbage, replace_by_empty_outbox) else 0
    )


async def test_it_can_happen_again_and_again(tmp_path: Path) -> None:
    outbox = await open_outbox(tmp_path)
    for number in range(1, 6):
        await outbox.append(result(number))
        delete_file(tmp_path)
    await outbox.close()
    again = await open_outbox(tmp_path)
    assert await jobs_in(again) == [1, 2, 3, 4, 5]
    await again.close()


async def test_while_no_file_can_be_made_results_are_refused_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    outbox = await open_outbox(folder)
    await outbox.append(result(1))
    shutil.rmtree(folder)
    folder.write_text("a file where the folder was")
    with pytest.raises(OutboxError, match="cannot use the outbox"):
        await outbox.append(result(2))
    folder.unlink()
    assert (await outbox.append(result(2))).sequence == 2
    assert await jobs_in(outbox) == [1, 2]
    await outbox.close()


async def test_another_workers_outbox_is_never_touched(tmp_path: Path) -> None:
    outbox = await open_outbox(tmp_path)
    await outbox.append(result(1))
    delete_all(tmp_path)
    other = await open_outbox(tmp_path)
    await other.append(result(7))
    with pytest.raises(OutboxError, match="another worker uses the file that replaced it"):
        await outbox.append(result(2))
    assert await jobs_in(other) == [1]
    assert (await other.append(result(8))).sequence == 2
    await other.close()
    await outbox.append(result(2))
    assert await jobs_in(outbox) == [1, 2]
    await outbox.close()
