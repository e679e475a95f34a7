"""What gives a secret away that is written out: the name beside it, its own form, its place in an address.

Nothing here is certain. What is called or looks like a secret is refused where it would be stored, and hidden where it
is shown; a reference (`model.secrets`) in its place is always right.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(
    r"(?:^|[_.-])(?:passwords?|passwd|passphrase|pwd|secrets?|token|credentials?|authorization|cookie"
    r"|(?:api|access|account|private|secret|subscription)[_-]?keys?)$",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"authorization|cookie|token|secret|passw|credential|\bpwd\b|\bauth$|\bkey\b|(?:api|access|auth)key", re.IGNORECASE
)
_OPTION = re.compile(r"^key$|(?:^|[_.-])(?:sig|signature|auth|pass)$", re.IGNORECASE)
_FORM = re.compile(
    r"-----BEGIN (?![A-Z0-9 ]*(?:CERTIFICATE|PUBLIC KEY))"
    r"|\b(?:gh[oprsu]_\w{8}|github_pat_\w{8}|xox[abeoprs]-[\w-]{8}|(?:AKIA|ASIA)[0-9A-Z]{12}|[rs]k_live_\w{8})"
)
_ASSIGNED = re.compile(
    r"(?<![A-Za-z])(?:password|passwd|pwd)\s*=\s*[\"']?(?!env:|file:/)[^\s\"'=$%{:?<*;&,)]", re.IGNORECASE
)
_GIVEN = re.compile(r"[?&;]\s*([\w.-]+)=[^\s&;*]")
PASSWORD_IN_ADDRESS = re.compile(r"(://[^/\s:@]*:)(?!\*\*\*@)([^/\s@]+)(?=@)")
"""Finds what stands before the password, and the password. One that is hidden already is none."""


def names_secret(name: str) -> bool:
    """Tell whether what is called so is a secret: `db_password`, `accessToken`, `secret_access_key`."""
    return bool(_NAME.search(_HUMP.sub("_", name)))


def carries_secret(header: str) -> bool:
    """Tell whether a header of this name proves who asks."""
    return bool(_HEADER.search(header.replace("_", "-")))


def holds_secret(text: str) -> bool:
    """Tell whether there is a secret in a text, whatever it is called.

    That is a private key, a token of a well-known form, `Password=…`, and in an address a password, or an option
    such as `?token=…`.
    """
    if _FORM.search(text) or _ASSIGNED.search(text):
        return True
    if "://" not in text:
        return False
    plain = unquote(text)
    options = (found[1] for found in _GIVEN.finditer(plain))
    return bool(
        PASSWORD_IN_ADDRESS.search(text)
        or _ASSIGNED.search(plain)
        or any(names_secret(option) or _OPTION.search(option) for option in options)
    )
