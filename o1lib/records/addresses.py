"""Keep passwords and keys in web addresses out of records.

without_keys("judge@https://host/v1?api_key=abc&version=3")     # "judge@https://host/v1?api_key=***&version=3"
without_keys("host/v1?k=sk-abc987")                             # "host/v1?k=***"
"""

import re
from urllib.parse import unquote, urlsplit, urlunsplit

HIDDEN = "***"
SHORTEST_KEY = 8  # characters of a key; a shorter one, such as EMPTY or none, is a stand-in that may occur in any text
LOOKS_LIKE_A_KEY = re.compile(r"\bsk-[\w*-]+|\bBearer\s+[\w.~+/-]{8,}=*|\beyJ[\w-]{8,}\.[\w.-]+")
_END = r"[^\s\"'<>]"
_ADDRESS = re.compile(  # an address; without its scheme, its query and any part of its path that is a key
    rf"(?P<whole>[a-z][a-z0-9+.-]{{0,20}}://{_END}+)|(?<=[\w/\]])\?{_END}+|(?<=/)sk-[\w*-]+", re.I
)
_SECRET = re.compile(  # a whole part of a name
    r"(?:api|access|auth|bearer|client|id|private|refresh|secret|service|session|shared|subscription|user)*"
    r"(?:keys?|secrets?|token|pass|passw\w*|passphrase|pwd|pw|auth|oauth|authori[sz]ation|authentication|access|bearer"
    r"|jwt|creds?|credentials?|sig|signature|code|sid)",
    re.I,
)
_HARMLESS = re.compile(  # a whole name, whose value may be long
    r"(?:api-)?version|deployment(?:-name)?|model(?:-name)?|engine|provider|region|location|project|language|revision|ref"
    r"|author|max(?:-completion|-new)?-tokens|keywords?|tokenizer|format",
    re.I,
)


def holds_a_key(name: str, value: str) -> bool:
    """Return whether an entry of an address's query may be a key, a token or a password.

    It may if its name says so or if it looks like one, and under a name that is not known to be harmless if it is long
    enough for one.
    """
    name, value = unquote(name), unquote(value)
    if LOOKS_LIKE_A_KEY.search(name) or LOOKS_LIKE_A_KEY.search(value):
        return True
    if not value or _HARMLESS.fullmatch(name.replace("_", "-")):
        return False
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return any(map(_SECRET.fullmatch, parts)) or len(value) >= SHORTEST_KEY


def without_keys(text: str) -> str:
    """Return a text in whose web addresses passwords and the values of keys are masked."""
    return _ADDRESS.sub(lambda found: _masked(found[0]) if found["whole"] else _rest(found[0]), text)


def _rest(text: str) -> str:
    return f"?{_pairs(text[1:])}" if text.startswith("?") else HIDDEN


def _masked(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket that closes nothing: no address, so nothing of it can be told apart
        return HIDDEN
    place = parts.netloc.rpartition("@")
    host = f"{HIDDEN}@{place[2]}" if place[1] else parts.netloc
    kept = (host, LOOKS_LIKE_A_KEY.sub(HIDDEN, parts.path), *map(_pairs, (parts.query, parts.fragment)))
    return address if kept == parts[1:] else urlunsplit((parts.scheme, *kept))


def _pairs(text: str) -> str:
    """Return a query with the values of its keys masked."""
    return re.sub(r"[^&;?]+", lambda found: _pair(found[0]), text)


def _pair(text: str) -> str:
    name, equals, value = text.partition("=")
    if not holds_a_key(name, value):
        return text
    return f"{LOOKS_LIKE_A_KEY.sub(HIDDEN, unquote(name))}={HIDDEN}" if equals else HIDDEN
