"""Random roles, databases and lines of pg_hba.conf, as statements and files.

A state is a function of a number alone. Its networks lie on loopback, from where a test can come.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field

KNOWS_GSS = 15  # the build whose hostgssenc lines count; no test has a server of Kerberos
PATTERNS = 16  # the first version with patterns and included files
ROLES = ("ann", "bob", "cid", "dan", "eve")
BASES = ("ann", "cid", "shop", "mail")  # two have the names of roles
MISSING = "nosuch"
PASSWORD = "pw"  # of each role that has one
# One of each set of addresses that some of the networks can tell from the others.
ADDRESSES = (
    *("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.7", "127.1.2.3", "127.1.9.9"),
    *("127.5.2.3", "127.5.9.9", "127.200.2.3", "127.200.9.9", "127.1.0.1", "127.5.0.1"),
    *("127.200.0.1", "::1"),
)
NETWORKS = (
    *("127.0.0.1/32", "127.0.0.2/32", "127.0.0.0/30", "127.0.0.0/29", "127.0.0.4/30"),
    *("127.0.0.0/8", "127.0.0.0/9", "127.128.0.0/9", "127.1.0.0/16", "::1/128", "::/0"),
    *("0.0.0.0/0", "0.0.0.0/1", "all", "all", "samehost", "samenet", "::ffff:0:0/96"),
    *("127.0.2.3 255.0.255.255", "127.0.0.1 255.0.255.255"),
)
OWN_NETWORK = "127.0.0.1/32"  # of the line by which the test itself comes in
METHODS = ("trust", "trust", "trust", "reject", "reject", "scram-sha-256", "md5", "password")
TYPES = ("local", "local", "host", "host", "host", "hostssl", "hostnossl", "hostgssenc")
MOST_LINES = 7


@dataclass(frozen=True)
class State:
    """The statements, the lines of the file and the files that they refer to."""

    statements: tuple[str, ...]
    lines: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        files = [f"{name}: {text!r}" for name, text in self.files.items()]
        return "\n".join([*self.statements, *self.lines, *files])

    def addresses(self) -> list[str]:
        """One address of each set that the networks of the lines tell apart."""
        text = "\n".join([*self.lines, *self.files.values()])
        networks = [OWN_NETWORK, *(one for one in NETWORKS if f" {one} " in text)]
        found: dict[tuple[bool, ...], str] = {}
        for address in ADDRESSES:
            found.setdefault(tuple(lies_in(address, one) for one in networks), address)
        return list(found.values())

    def without_line(self, place: int) -> State:
        return State(self.statements, self.lines[:place] + self.lines[place + 1 :], self.files)

    def without_statement(self, place: int) -> State:
        kept = self.statements[:place] + self.statements[place + 1 :]
        return State(kept, self.lines, self.files)


def lies_in(address: str, network: str) -> bool:
    """Whether a network of NETWORKS holds the address, as far as a test machine is known."""
    mine = ipaddress.ip_address(address)
    if network == "samehost":
        return address in {"127.0.0.1", "::1"}
    if network in {"all", "samenet"}:
        return True
    base, _, mask = network.partition(" ")
    if mask:
        low, bits = int(ipaddress.ip_address(base)), int(ipaddress.ip_address(mask))
        return mine.version == 4 and (int(mine) ^ low) & bits == 0
    return mine in ipaddress.ip_network(base)


def state(number: int, major: int) -> State:
    """The state of that number, for a server of that version."""
    source = random.Random(number)  # noqa: S311  # a test's data
    statements = [_role(source, name) for name in ROLES]
    for _ in range(source.randint(0, 4)):
        member, group = sorted(source.sample(range(len(ROLES)), 2))
        statements.append(f"GRANT {ROLES[group]} TO {ROLES[member]}{_options(source, major)}")
    for name in BASES:
        statements += _database(source, name)
    files = {"roles.txt": _list(source, ROLES), "bases.txt": _list(source, BASES)}
    lines = [_line(source, major) for _ in range(source.randint(1, MOST_LINES))]
    if major >= PATTERNS and source.random() < 0.5:
        files["more.conf"] = "\n".join(_line(source, major) for _ in range(2)) + "\n"
        word = source.choice(["include", "include_if_exists"])
        lines.insert(source.randint(0, len(lines)), f"{word} more.conf")
    return State(tuple(statements), tuple(lines), files)


def _role(source: random.Random, name: str) -> str:
    words = ["LOGIN" if source.random() < 0.8 else "NOLOGIN"]
    words += ["SUPERUSER"] if source.random() < 0.15 else []
    words += ["REPLICATION"] if source.random() < 0.3 else []
    words += ["CONNECTION LIMIT 0"] if source.random() < 0.1 else []
    words += source.choice([[], [], ["VALID UNTIL '2001-01-01'"], ["VALID UNTIL '2999-01-01'"]])
    words += [source.choice(["SCRAM", "SCRAM", "MD5", "NONE"])]  # see `rounds.made`
    return f"CREATE ROLE {name} {' '.join(words)}"


def _options(source: random.Random, major: int) -> str:
    if major < PATTERNS:
        return ""
    return f" WITH INHERIT {source.random() < 0.5}, SET {source.random() < 0.5}"


def _database(source: random.Random, name: str) -> list[str]:
    limit = 0 if source.random() < 0.1 else -1
    open_to_all = source.random() < 0.8
    made = [
        f"ALTER DATABASE {name} CONNECTION LIMIT {limit}",
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS {source.random() < 0.9}",
        f"GRANT CONNECT ON DATABASE {name} TO PUBLIC"
        if open_to_all
        else f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
    ]
    if not open_to_all and source.random() < 0.7:
        made.append(f"GRANT CONNECT ON DATABASE {name} TO {source.choice(ROLES)}")
    return made


def _list(source: random.Random, names: tuple[str, ...]) -> str:
    """A file of names, in lines or in one."""
    mark = source.choice([" ", "\n", ", "])
    return mark.join(source.sample(names, source.randint(1, 2))) + "\n"


def _line(source: random.Random, major: int) -> str:
    kind = source.choice(TYPES)
    if kind == "hostgssenc" and major == KNOWS_GSS:
        kind = "hostnossl"
    words = [kind, _words(source, _base_word, major), _words(source, _user_word, major)]
    if kind != "local":
        words.append(source.choice(NETWORKS))
    return " ".join([*words, source.choice(METHODS)])


def _words(source: random.Random, of: object, major: int) -> str:
    assert callable(of)
    return ",".join(of(source, major) for _ in range(source.choice([1, 1, 2])))


def _user_word(source: random.Random, major: int) -> str:
    plain = source.choice(ROLES)
    words = ["all", "all", plain, plain, f'"{plain}"', f"+{plain}", f"+{plain}", "@roles.txt"]
    words += [MISSING, f"+{MISSING}", "postgres"]
    words += ["/^[ab]", '"/n$"', "/^x"] if major >= PATTERNS else []
    return source.choice(words)


def _base_word(source: random.Random, major: int) -> str:
    words = ["all", "all", "all", *BASES, "sameuser", "samerole", "samegroup", "replication"]
    words += ["@bases.txt", MISSING, "postgres"]
    words += ["/^[as]", '"/l$"', "/^x"] if major >= PATTERNS else []
    return source.choice(words)
