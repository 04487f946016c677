"""Recognise names of secrets among names of columns, settings and options, in any style."""

from __future__ import annotations

import re
from functools import lru_cache


def words_of(text: str) -> frozenset[str]:
    """The set of words in a text."""
    return frozenset(text.split())


# The last noun of a name decides: `user_password` is a password, `password_lifetime` is a time.
# These words may follow that noun without changing its meaning.
_BEHIND = words_of(
    "hash hashes hashed value values val text txt string str plain plaintext clear cleartext raw"
    " encrypted enc encoded current old new previous next primary secondary default data digest"
    " sha sha1 sha256 sha512 md5 scram b64 base64 hex command cmd pem"
)
# A name with this first word is not a secret: `has_password`, `require_secret`, `number_of_tokens`.
_ASKING = words_of(
    "has have had is are was no not without with require requires required needs need must may can"
    " allow allows use uses using used wants validate validates check checks count number num max"
    " min weak missing empty expired days age"
)
_NOUNS = words_of(
    "password passwords passwd passwds passphrase passphrases passcode pass pwd pwds pw psw"
    " secret secrets token tokens credential credentials creds jwt bearer cookie apikey apikeys"
    " privatekey secretkey accesskey dsn conninfo storedkey serverkey authstring saltedpassword"
    " userattributes authdata"
)
_TWO_WORDS = frozenset(
    {
        *(f"{first} key" for first in ("private", "secret", "api", "access", "stored", "server")),
        *(f"{first} key" for first in ("encryption", "master", "signing", "shared", "session")),
        *(f"{first} keys" for first in ("private", "secret", "api", "access", "encryption")),
        *("pass phrase", "pass phrases", "pass word", "connection string", "connection uri"),
        *("conn string", "conn str", "conn info", "connection info", "connection url"),
        *("auth string", "authentication string", "auth data", "user attributes"),
        *("database url", "database uri", "webhook url", "keytab data"),
    }
)
# Columns of account tables that the rules of words do not find.
_COLUMNS = frozenset({"priv", "auth_or"})
# In one word the end decides: `sslpassword`, `ldapbindpasswd`, `radiussecrets`, `bindpw`.
_ENDINGS = re.compile(
    r"(?:passwor[dt]s?|passwds?|passphrases?|passcodes?|pwds?|secrets?|tokens?|credentials?"
    r"|(?:api|private|secret|access)keys?|conninfo|connectionstring|connstr"
    r"|(?:bind|root|user|admin|db|ldap|ssl|my|pg|key|rep|repl)(?:pw|pass))$"
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
MAX_KEPT_NAMES = 4_096
MAX_NAME_CHARACTERS = 200  # a longer one is a text, not a name


def is_secret_name(name: str) -> bool:
    """Whether the value of `name` is a secret, e.g. `certificateKeyFilePassword`, `api-key`.

    `password_lifetime`, `has_password` and `validate_password.policy` are not secrets.
    """
    return len(name) <= MAX_NAME_CHARACTERS and _is_secret(name)


@lru_cache(MAX_KEPT_NAMES)
def _is_secret(name: str) -> bool:
    if name.lower() in _COLUMNS:
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    if len(words) > 1 and words[0] in _ASKING:
        return False
    while words:
        last, last_two = words[-1], words[-2:]
        if last in _NOUNS or "".join(last_two) in _NOUNS or _ENDINGS.search(last):
            return True
        if " ".join(last_two) in _TWO_WORDS:
            return True
        if last not in _BEHIND and not last.isdigit():
            return False
        words.pop()
    return False


def is_plural(name: str) -> bool:
    """Whether `name` is a plural, so that a number is a count."""
    words = _WORD.findall(name)
    return bool(words) and words[-1].lower().endswith("s") and not words[-1].lower().endswith("ss")
