"""What libpq, MySQL and MongoDB call their TLS modes, and what we call them."""

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
# These may send everything in clear text without a word, which nobody can have meant to ask for.
_UNSURE = frozenset({"allow", "prefer", "preferred"})


def mode_of(word: str) -> str:
    """The mode of MODES that `word` means; raises ValueError that says what is wrong with it."""
    plain = word.strip().lower().replace("_", "-")
    if plain in _UNSURE:
        raise ValueError(f"{plain!r}, which is sometimes off: say off or require")
    if plain not in _WORDS:
        raise ValueError(f"{word[:20]!r}, expected one of {', '.join(MODES)}")
    return _WORDS[plain]
