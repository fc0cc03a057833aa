"""Telling a secret in plain text by what it is called and by what it looks like.

Names lie in both directions, so each half is narrow: a name counts only where it ends in a word for a
secret (``DB_PASSWORD`` does, ``TOKEN_ENDPOINT`` and ``SECRET_ARN`` do not) and the value is not evidently a
reference to one; a shape counts only where nothing else looks like it.
"""

import re

from policies.rules import Props, known

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRETS = frozenset(
    {"credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret", "token"}
    | {"apikey", "accesskey", "privatekey", "secretkey", "connectionstring"}
)
_SECRET_PAIRS = frozenset(
    {
        ("access", "key"),
        ("account", "key"),
        ("api", "key"),
        ("auth", "key"),
        ("connection", "string"),
        ("encryption", "key"),
        ("master", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("shared", "key"),
        ("signing", "key"),
    }
)
# "DB_PASSWORD_2" and "API_KEY_VALUE" are what they are without the end.
_ENDS = frozenset({"base64", "plain", "plaintext", "value"})

# Where a secret is, rather than what it is.
_REFERENCE = re.compile(
    r"arn:.*|\{\{resolve:.*|\$\{.*|(secretsmanager|ssm|ssm-secure|vault|file|https?|s3|projects)[:/].*"
    r"|/[\w.-]+(/[\w.-]+)+"
    r"|[a-z0-9]+([-_.][a-z0-9]+)*(/[a-z0-9]+([-_.][a-z0-9]+)*)+",
    re.DOTALL,
)
_TRIVIAL = re.compile(r"true|false|none|null|yes|no|on|off|\d{0,3}", re.IGNORECASE)

_SHAPE = re.compile(
    r"""
    -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | \b(AKIA|ASIA)[0-9A-Z]{16}\b                                   # AWS
    | \bgh[pousr]_[A-Za-z0-9]{36} | \bgithub_pat_[A-Za-z0-9_]{50}
    | \bglpat-[A-Za-z0-9_-]{20}                                     # GitLab
    | \bxox[abeoprs]-[A-Za-z0-9-]{10} | hooks\.slack\.com/services/T\w+/B\w+/\w+
    | \b[rs]k_live_[A-Za-z0-9]{16}                                  # Stripe
    | \bAIza[0-9A-Za-z_-]{35}                                       # Google
    | \bSG\.[\w-]{20,24}\.[\w-]{40,45}                              # SendGrid
    | \beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[\w-]{10}     # a signed token
    """,
    re.VERBOSE,
)
# A password in an address or in a connection string, unless a placeholder stands in its place.
_PASSWORD = re.compile(
    r"://[^\s:/@?#]*:(?![$<{*])[^\s/@]+@"
    r"|(^|[;&?\s])(password|pwd|accountkey|sharedaccesskey)\s*=\s*(?![$<{*])[^;&\s]",
    re.IGNORECASE,
)


def secrets_among(variables: Props, allowed: frozenset[str] = frozenset()) -> list[str]:
    """The names of variables that are secrets in plain text; never their values."""
    return sorted(
        name
        for name in variables
        if name not in allowed and isinstance(value := known(variables, name), str) and is_secret(name, value)
    )


def is_secret(name: str, value: str) -> bool:
    """Whether a variable of this name and value is a secret in plain text, as far as can be told."""
    if _SHAPE.search(value) or _PASSWORD.search(value):
        return True
    return _is_called_secret(name) and not _REFERENCE.fullmatch(value) and not _TRIVIAL.fullmatch(value)


def _is_called_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and (words[-1].isdigit() or words[-1] in _ENDS):
        words.pop()
    if not words:
        return False
    # "PGPASSWORD" is one word to a machine.
    return words[-1] in _SECRETS or words[-1].endswith("password") or tuple(words[-2:]) in _SECRET_PAIRS
