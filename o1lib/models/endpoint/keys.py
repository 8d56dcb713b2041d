"""Keep API keys out of addresses, messages and logs.

address, query = split_address("https://host/v1?api-version=3", "OPENAI_API_KEY")     # a key in it is refused
scrubbed("wrong key sk-123", secret="sk-123")                                         # "wrong key ***"
"""

import re
from urllib.parse import parse_qsl, urlsplit

from o1lib.records import UserError
from o1lib.records.addresses import names_a_secret

_SHORTEST = 8  # characters of a key; a shorter one, such as EMPTY or none, is a stand-in that may occur in any text
_LOOKS_LIKE_A_KEY = re.compile(r"\bsk-[\w*-]+|\bBearer\s+[\w.~+/-]{8,}=*")


def split_address(address: str, variable: str) -> tuple[str, dict[str, str]]:
    """Return (address without query, {name: value} of the query).

    Raises UserError for an address with a user name, a password, or a query that holds a key; `variable` is the
    environment variable in which keys belong. The message repeats nothing of the address.
    """
    try:
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        usable = parts.scheme in ("http", "https") and parts.hostname and not (parts.username or parts.password)
    except ValueError:
        usable, query = False, {}
    if not usable or any(map(names_a_secret, query)) or "#" in address:
        raise UserError(
            "base_url must be an address such as http://127.0.0.1:8000/v1, without user name, password or key: "
            f"put the key into the environment variable {variable}."
        )
    return address.partition("?")[0], query


def scrubbed(text: str, secret: str) -> str:
    """Return a text without the key that was sent."""
    return text.replace(secret, "***") if len(secret) >= _SHORTEST else text


def cleaned(text: str, secret: str) -> str:
    """Return a server's message in one short line, without anything that looks like a key."""
    text = text[:5000].replace(secret, "***") if secret else text[:5000]
    return " ".join(_LOOKS_LIKE_A_KEY.sub("***", text).split())[:200]
