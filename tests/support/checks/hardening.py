"""A server made sound by nothing but what the findings themselves say."""

from __future__ import annotations

import configparser
from collections.abc import Iterable
from typing import Any

import yaml

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family, Restart
from stt_shared.protocol.messages import CheckOutcome, Finding, Fix
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import CheckRunner, encrypted, endpoint
from tests.support.checks.scenario import execute, statements

ROUNDS = 4  # a mended thing may let another be seen
SECTION = "[mysqld]\n"
RESTART = "Restart the server"  # how a remediation begins that is nothing else
SUGGESTED_FOLDER = "/var/lib/mysql-files"  # whoever follows the advice makes it first
Outcomes = dict[str, CheckOutcome]


class Hardener:
    """One server and what was changed on it so far."""

    def __init__(self, server: Running, family: Family, *, left: Iterable[str] = ()) -> None:
        self.server = server
        self.family = family
        self.left = frozenset(left)  # checks whose remediation is work for people
        self.lines: dict[str, str] = {}
        self.options: dict[str, Any] = {}
        self.executed: list[str] = []

    async def harden(self, runner: CheckRunner) -> Outcomes:
        """Execute remediations until none is left; the outcomes afterwards."""
        for _ in range(ROUNDS):
            outcomes = await runner.run_all(self.where())
            findings = [
                finding
                for name, outcome in outcomes.items()
                if name not in self.left
                for finding in outcome.findings
            ]
            if not findings:
                return outcomes
            self.mend(findings)
        return await runner.run_all(self.where())

    def where(self) -> Endpoint:
        """Over TLS where the server has it: some remediations lock all other sessions out."""
        if any(one.startswith("--ssl-ca=") for one in self.server.command):
            return encrypted(self.server)
        return endpoint(self.server, self.family)

    def mend(self, findings: Iterable[Finding]) -> None:
        """All remediations in order, files last and with one restart."""
        restart = False
        for finding in findings:
            text = finding.remediation
            if finding.fix is not None:
                restart |= self.apply(finding.fix)
            elif text.startswith(SECTION):
                self.keep(text)
                restart = True
            elif text.startswith(RESTART):
                restart = True
            elif self.family is Family.MONGODB and "runCommand(" not in text:
                self.keep(text)
                restart = True
            else:
                execute(self.server, self.family, statements(text))
                self.executed += statements(text)
        if restart:
            self.restart()

    def apply(self, fix: Fix) -> bool:
        """Keep the lines and execute the statements; whether it asks for a restart."""
        if fix.lines:
            self.keep(fix.lines)
        execute(self.server, self.family, fix.statement)
        self.executed += fix.statement
        return fix.restart is Restart.RESTART

    def keep(self, lines: str) -> None:
        """Put lines into the configuration of the next start."""
        if self.family is Family.MONGODB:
            merge(self.options, yaml.safe_load(lines))
            return
        parser = configparser.ConfigParser(interpolation=None)
        files = self.server.directory / "files"
        files.mkdir(exist_ok=True)
        parser.read_string(lines.replace(SUGGESTED_FOLDER, str(files)))
        self.lines.update(parser["mysqld"])

    def restart(self) -> None:
        """Restart with the lines that the findings gave."""
        if self.family is Family.MYSQL:
            words = [f"--{key.replace('_', '-')}={value}" for key, value in self.lines.items()]
            taken = {word.partition("=")[0] for word in words}
            kept = [word for word in self.server.command if word.partition("=")[0] not in taken]
            self.server.command = [*kept, *words]
        elif self.family is Family.MONGODB:
            file = self.server.directory / "hardened.conf"
            file.write_text(yaml.safe_dump(self.options))
            command = [word for word in self.server.command if not word.endswith(".conf")]
            command = [word for word in command if word != "--config"]
            self.server.command = [*command, "--config", str(file)]
        self.server.restart()


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Put the keys of `more` into `into`, level by level."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
