"""Remove secrets inside texts: in addresses, connection strings, statements, hashes and keys."""

from __future__ import annotations

import re

from stt_shared.redaction.addresses import HIDDEN, without_logins
from stt_shared.redaction.names import is_secret_name, words_of

MAX_KEPT_TEXTS = 4_096
MAX_KEPT_CHARACTERS = 1_000
# As the value of a secret's name, these words are flags, not secrets.
REMARKS = words_of(
    "0 1 y n yes no on off true false none null nil unset set empty default enabled disabled"
    " enable disable active inactive unknown"
)

# --- addresses and references: hidden in all output -----------------------------------------------

# The arguments of the program may be secret. Their end is unknown: hide the rest of the line.
_EXEC = re.compile(r"""(exec:(?:"[^"\n]*"|'[^'\n]*'|[^\s"'()]+))[ \t]+(?!\(|\*{4})[^\n]*""")


def hide_addresses(text: str) -> str:
    """`text` without log-ins in addresses and without arguments of `exec:` references."""
    if ":/" in text and "@" in text:
        text = without_logins(text)
    if "exec:" in text:
        text = _EXEC.sub(rf"\1 {HIDDEN}", text)
    return text


# --- texts of databases, their settings and their drivers ----------------------------------------

_QUOTED = (
    r"""(?:[EeNnUuBbXx]?&?'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z)"""
    r"""|\$(?P<tag>\w*)\$[\s\S]*?(?:\$(?P=tag)\$|\Z)|0x[0-9A-Fa-f]+)"""
)
_STATEMENTS = re.compile(
    r"(?P<head>\b(?:(?:(?:IDENTIFIED(?:\s+(?:WITH|VIA)\s+[\w'\"`]+)?|OR\s+[\w'\"`]+)"
    r"\s+(?:BY|AS|USING)(?:\s+PASSWORD)?|(?:OLD_)?PASSWORD)(?:\s*[(=]\s*|\s+)"
    r"|REPLACE\s+|SET\s+PASSWORD\b[^=;]{0,300}(?:=|\bTO\b)\s*)(?:PASSWORD\s*[(]\s*)?)"
    r"(?P<value>" + _QUOTED + ")",
    re.IGNORECASE,
)
_PAIR_HEAD = re.compile(
    r"""(?P<quote>\\*["'`]?)(?P<name>[A-Za-z_][\w.\-]*)(?P=quote)(?P<sign>\s*(?::=|=>|=|:)\s*)"""
)
_PAIR_VALUE = re.compile(
    r"""\\*"(?:[^"\\]|\\.|"")*(?:"|\Z)|''(?![\s,;)'])[\s\S]*?(?:''|\Z)"""
    r"""|\\*'(?:[^'\\]|\\.|'')*(?:'|\Z)|[^\s]+"""
)
# A connection string is searched too, so that its host remains.
_HOLDS_PAIRS = re.compile(r"(?:conninfo|dsn|string|str|ur[il]|info)\d*$", re.IGNORECASE)
_ORDINARY_WORD = re.compile(r"[(]?(?:[A-Za-z][a-z]*|[A-Z]+)[.,;)]*(?=\s|\Z)")
_OPTION = re.compile(r"(?P<head>(?<!\S)--?(?P<name>[A-Za-z][\w-]*)[ \t]+)(?P<value>[^\s-]\S*)")
# Each with a text that every match contains: a test for it is much faster than the expression.
_SHAPES = tuple(
    (mark, re.compile(pattern))
    for mark, pattern in (
        (
            "-----BEGIN",
            r"-----BEGIN [\w ]*(?:PRIVATE KEY|SEED|JWT)-----[\s\S]*?(?:-----END [^-\n]*-----|\Z)",
        ),
        ("SCRAM-SHA-", r"SCRAM-SHA-(?:1|256|512)\$[^\s'\"]+"),
        ("d5", r"(?<![0-9A-Za-z])md5[0-9A-Fa-f]{32}(?![0-9A-Fa-f])"),
        ("D5", r"(?<![0-9A-Za-z])[mM]D5[0-9A-Fa-f]{32}(?![0-9A-Fa-f])"),
        ("*", r"\*[0-9A-Fa-f]{40}(?![0-9A-Fa-f])"),
        ("$A$", r"\$A\$[0-9A-Fa-f]{3}\$[\s\S]{0,63}"),  # the salt may be any bytes
        (
            "$",
            r"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|scrypt|argon2\w*|pbkdf2[\w-]*)\$[./A-Za-z0-9$=,+-]{12,}",
        ),
        ("eyJ", r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),
        ("S", r"\bS[UAONCX][A-Z2-7]{56}\b"),
        ("earer ", r"(?<=[Bb]earer )[\w.~+/=-]{8,}"),
        ("asic ", r"(?<=[Bb]asic )[\w+/=-]{8,}"),
    )
)
# Every name of a secret and every statement with a secret contains one of these words.
_WORDS_OF_NAMES = (
    *("pass", "pw", "psw", "secret", "token", "cred", "key", "conn", "auth", "jwt", "bearer"),
    *("cookie", "dsn", "priv", "attributes", "url", "uri", "identified", "replace"),
)
_WORDS_OF_STATEMENTS = ("password", "identified", "replace")
_PLACEHOLDER = re.compile(
    r"<[a-z][a-z _-]*>|\.\.\.|…|(?:md5|SCRAM-SHA-256\$)?(?:\.\.\.|…)|[*?x]+|[{\[][a-z_ ]+[}\]]"
    r"|\$[0-9]+|\$\{?[A-Z_]+\}?|:[a-z_]+|%s"
)


