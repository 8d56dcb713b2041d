"""What a server is believed to be able to do, from its replies to the probe or from names."""

import pytest
from support.served import failure, serve
from support.speaker import Speaker

from o1lib.inference.served.abilities import Abilities, named, probed
from o1lib.models.endpoint import Endpoint


def plain(body):
    """Whether this is the request without any abilities."""
    return not {"n", "stop", "seed", "logprobs", "continue_final_message"} & set(body)


def found_by(respond, folder) -> Abilities:
    with serve(respond) as server, Endpoint(server.url, "m", log=folder / "log.jsonl", backoff=0.001) as endpoint:
        return probed(endpoint)


@pytest.mark.parametrize("lacks", [[], ["continuation"]])
@pytest.mark.parametrize("status", [400, 500])
def test_continuation_is_not_believed_without_a_prompt_to_compare_with(tmp_path, lacks, status):
    speaker = Speaker(lacks, faults=lambda body, number: failure(status) if plain(body) else None)
    found = found_by(speaker, tmp_path)
    assert (found.n, found.continuation) == (True, False)


def test_continuation_is_not_believed_where_the_server_counts_no_tokens(tmp_path):
    class Silent(Speaker):
        def _whole(self, body):
            self.prompt = 100 if plain(body) else 10  # 10 less with the flags: none
            return super()._whole(body)

    assert not found_by(Silent(), tmp_path).continuation
    assert found_by(Speaker(), tmp_path / "other").continuation


@pytest.mark.parametrize("names", ["n,stop", "n, stop", "n+stop", ["n", "stop"]])
def test_abilities_are_named_in_a_text_or_a_list(names):
    assert named(names) == Abilities(n=True, stop=True)
    assert named("none") == named(["none"]) == Abilities()
