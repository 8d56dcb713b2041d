"""Keep API keys out of addresses, messages and logs.

address, query = split_address("https://host/v1?api-version=3", "OPENAI_API_KEY")     # a key in it is refused
scrubbed("wrong key sk-123", secret="sk-123")                                         # "wrong key ***"
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from o1lib.formats.characters import mended
from o1lib.records import UserError
from o1lib.records.addresses import HIDDEN, LOOKS_LIKE_A_KEY, SHORTEST_KEY, without_keys


def split_address(address: str, variable: str) -> tuple[str, dict[str, str]]:
    """Return (address without query, {name: value} of the query).

    Raises UserError for an address with a user name, a password, a port that is no number, or a key in its path or
    query; `variable` is the environment variable in which keys belong. The message repeats nothing of the address.
    """
    try:
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        usable = parts.scheme in ("http", "https") and parts.hostname and not (parts.username or parts.password)
        usable = usable and parts.port != 0  # reading the port raises if it is none
    except ValueError:
        usable, query = False, {}
    if not usable or without_keys(address) != address or "#" in address:
        raise UserError(
            "base_url must be an address such as http://127.0.0.1:8000/v1, without user name, password or key: "
            f"put the key into the environment variable {variable}."
        )
    return address.partition("?")[0], query


def scrubbed(value, secret: str):
    """Return a text, or a JSON value with all its texts, without the key that was sent."""
    if len(secret) < SHORTEST_KEY:
        return value
    if isinstance(value, str):
        return value.replace(secret, HIDDEN)
    if isinstance(value, Mapping):
        return {scrubbed(name, secret): scrubbed(item, secret) for name, item in value.items()}
    return [scrubbed(item, secret) for item in value] if isinstance(value, list) else value


def cleaned(text: str, secret: str) -> str:
    """Return a server's message in one short line, without anything that looks like a key."""
    text = mended(scrubbed(text, secret)[:5000])
    return " ".join(LOOKS_LIKE_A_KEY.sub(HIDDEN, text).split())[:200]
