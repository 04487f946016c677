"""A cluster of three nats-servers on loopback whose nodes can be killed, paused, wiped, cut off."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.errors import Error as NatsError

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import HOST, Running
from stt_shared.protocol import subjects
from tests.servers import nats_versions
from tests.support.processes.route_proxy import RouteProxy
from tests.support.shared.nats_client import one_connection

NAMES = ["n0", "n1", "n2"]
READY_S = 60.0
POLL_S = 0.2
# In place of the block of every server: what the streams reserve may be more than a disk has.
JETSTREAM = """\
jetstream {{
  store_dir: "{folder}/data"
  sync_interval: always
  max_file_store: 100GB
}}
"""
CLUSTER = """\
server_name: {name}
cluster {{
  name: stt
  listen: "{host}:{listen}"
  advertise: "{host}:{port}"
  routes: [{routes}]
}}
"""


@dataclass(kw_only=True)
class Cluster:
    """Three nodes; it can stand wherever an installation has a broker."""

    nodes: dict[str, Running]
    proxy: RouteProxy

    @property
    def host(self) -> str:
        return HOST

    @property
    def port(self) -> int:
        return self.nodes[NAMES[0]].port

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.nodes.values())

    def kill(self) -> None:
        for node in self.nodes.values():
            node.kill()

    def restart(self) -> None:
        for node in self.nodes.values():
            node.restart()

    def stop(self) -> None:
        for node in self.nodes.values():
            node.stop()

    def wipe(self, name: str) -> None:
        """Kill a node and bring it back with an empty disk."""
        self.nodes[name].kill()
        shutil.rmtree(self.nodes[name].directory / "data")
        self.nodes[name].start()

    def upgrade(self, name: str, program: Path) -> None:
        """Restart a node in order with another program."""
        node = self.nodes[name]
        node.command, node.binary = [str(program), *node.command[1:]], program
        node.restart()

    def pause(self, name: str) -> None:
        os.kill(self.nodes[name].pid, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.kill(self.nodes[name].pid, signal.SIGCONT)

    async def leader(self, stream: str) -> str:
        """The node that leads `stream`."""
        connection = await nats.connect(self.url.split(","))
        try:
            info = await connection.jetstream().stream_info(stream)
        finally:
            await connection.close()
        assert info.cluster is not None
        assert info.cluster.leader is not None
        return info.cluster.leader

    async def whole(self) -> None:
        """Wait until the nodes see each other and JetStream answers."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while True:
            try:
                if await self._is_whole():
                    return
                fault = "not all nodes are there"
            except (NatsError, OSError, TimeoutError) as error:
                fault = repr(error)
            late = asyncio.get_running_loop().time() > deadline
            assert not late, (fault, [node.tail() for node in self.nodes.values()])
            await asyncio.sleep(POLL_S)

    async def _is_whole(self) -> bool:
        for node in self.nodes.values():
            async with one_connection(node.url, connect_timeout=2) as connection:
                # The client counts itself among the servers that it learned of.
                seen = {url.port for url in (*connection.servers, *connection.discovered_servers)}
                if not {one.port for one in self.nodes.values()} <= seen:
                    return False
                await connection.jetstream().account_info()
        return True

    async def in_step(self) -> None:
        """Wait until each stream has a leader and all its copies are current."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while behind := await self._behind():
            assert asyncio.get_running_loop().time() < deadline, behind
            await asyncio.sleep(POLL_S)

    async def _behind(self) -> list[str]:
        try:
            connection = await nats.connect(self.url.split(","))
        except (NatsError, OSError, TimeoutError) as error:
            return [repr(error)]
        try:
            found: list[str] = []
            for stream in subjects.STREAMS:
                cluster = (await connection.jetstream().stream_info(stream.name)).cluster
                copies = (cluster.replicas or []) if cluster else []
                current = [copy.name for copy in copies if copy.current and not copy.offline]
                if not cluster or not cluster.leader or len(current) != len(NAMES) - 1:
                    found.append(f"{stream.name}: {cluster}")
        except (NatsError, TimeoutError) as error:
            return [repr(error)]
        else:
            return found
        finally:
            await connection.close()


@contextmanager
def clustered(
    folder: Path, *, any_disk: bool = False, binary: Path | None = None
) -> Iterator[Cluster]:
    """A running cluster; `whole` waits until it is usable.

    With `any_disk` a node may have a disk that is smaller than what the streams reserve. `binary`
    is the program of all nodes, in place of that of STT_TEST_NATS or the installed one.
    """
    proxy = RouteProxy(NAMES)
    proxy.start()
    nodes: dict[str, Running] = {}
    try:
        for name in NAMES:
            routes = ",".join(
                f'"nats://{HOST}:{proxy.ports[other]}"' for other in NAMES if other != name
            )
            extra = CLUSTER.format(
                name=name,
                host=HOST,
                listen=proxy.listens[name],
                port=proxy.ports[name],
                routes=routes,
            )
            if any_disk:
                extra += JETSTREAM.format(folder=folder / name)
            nodes[name] = embedded_nats.start(
                folder / name, extra=extra, binary=binary or nats_versions.chosen()
            )
        yield Cluster(nodes=nodes, proxy=proxy)
    finally:
        for node in nodes.values():
            node.stop()
        proxy.stop()
