"""Whatever happens to one node of three, or to all, every job ends in the store exactly once.

These faults run with each change; `make chaos` runs all of them, and many at random.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes import cluster_faults
from tests.support.processes.cluster_run import run_beside

TARGETS = 60
SEED = 20261130
FAULTS = (
    cluster_faults.the_leaders_of_the_streams_are_killed,
    cluster_faults.all_nodes_are_killed_at_once,
    cluster_faults.a_node_is_cut_off,
)


@pytest.mark.timeout(600)
async def test_runs_end_exactly_once_although_nodes_die_and_are_cut_off(
    tmp_path: Path, postgresql: Running
) -> None:
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    await run_beside(tmp_path, postgresql, FAULTS, dice, targets=TARGETS)
