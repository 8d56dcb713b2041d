"""Keep passwords and keys that stand in web addresses out of records.

without_keys("judge@https://host/v1?api_key=abc&version=3")     # "judge@https://host/v1?api_key=***&version=3"
"""

import re
from urllib.parse import urlsplit, urlunsplit

_ADDRESS = re.compile(r"https?://[^\s\"'<>]+", re.I)
_SECRET = re.compile(r"key|secret|token|passw|pwd|auth|cred|sig(?:nature)?$|^code$", re.I)
HIDDEN = "***"


def names_a_secret(name: str) -> bool:
    """Return whether a name in an address's query is that of a key, token or password."""
    return bool(_SECRET.search(name))


def without_keys(text: str) -> str:
    """Return a text in whose web addresses passwords and the values of keys are masked."""
    return _ADDRESS.sub(lambda found: _masked(found[0]), text)


def _masked(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket that closes nothing: no address, so nothing of it can be told apart
        return HIDDEN
    place = parts.netloc.rpartition("@")
    host = f"{HIDDEN}@{place[2]}" if place[1] else parts.netloc
    kept = [parts.path, *("&".join(map(_pair, part.split("&"))) for part in (parts.query, parts.fragment))]
    return urlunsplit((parts.scheme, host, *kept))


def _pair(text: str) -> str:
    name, equals, value = text.partition("=")
    return f"{name}={HIDDEN}" if equals and value and names_a_secret(name) else text
