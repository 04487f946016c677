"""The throw-away databases of the demo: one of each family, each with an insecure configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from stt_coordinator.local.servers import cache, mongodb, mysql, postgresql
from stt_coordinator.local.servers.cache import MissingServerError
from stt_coordinator.local.servers.process import Running, ServerError
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import PASSWORD, Account, Product, steps
from stt_shared.protocol.enums import Family

ACCOUNT = "stt"
PACKAGE = "stt_coordinator.local.demo"
NAMES = {
    Family.POSTGRESQL: "PostgreSQL",
    Family.MYSQL: "MariaDB or MySQL",
    Family.MONGODB: "MongoDB",
}
TABLE = """\
[[targets]]
id = "demo-{family}"
family = "{family}"
host = "{host}"
port = {port}
tls = "off"
{login}{key}
"""
LOGIN = 'user = "{user}"\npassword = "file:{file}"\n'

Begin = Callable[[Path, str], Running]


def start_postgresql(folder: Path, password: str) -> Running:
    """A PostgreSQL that lets everybody in and whose application is a superuser."""
    server = postgresql.start(folder)
    try:
        account = _account(Product.POSTGRESQL, password)
        postgresql.execute(server, _script("postgresql.sql") + account)
    except ServerError:
        server.stop()
        raise
    return server


def start_mysql(folder: Path, password: str) -> Running:
    """A MariaDB, or else a MySQL, with an anonymous account and with empty passwords."""
    folder.mkdir()
    installation = _mysql_installation()
    product = Product.MARIADB if installation.maria else Product.MYSQL
    script = folder / "demo.sql"
    account = _account(product, password)
    script.write_text(_script("mysql.sql").format(password=password) + account, encoding="utf-8")
    extra = [f"--init-file={script}", "--skip-name-resolve"]
    return mysql.start(installation, folder / "server", extra=extra)


def start_mongodb(folder: Path, _password: str) -> Running:
    """A MongoDB without access control."""
    return mongodb.start(folder)


STARTS: Mapping[Family, Begin] = {
    Family.POSTGRESQL: start_postgresql,
    Family.MYSQL: start_mysql,
    Family.MONGODB: start_mongodb,
}


def _mysql_installation() -> mysql.Installation:
    try:
        return mysql.find_mariadb()
    except MissingServerError:
        pass
    try:
        return mysql.find_mysql()
    except MissingServerError as error:
        raise cache.missing(NAMES[Family.MYSQL]) from error


def _account(product: Product, password: str) -> str:
    """The statements of `stt grants`, one a line; on loopback the servers have no TLS."""
    made = steps(product, builtin().checks.values(), Account(user=ACCOUNT, host="127.0.0.1"))
    lines = [f"{statement};" for step in made for statement in step.statements]
    return "\n".join(lines).replace(PASSWORD, password).replace(" REQUIRE SSL", "") + "\n"


def _script(name: str) -> str:
    return (resources.files(PACKAGE) / name).read_text(encoding="utf-8")


def targets_toml(servers: Mapping[Family, Running], password_file: Path) -> str:
    """The worker's list of these servers; the password is a reference, never in the list."""
    tables: list[str] = []
    login = LOGIN.format(user=ACCOUNT, file=password_file)
    for family, server in servers.items():
        key = mysql.public_key(server) if family is Family.MYSQL else ""
        table = TABLE.format(
            family=family,
            host=server.host,
            port=server.port,
            login="" if family is Family.MONGODB else login,
            key=f'server_public_key = "{key}"\n' if key else "",
        )
        tables.append(table)
    return "\n".join(tables)
