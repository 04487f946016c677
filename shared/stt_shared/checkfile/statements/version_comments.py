"""Replace version comments of MySQL by variants of a query without them.

Files of PMM use `/*!80001 , count(*) FROM x */` for code that older servers do not support. No sent
statement contains such a comment: for each version there is a variant with its guard, in which the
comment is either code or removed, and each variant is checked separately.
"""

from __future__ import annotations

import re

MARK = "/*!"
MAX_COMMENTS = 8  # of one query
_PIECE = re.compile(
    r"""'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" | `[^`]*`
    | /\*!(?P<version>\d{5,6})?(?P<code>(?:[^*]|\*(?!/))*)\*/""",
    re.VERBOSE | re.DOTALL,
)
# MariaDB ignores these: they are versions of MySQL.
MYSQL_ALONE = range(50_700, 100_000)


def variants(text: str) -> list[tuple[str, str]]:
    """The guards and texts of a query with version comments; the default variant is last.

    Raises ValueError for more than MAX_COMMENTS.
    """
    comments = [one for one in _PIECE.finditer(text) if one["code"] is not None]
    if len(comments) > MAX_COMMENTS:
        raise ValueError(f"{len(comments)} executable comments, the limit is {MAX_COMMENTS}")
    every = {_version(one) for one in comments}
    found: list[tuple[str, str]] = []
    for version in sorted(every - {0}, reverse=True):
        number = _dotted(version)
        code = _with(text, {one for one in every if one <= version})
        found.append((f"mysql >= {number} or percona >= {number}", code))
    others = {one for one in every if one not in MYSQL_ALONE}
    for version in sorted((one for one in others if one >= MYSQL_ALONE.stop), reverse=True):
        code = _with(text, {one for one in others if one <= version})
        found.append((f"mariadb >= {_dotted(version)}", code))
    found.append(("mariadb", _with(text, {one for one in others if one < MYSQL_ALONE.start})))
    found.append(("", _with(text, {0})))
    return found


def _version(comment: re.Match[str]) -> int:
    return int(comment["version"] or 0)


def _with(text: str, versions: set[int]) -> str:
    """`text` with the code in the comments of `versions`, and without the other comments."""

    def piece(match: re.Match[str]) -> str:
        if match["code"] is None:
            return match[0]
        return f" {match['code']} " if _version(match) in versions else " "

    return _PIECE.sub(piece, text)


def _dotted(version: int) -> str:
    return f"{version // 10_000}.{version // 100 % 100}.{version % 100}"
