"""A PostgreSQL store that the coordinators of an installation share, on one server or several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from stt_coordinator.local.servers.process import HOST, Running
from tests.support.processes.process import Process

RESULT_S = 30.0  # longer than what a killed worker had taken waits for another


def hasten(coordinator: Process, lease_s: float) -> None:
    """Have a coordinator that is not started yet use short intervals and a lease of `lease_s`."""
    coordinator.program = sys.executable
    coordinator.command = ["-m", "tests.support.processes.quick_coordinator"]
    coordinator.environment = coordinator.environment | {
        "STT_TEST_LEASE_S": str(lease_s),
        "STT_TEST_RESULT_S": str(RESULT_S),
    }


@dataclass(kw_only=True)
class SharedStore:
    """A database on the one of `servers` that can be written; a lease ends after `lease_s`."""

    servers: Sequence[Running]
    database: str = "postgres"
    lease_s: float = 4.0

    @property
    def url(self) -> str:
        """The address as an operator writes it, without the password."""
        hosts = ",".join(f"{HOST}:{server.port}" for server in self.servers)
        return f"postgresql://{self.servers[0].user}@{hosts}/{self.database}"

    def share(self, coordinator: Process) -> None:
        """Have a coordinator that is not started yet use it, with a folder of its own."""
        hasten(coordinator, self.lease_s)
        coordinator.environment = coordinator.environment | {
            "STT_COORDINATOR_STORE": self.url,
            "STT_COORDINATOR_STORE_PASSWORD": "env:THE_PASSWORD",
            "THE_PASSWORD": self.servers[0].password,
            "STT_COORDINATOR_STATE_DIR": str(coordinator.log.with_suffix("")),
            "STT_WEB_LISTEN": "",
        }

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A session with the server that can be written, in the schema of the store."""
        return psycopg.connect(
            self.url,
            password=self.servers[0].password,
            target_session_attrs="read-write",
            options="-c search_path=stt",
            autocommit=True,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the store answers."""
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()
