"""Random accounts with all kinds of methods: what checks say of their log-ins, and who gets in."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pymysql
from pymysql.constants import CLIENT

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome
from tests.servers.certificates import Certificates
from tests.support.checks.differential import open_runner
from tests.support.checks.real import CheckRunner, as_root, endpoint

HOSTS = ("%", "%", "%", "127.%", "localhost", "127.0.0.1/255.255.255.0")
SOURCE = "127.0.0.2"  # a client that is not localhost
OWN, OTHER = "Own-passw0rd", "0ther-password"
EXPIRED = int(CLIENT.HANDLE_EXPIRED_PASSWORDS)
MYSQL_METHODS = (
    *("BY '{own}'", "BY '{own}'", "BY ''", "WITH sha256_password BY '{own}'"),
    *("WITH sha256_password BY ''", "WITH auth_socket", "WITH mysql_no_login"),
)
# Written into the table: no statement makes these.
BROKEN = ("authentication_string = 'invalid'", "plugin = 'mysql_native_password'", "plugin = ''")
MARIADB_METHODS = (
    *("mysql_native_password USING PASSWORD('{own}')", "mysql_native_password USING 'invalid'"),
    *("mysql_native_password", "unix_socket", "ed25519 USING PASSWORD('{own}')", "ed25519"),
)
# The server refuses these; the client cannot be asked for them beside another method.
OLD = ("mysql_old_password", "mysql_old_password USING '5d2e19393cc5ef67'")
REQUIRES = ("", "", "", "REQUIRE SSL", "REQUIRE X509", "REQUIRE SUBJECT '/CN=stt-client'")
OPTIONS = ("", "", "", "ACCOUNT LOCK", "PASSWORD EXPIRE", "PASSWORD EXPIRE NEVER")
MUST_CHANGE = 1820  # the session is there, and may do nothing before a new password
NO_EXPIRATION = 3671  # the method has no password that could expire
ACCOUNTS = 6  # of a state
CHECKS = (
    *("mysql_empty_password", "mysql_wildcard_host", "mysql_user_tls_required"),
    *("mysql_weak_auth_plugin", "mysql_password_lifetime", "mysql_process_privilege"),
)
PLUGINS = {
    "mysql": ("auth_socket SONAME 'auth_socket.so'", "mysql_no_login SONAME 'mysql_no_login.so'"),
    "mariadb": ("ed25519 SONAME 'auth_ed25519.so'",),
}


@dataclass(frozen=True)
class Account:
    """One account: the statements that make it, and what is known of its methods."""

    name: str
    host: str
    methods: tuple[str, ...]
    option: str
    steps: tuple[str, ...]

    @property
    def written(self) -> str:
        return f"'{self.name}'@'{self.host}'"

    def has(self, *words: str) -> bool:
        """Whether a method has all of these words."""
        return any(all(word in method for word in words) for method in self.methods)


def accounts(number: int, own: str, *, maria: bool) -> list[Account]:
    """The accounts of the state of that number; `own` is this process's user."""
    chance = random.Random(number)  # noqa: S311  # a test's data
    return [_account(chance, f"a{place}", own, maria=maria) for place in range(ACCOUNTS)]


def _account(chance: random.Random, name: str, own: str, *, maria: bool) -> Account:
    host, option = chance.choice(HOSTS), chance.choice(OPTIONS)
    end = f"{chance.choice(REQUIRES)} {option}"
    change = ""
    if maria:
        # The client follows the server from one method to another once.
        methods = tuple(sorted(chance.sample(MARIADB_METHODS, chance.choice([1, 2, 2])), key=_last))
        methods = methods[-1:] if all(map(_last, methods)) else methods
        methods = (chance.choice(OLD),) if chance.random() < 0.1 else methods
        written = "VIA " + " OR ".join(methods)
    else:
        methods = (chance.choice(MYSQL_METHODS),)
        written = methods[0]
        if "socket" in written and chance.random() < 0.5:
            written += f" AS '{own}'"
            methods = (written,)
        broken = chance.random() < 0.15 and "socket" not in written
        change = chance.choice(BROKEN) if broken else ""
    steps = [f"CREATE USER '{name}'@'{host}' IDENTIFIED {_own(written)} {end}"]
    steps.append(f"GRANT PROCESS ON *.* TO '{name}'@'{host}'")
    if change:
        steps.append(f"UPDATE mysql.user SET {change} WHERE User = '{name}'")
        methods = ("broken",)
    return Account(name, host, methods, option, tuple(steps))


def _last(method: str) -> bool:
    return method.startswith("ed25519")


def _own(text: str) -> str:
    """Each method has its own password, so that it is seen which one let in."""
    text = text.replace("ed25519 USING PASSWORD('{own}')", f"ed25519 USING PASSWORD('{OTHER}')")
    return text.replace("{own}", OWN)


@dataclass
class Entered:
    """How somebody got in: pairs of channel and password."""

    ways: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def by(self, channels: Sequence[str], passwords: Sequence[str]) -> bool:
        return any(way in self.ways for way in ((a, b) for a in channels for b in passwords))


NETWORK = ("clear", "tls", "certificate")
CHANNELS = (*NETWORK, "socket")