def is_remark(text: str) -> bool:
    """Whether `text`, the value of a secret's name, is a flag or placeholder and not a secret."""
    return text.strip().lower() in REMARKS or not text or bool(_PLACEHOLDER.fullmatch(text))


# A cache of texts without secrets: most texts of checks are equal in every job. A text with a
# secret is never cached.
_clean: dict[str, None] = {}


def hide_text(text: str) -> str:
    """`text` without any secret that its place or its shape shows.

    Hides addresses and references like `hide_addresses`; `name=value` and `"name": "value"` where
    the name is that of a secret; passwords in statements; hashes, private keys and tokens.
    Placeholders such as `'<password>'` remain.
    """
    if text in _clean:
        return text
    found = _without_secrets(text)
    if found == text and len(text) <= MAX_KEPT_CHARACTERS:
        if len(_clean) >= MAX_KEPT_TEXTS:
            _clean.clear()
        _clean[text] = None
    return found


def _without_secrets(text: str) -> str:
    text = hide_addresses(text)
    for mark, shape in _SHAPES:
        if mark in text:
            text = shape.sub(HIDDEN, text)
    lower = text.lower()
    if not any(word in lower for word in _WORDS_OF_NAMES):
        return text
    if any(word in lower for word in _WORDS_OF_STATEMENTS):
        text = _STATEMENTS.sub(lambda match: match["head"] + _hidden(match["value"]), text)
    if "=" in text or ":" in text:
        text = _without_pairs(text)
    if "-" not in text:
        return text
    return _OPTION.sub(
        lambda match: match["head"] + (HIDDEN if is_secret_name(match["name"]) else match["value"]),
        text,
    )


def _hidden(value: str) -> str:
    """The replacement of `value`, in its quotation marks; a flag or placeholder remains."""
    lead = re.match(r"""\\*["']|[A-Za-z]&?'""", value)
    if lead is None:
        return value if is_remark(value.rstrip(",;.)")) else HIDDEN
    mark = lead[0]
    inner = value[len(mark) :].removesuffix(mark[-1]).rstrip("\\")
    if is_remark(inner) or inner == HIDDEN:
        return value
    return f"{mark}{HIDDEN}{mark.lstrip('ENUBXenubx&')}"


def _without_pairs(text: str) -> str:
    parts: list[str] = []
    done = position = 0
    while head := _PAIR_HEAD.search(text, position):
        position = head.end()
        if not is_secret_name(head["name"]) or not _is_pair(text, head):
            continue
        value = _PAIR_VALUE.match(text, position)
        if value is not None:
            parts += [text[done:position], _hidden(value[0])]
            done = position = value.end()
    return "".join((*parts, text[done:])) if parts else text


def _is_pair(text: str, head: re.Match[str]) -> bool:
    """Whether a value follows the name, not the rest of a sentence after a colon."""
    if "=" in head["sign"]:
        return not _HOLDS_PAIRS.search(head["name"])
    if head["quote"] or not head["sign"][1:]:
        return True
    word = _ORDINARY_WORD.match(text, head.end())
    starts = text.rfind("\n", 0, head.start()) + 1
    # On a separate line it is YAML.
    alone = not text[starts : head.start()].strip(" \t-{")
    return word is None or (alone and text[word.end() : word.end() + 1] in ("", "\n"))
