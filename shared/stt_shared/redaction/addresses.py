"""Remove user and password from addresses inside a text."""

from __future__ import annotations

import re

HIDDEN = "****"
# An address ends at a blank, at the next address of a list, or at the end of a JSON text. Before
# that the last @ counts: a password that is not percent-encoded may contain @ and /.
_ENDS = re.compile(r"""([ \t\r\n]+|,(?=[A-Za-z][A-Za-z0-9+.-]{0,19}://)|(?<!\\)"(?=[,:}\]]|\Z))""")
_SCHEME = re.compile(r"(['`]?)([A-Za-z][A-Za-z0-9+.-]{0,19})\Z")
_LONGEST_SCHEME = 21  # characters, with a quotation mark before it
_QUOTED = {mark: re.compile(mark + r"(?:[,;:)\]}]|\Z)") for mark in ("'", "`")}
# An address that was normalised as a path has one slash instead of two.
_COLLAPSED = re.compile(
    r"\b((?:nats|tls|wss?|https?|smtps?|amqps?|mysql|mariadb|postgres(?:ql)?|mongodb(?:\+srv)?):/)"
    r"(?!/)[^ \t\r\n/:@]*:[^ \t\r\n]*@"
)
_DATABASES = ("mysql", "mariadb", "postgresql", "postgres", "mongodb", "mongodb+srv")
_USER_ALONE = re.compile(r"[\w.%-]+")  # of a database; elsewhere it may be a token
_HOST_ALONE = re.compile(r"[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]*\]")


def without_logins(text: str) -> str:
    """`text` without user and password in its addresses, in linear time."""
    parts = _ENDS.split(text)
    return "".join(_part(part) if "@" in part and ":/" in part else part for part in parts)


def _part(part: str) -> str:
    """Hide the log-ins in a part of a text without blanks: from each :// to the last @."""
    part = _COLLAPSED.sub(rf"\1{HIDDEN}@", part)
    shown: list[str] = []
    done = 0
    while (start := part.find("://", done)) >= 0:
        match = _SCHEME.search(part[max(0, start - _LONGEST_SCHEME) : start])
        mark, scheme = (match[1], match[2].lower()) if match else ("", "")
        closing = _QUOTED[mark].search(part, start) if mark else None
        at = part.rfind("@", start, closing.start() if closing else len(part))
        begins = start + len("://")
        # The @ may be part of a path, as in https://host/@scope/name.
        host, *path = re.split(r"[/?#]", part[begins:at] if at >= 0 else "", maxsplit=1)
        is_path = path and scheme in ("http", "https") and _HOST_ALONE.fullmatch(host)
        if at >= 0 and not is_path:
            is_user = scheme in _DATABASES and _USER_ALONE.fullmatch(part, begins, at)
            shown += [part[done:begins], part[begins:at] if is_user else HIDDEN]
            done = at
        else:
            shown.append(part[done:begins])
            done = begins
        if part.find("@", done + 1) < 0:
            break
    return "".join((*shown, part[done:]))
