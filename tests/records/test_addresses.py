"""A password or key in a web address reaches no record."""

import pytest

from o1lib.records import UserError, finish, portable, start
from o1lib.records.addresses import without_keys

CELL = """row: str = "served"
seed: int = 0
scale: str = "smoke"
root: str = ""
endpoint: str = ""
grader: str = ""
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    return tmp_path


def begin(**given):
    namespace = {"In": [CELL, "run = start(globals())"]}
    exec(CELL, namespace)
    return start(namespace | given)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://host/v1?api_key=abc987", "https://host/v1?api_key=***"),
        ("g@https://host/v1?version=3&key=abc987", "g@https://host/v1?version=3&key=***"),
        ("http://me:abc987@host:8000/v1", "http://***@host:8000/v1"),
        ("refused by https://host/v1?sig=abc987 again", "refused by https://host/v1?sig=*** again"),
        ("https://host/v1#token=abc987", "https://host/v1#token=***"),
        ("https://[abc987/v1?x", "***"),
        ("http://127.0.0.1:8000/v1?api-version=2024-10-21", "http://127.0.0.1:8000/v1?api-version=2024-10-21"),
        ("https://host/v1?flag&page=2", "https://host/v1?flag&page=2"),
        ("wss://host/v1?k=sk-abc987", "wss://host/v1?k=***"),
        ("host:8000/v1?jwt=abc987", "host:8000/v1?jwt=***"),
        ("host/sk-abc987/v1", "host/***/v1"),
        ("https://host/sk-abc987/v1", "https://host/***/v1"),
        ("https://host/v1?max_tokens=5&turkey=1", "https://host/v1?max_tokens=5&turkey=1"),
        ("no address", "no address"),
    ],
)
def test_keys_in_addresses_are_masked_and_the_rest_is_kept(text, kept):
    assert without_keys(text) == kept
    assert portable({"facts": [text]}) == {"facts": [kept]}


@pytest.mark.parametrize("name", ["endpoint", "grader"])
@pytest.mark.parametrize("address", ["http://127.0.0.1/v1?api_key=abc987", "m@http://me:abc987@127.0.0.1/v1"])
def test_a_key_in_a_parameter_is_refused_before_any_work(project, name, address):
    with pytest.raises(UserError, match=f"parameter '{name}' is an address with a password or key") as caught:
        begin(**{name: address})
    assert "abc987" not in str(caught.value) and list(project.iterdir()) == []


def test_a_key_in_a_fact_of_a_record_is_masked(project):
    run = begin(endpoint="http://127.0.0.1:8000/v1")
    path = finish(run, {}, extra={"problem": "no reply from https://host/v1?token=abc987"})
    assert "abc987" not in path.read_text() and "token=***" in path.read_text()
