"""Maps the TLS modes of libpq, MySQL and MongoDB to the modes of this program."""

from __future__ import annotations

MODES = ("off", "require", "verify-ca", "verify-full")
_WORDS = {
    "disable": "off",
    "disabled": "off",
    "false": "off",
    "required": "require",
    "verify-identity": "verify-full",
    "true": "verify-full",
    **{mode: mode for mode in MODES},
}
# These fall back to clear text silently, so they are rejected.
_UNSURE = frozenset({"allow", "prefer", "preferred"})


def mode_of(word: str) -> str:
    """The mode in MODES for `word`; raises ValueError with the fault."""
    plain = word.strip().lower().replace("_", "-")
    if plain in _UNSURE:
        raise ValueError(f"{plain!r}, which may be off: use off or require")
    if plain not in _WORDS:
        raise ValueError(f"{word[:20]!r}, expected one of {', '.join(MODES)}")
    return _WORDS[plain]