class LogIns:
    """One server with methods of all kinds, on which accounts are made, checked and tried."""

    def __init__(self, server: Running, certificates: Certificates, own: str) -> None:
        self.server, self.own = server, own
        self.maria = server.name == "mariadb"
        self.compared = self.entered = 0
        self.connection = as_root(server, autocommit=True)
        self.contexts = {
            "tls": _context(),
            "certificate": _context(certificates),
        }
        self.loop = asyncio.Runner()
        self.runner: CheckRunner = self.loop.run(open_runner())
        verb = "INSTALL SONAME" if self.maria else "INSTALL PLUGIN"
        for plugin in PLUGINS[server.name]:
            self._do(f"{verb} {plugin.rpartition('SONAME ')[2] if self.maria else plugin}")

    def disagreements(self, number: int) -> list[str]:
        """Where a check and the server differ about an account of the state."""
        drawn = accounts(number, self.own, maria=self.maria)
        made = [account for account in drawn if self._make(account)]
        try:
            self._do("FLUSH PRIVILEGES")
            where = endpoint(self.server, Family.MYSQL)
            outcomes = self.loop.run(self.runner.run_all(where, CHECKS))
            return [line for account in made for line in self._about(account, outcomes)]
        finally:
            for account in drawn:
                self._do(f"DROP USER IF EXISTS {account.written}")

    def _make(self, account: Account) -> bool:
        """Make the account, unless the server refuses such a one."""
        try:
            for step in account.steps:
                self._do(step)
        except pymysql.err.OperationalError as error:
            if error.args[0] != NO_EXPIRATION:
                raise
            return False
        return True

    def _about(self, account: Account, outcomes: Mapping[str, CheckOutcome]) -> Iterator[str]:
        entered = self._entered(account)
        self.compared += 1
        self.entered += bool(entered.ways)
        for check, wanted in _expected(account, entered, maria=self.maria).items():
            outcome = outcomes[check]
            assert outcome.outcome in {"passed", "failed"}, outcome
            found = {one.object: str(one.severity) for one in outcome.findings}
            if found.get(account.written, "") not in wanted:
                claim = found.get(account.written, "nothing")
                yield f"{check} says {claim}, {sorted(entered.ways)} got in: {account.steps}"

    def _entered(self, account: Account) -> Entered:
        entered = Entered()
        for channel in CHANNELS:
            for password in ("", OWN, OTHER):
                if self._admits(account, channel, password):
                    entered.ways.add((channel, password))
        return entered

    def _admits(self, account: Account, channel: str, password: str) -> bool:
        local = account.host == "localhost"
        try:
            pymysql.connect(
                host=self.server.host,
                port=self.server.port,
                unix_socket=self.server.socket if channel == "socket" else None,
                bind_address=None if local or channel == "socket" else SOURCE,
                user=account.name,
                password=password,
                client_flag=EXPIRED,
                ssl=self.contexts.get(channel),
                ssl_disabled=channel not in self.contexts,
            ).close()
        except (pymysql.err.Error, RuntimeError) as error:
            return bool(error.args[0] == MUST_CHANGE)
        return True

    def _do(self, statement: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)

    def close(self) -> None:
        for plugin in PLUGINS[self.server.name]:
            name, _, file = plugin.partition(" SONAME ")
            self._do(f"UNINSTALL SONAME {file}" if self.maria else f"UNINSTALL PLUGIN {name}")
        self.loop.run(self.runner.close())
        self.loop.close()
        self.connection.close()


def _context(certificates: Certificates | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificates:
        context.load_cert_chain(certificates.client_cert, certificates.client_key)
    return context


def _expected(account: Account, entered: Entered, *, maria: bool) -> dict[str, set[str]]:
    """What each check may say of the account, "" for nothing."""
    anywhere = account.host == "%"
    # Over the socket a method of the operating system lets in whatever the password is.
    local = () if account.has("socket") else ("socket",)
    open_ = entered.by(("clear", "tls", *local), [""])
    with_certificate = entered.by(["certificate"], [""])
    password = entered.by((*NETWORK, *local), [OWN, OTHER])
    weak = entered.by((*NETWORK, *local), [OWN]) and account.has(
        "native" if maria else "sha256_password", "{own}"
    )
    unknown = account.has("socket")  # its user of the operating system may be another
    return {
        "mysql_empty_password": {"critical" if open_ else "trivial" if with_certificate else ""},
        "mysql_wildcard_host": (
            {"major", "trivial"} if anywhere and entered.by(NETWORK, ["", OWN, OTHER]) else {""}
        ),
        "mysql_user_tls_required": (
            {"trivial"} if anywhere and entered.by(["clear"], ["", OWN, OTHER]) else {""}
        ),
        "mysql_weak_auth_plugin": {"major", "trivial"} if weak else {""},
        "mysql_password_lifetime": (
            {"trivial"} if password and account.option == "PASSWORD EXPIRE NEVER" else {""}
        ),
        "mysql_process_privilege": (
            {"major", "critical", "trivial"} | ({""} if not entered.ways and unknown else set())
            if entered.ways or unknown
            else {""}
        ),
    }


@contextmanager
def trying_log_ins(server: Running, certificates: Certificates, own: str) -> Generator[LogIns]:
    one = LogIns(server, certificates, own)
    try:
        yield one
    finally:
        one.close()


def compare_log_ins(one: LogIns, seed: int, count: int) -> None:
    """`count` states; a disagreement is an assertion that names the state."""
    for number in range(seed * 1_000_000, seed * 1_000_000 + count):
        found = one.disagreements(number)
        assert not found, "\n".join([f"in the state {number}:", *found])
