"""Opens a session: sets its variables, reads them back, and reads the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymysql import err

from stt_shared import sqlfile
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases import products
from stt_worker.databases.mysql import errors
from stt_worker.databases.mysql import facts as mysql_facts
from stt_worker.databases.mysql.connection import QUERY, RESET, Command, Connection
from stt_worker.databases.mysql.pins import MIN_PACKET_BYTES, Pinned, pinned
from stt_worker.databases.mysql.replies import Reply
from stt_worker.databases.port import Endpoint, InspectionError, Limits

SQL = sqlfile.statements(sqlfile.folder("stt_worker.databases") / "mysql.sql")
HOME = "information_schema"  # no account can create a function here
READ_ONLY = 0x2000  # SERVER_STATUS_IN_TRANS_READONLY
_RESETTABLE = {"mysql": (5, 7, 3), "percona": (5, 7, 3), "mariadb": (10, 2, 4)}
_ROLES_SINCE = (8, 0, 2)  # of MySQL
# Proxies that reject commands sent before the last answer; unknown proxies are tried.
_ONE_BY_ONE = ("aurora", "proxysql")
_ONE_BY_ONE_HOSTS = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")

Answer = Reply | err.DatabaseError
Server = tuple[str, tuple[int, ...]]  # flavour and version


def takes_all_at_once(endpoint: Endpoint) -> bool:
    """Whether the opening may be sent to this address without waiting in between."""
    return not endpoint.host.lower().endswith(_ONE_BY_ONE_HOSTS)


def opened(connection: Connection, limits: Limits, *, at_once: bool) -> Facts:
    """Set the session's variables, make it read-only and read the facts, in one round trip.

    Raises InspectionError (session) if the server, or a proxy before it, did not apply all
    settings; err.Error when the connection is lost.
    """
    greeting = connection.greeting
    at_once = at_once and not any(word in greeting.lower() for word in _ONE_BY_ONE)
    server = _server(mysql_facts.facts({"version": greeting}))
    # Twice: the greeting may be wrong; then again with the settings of the real version.
    for _ in range(2):
        settings = pinned(*server, limits.statement_s)
        commands: list[Command] = [
            # The reset comes first: after the pins it would drop them as well.
            *([(RESET, "")] if server[1] >= _RESETTABLE[server[0]] else []),
            (QUERY, SQL["home"]),
            (QUERY, SQL["pins"].format(assignments=settings.assignments)),
            (QUERY, SQL["begin"]),
            (QUERY, SQL["facts"].format(readings=settings.readings)),
        ]
        *before, last = connection.exchange(commands, at_once=at_once)
        if not isinstance(last, err.DatabaseError) and last.rows:
            rows = last.rows
        else:
            # The server rejected the statement: asked again without the settings of a version.
            rows = connection.ask(SQL["version"]).rows
        found = mysql_facts.facts(rows[0] if rows else {})
        if _server(found) == server or pinned(*_server(found), limits.statement_s) == settings:
            row = _checked([*before, last], settings)
            _without_traces(connection, server, row)
            return _with_provider(connection, row, found)
        server = _server(found)
    raise _untrusted(f"the server reports {server[0]} and then another type")


def _server(facts: Facts) -> Server:
    if facts.flavour not in _RESETTABLE:
        why = f"the server is {facts.flavour} ({facts.version_text:.90}), {products.WHY}"
        raise InspectionError(Kind.NOT_APPLICABLE, why)
    return facts.flavour, facts.version


def _checked(answers: list[Answer], settings: Pinned) -> Mapping[str, Any]:
    """The row of the facts, if every command before it succeeded and its setting is in effect."""
    done: list[Reply] = []
    for answer in answers:
        if isinstance(answer, err.DatabaseError):
            error = errors.of_connection(answer)
            known = error.kind not in {Kind.UNREACHABLE, Kind.NO_PRIVILEGE}
            raise error if known else _untrusted(errors.format_error(answer)) from answer
        done.append(answer)
    if len(done[-1].rows) != 1:
        raise _untrusted(f"{len(done[-1].rows)} rows, expected one")
    (row,) = done[-1].rows
    if broken := settings.broken(row["kept"]):
        raise _untrusted(f"it did not keep the settings: {broken}")
    if row["home"] != HOME:
        raise _untrusted(f"its database is {row['home']!r:.60}, expected {HOME}")
    if not all(reply.status & READ_ONLY for reply in done[-2:]):
        raise _untrusted("the transaction is not read-only")
    packet = row["max_allowed_packet"]
    if int(packet) < MIN_PACKET_BYTES:
        least = f"the least is {MIN_PACKET_BYTES}"
        raise _untrusted(f"max_allowed_packet = {packet} loses long values, {least}")
    return row


def _without_traces(connection: Connection, server: Server, row: Mapping[str, Any]) -> None:
    """Undo what init_connect changed; raises InspectionError (session) where that is impossible.

    No reset undoes SET ROLE, and servers before `_RESETTABLE` cannot reset at all.
    """
    flavour, version = server
    if not row["init_connect"]:
        return
    if version < _RESETTABLE[flavour]:
        raise _untrusted("init_connect is set, and this version cannot reset a session")
    if flavour == "mariadb":
        (role,) = connection.ask(SQL["role"]).rows
        if role["now"] != role["at_login"]:
            raise _untrusted(f"its role is {role['now']!r:.90}, expected {role['at_login']!r:.90}")
    elif version >= _ROLES_SINCE:
        (roles,) = connection.ask(SQL["all_roles"]).rows
        connection.ask(SQL["roles"].format(roles="ALL" if roles["all_roles"] else "DEFAULT"))


def _with_provider(connection: Connection, row: Mapping[str, Any], found: Facts) -> Facts:
    if found.provider != "rds":
        return found
    try:
        aurora = bool(connection.ask(SQL["aurora"]).rows)
    except err.DatabaseError as error:
        if errors.code(error) != errors.UNKNOWN_VARIABLE:
            raise
        aurora = False
    return mysql_facts.facts(row, aurora=aurora)


def _untrusted(why: str) -> InspectionError:
    return InspectionError(Kind.SESSION, f"the session is not trusted: {why}")
