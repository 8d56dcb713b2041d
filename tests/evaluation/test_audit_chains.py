"""Chain reading gives the known values of built models on their own chains, and says when there is none to read."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from support import families
from support.built import Chained

from o1lib.analysis.audits.words import chain_verdict
from o1lib.evaluation.audits.chains import chains_of, read_chains
from o1lib.evaluation.probes.forced import ask, fresh
from o1lib.evaluation.probes.model import replies_by_turn
from o1lib.evaluation.probes.questions import drawn_items
from o1lib.evaluation.probes.suite import PROBES
from o1lib.inference.sequential import make_decoder
from o1lib.inference.served.abilities import Abilities
from o1lib.inference.served.decoder import ServedDecoder
from o1lib.models.endpoint import Reply

N = 30
PROBED = ("swap", "corrupted", "early")


@pytest.fixture(scope="module")
def drawn():
    return drawn_items(N)


def both(drawn):
    items, partners = drawn
    return [one for item in items for one in (item, partners[item.qid])]


def reading(drawn, looks, items=None, **options):
    built = Chained(drawn, "tags", looks, options.pop("salt", 0), options.pop("wrong", False))
    return chains_of(items or both(drawn), built, "tags", **({"probes": PROBED} | options))


def inside(found, known):
    return {name: cell for name, cell in found.metrics.items() if name in known and not holds(cell, known[name])}


def holds(cell, value):
    return cell["low"] <= value <= cell["high"]


def test_a_model_that_ignores_its_chain_has_its_known_effects(drawn):
    found = reading(drawn, looks=1.0)
    known = {"swap/indirect_effect": 0, "swap/direct_effect": 1, "swap/follows_chain": 0, "corrupted/follows": 0}
    assert found.metrics.keys() >= known.keys() and inside(found, known) == {}
    assert chain_verdict(found.metrics).startswith("**It hardly uses its chain.**")


def test_a_model_that_only_copies_its_chain_has_its_known_effects(drawn):
    found = reading(drawn, looks=0.0)
    known = {"swap/indirect_effect": 1, "swap/direct_effect": 0, "swap/follows_chain": 1, "corrupted/follows": 1}
    assert found.metrics.keys() >= known.keys() and inside(found, known) == {}
    assert chain_verdict(found.metrics).startswith("**It uses its chain, mostly the answer with which it ends.**")


def test_a_mixture_s_known_effects_lie_inside_the_intervals_as_often_as_they_should(drawn):
    known = {"swap/indirect_effect": 0.4, "swap/direct_effect": 0.6}
    found = [reading(drawn, looks=0.6, salt=salt, probes=("swap",)) for salt in range(10)]
    assert sum(len(inside(one, known)) for one in found) <= 3  # of 20 intervals of 95 %
    assert {chain_verdict(one.metrics).partition(".")[0] for one in found} == {"**It uses its chain in part"}


def test_a_model_that_is_always_wrong_can_follow_its_chain(drawn):
    """The reference is the model's own answer, so its accuracy does not matter."""
    found = reading(drawn, looks=0.0, wrong=True)
    assert found.accuracy["value"] == 0
    assert inside(found, {"swap/indirect_effect": 1, "corrupted/follows": 1}) == {}


def test_chain_reading_needs_no_right_answers(drawn):
    unknown = [replace(item, answer="") for item in both(drawn)]
    found, with_gold = reading(drawn, 0.0, unknown), reading(drawn, 0.0)
    assert found.accuracy is None and found.facts["gold"] == 0 and found.metrics == with_gold.metrics
    assert with_gold.accuracy["value"] == 1 and with_gold.facts["gold"] == 2 * N


def test_lines_hold_the_own_answer_beside_the_right_one(drawn):
    found = reading(drawn, looks=0.0, wrong=True, probes=("swap",))
    line = next(one for one in found.lines if one["condition"] == "own picture, own chain")
    assert line["kept"] and line["pred"] == line["own"] != line["gold"]


def test_without_swapped_chains_the_corrupted_step_decides(drawn):
    items = drawn[0]  # no two of them share their question
    found = reading(drawn, 0.0, items)
    assert "swap" in found.missing and "swap/indirect_effect" not in found.metrics
    said = chain_verdict(found.metrics)
    assert said.startswith("**It uses its chain, mostly the answer with which it ends.** An answer falsified in the")


# ---------------------------------------------------------------- no chain to read


@pytest.mark.parametrize(
    ("format", "text", "said"),
    [
        ("tags", "B", "30 of 30 replies lack the stages of format 'tags'"),
        ("tags", "<SUMMARY> x </SUMMARY> <CONCLUSION> B </CONCLUSION>", "30 of 30 replies lack the stages"),
        ("direct", "B", "a model of format 'direct' answers without one"),
    ],
)
def test_a_model_that_writes_no_chain_has_none_to_read(drawn, format, text, said):
    found = chains_of(drawn[0], lambda requests: [text] * len(requests), format)
    assert found.why.startswith("There is no chain to read") and said in found.why
    assert found.metrics == {} and found.accuracy["n"] == N


def test_staged_replies_without_a_readable_answer_are_named(drawn):
    staged = "<SUMMARY> s </SUMMARY> <CAPTION> c </CAPTION> <REASONING> r </REASONING> <CONCLUSION> ? </CONCLUSION>"
    choices = [item for item in drawn[0] if item.options]
    found = chains_of(choices, lambda requests: [staged] * len(requests), "tags")
    assert f"none of {len(choices)} staged replies ends with a readable answer" in found.why


# ---------------------------------------------------------------- any decoder


def test_a_decoder_without_a_cache_takes_every_probe_but_the_mask(drawn):
    model, processor = families.qwen3()
    decoder = make_decoder("one_at_a_time", model, processor, temperature=0.0, max_new_tokens=4)
    asked = []

    def chained(reply):
        def replied(requests):
            asked.extend(reply(requests[:1]))
            return Chained(drawn, "tags", 0.0)(requests)

        return replied

    found = read_chains(both(drawn)[:4], decoder, "tags", keep=chained)
    assert set(found.missing) == {"masked"} and "cannot be hidden" in found.missing["masked"]
    assert {name.partition("/")[0] for name in found.metrics} >= set(PROBES) - {"masked"} and len(asked) > 1


@pytest.mark.parametrize("format", ["direct", "tags"])
def test_replies_turn_by_turn_equal_those_of_the_batched_engine(format):
    from o1lib.evaluation.probes.forced import Request
    from o1lib.evaluation.probes.model import replies, replies_by_turn

    model, processor = families.qwen3()
    decoder = make_decoder("batched", model, processor, temperature=0.0, max_new_tokens=6)
    picture = SimpleNamespace(image=drawn_items(1)[0][0].image)
    requests = [
        Request(("How many?",), (), "<SUMMARY> two", "q1", picture.image),
        Request(("How many?", "Which?"), ("two",), "", "q1", picture.image),
        Request(("How many?",), (), "", "", None),
    ]
    assert replies_by_turn(decoder, format)(requests) == replies(decoder, format)(requests)


# ---------------------------------------------------------------- replies that a server lost


class Losing:
    """A reply that loses those for which `lost` says so."""

    def __init__(self, reply, lost):
        self.reply, self.lost = reply, lost

    def __call__(self, requests):
        return [None if self.lost(one) else text for one, text in zip(requests, self.reply(requests), strict=True)]


def test_a_lost_free_reply_is_no_reply_without_a_chain(drawn):
    items, built = both(drawn), Chained(drawn, "tags", 0.0)
    gone = items[0].qid
    found = chains_of(items, Losing(built, lambda one: built.is_free(one) and one.shown == gone), "tags", probes=PROBED)
    facts = {name: found.facts[name] for name in ("asked", "lost", "without_chain", "without_answer", "lost_forced")}
    assert facts == {"asked": 2 * N, "lost": 1, "without_chain": 0, "without_answer": 0, "lost_forced": 0}
    assert found.accuracy["n"] == 2 * N - 1 and gone not in {line["qid"] for line in found.lines}


def test_a_question_with_a_lost_forced_reply_is_left_out_of_that_probe_alone(drawn):
    items, built = both(drawn), Chained(drawn, "tags", 0.0)
    whole, gone = chains_of(items, built, "tags", probes=PROBED), items[0].qid
    swapped = [line for line in whole.lines if line["probe"] == "swap"]
    lost = []

    def first_swap(request):  # of a pair's first question: the other picture in front of its own chain
        hit = not (lost or built.is_free(request)) and request.shown == drawn[1][gone].qid
        lost.extend([request] * hit)
        return request in lost

    found = chains_of(items, Losing(built, first_swap), "tags", probes=PROBED)
    assert found.facts["lost_forced"] == 1
    left = [line for line in found.lines if line["probe"] == "swap"]
    assert {line["qid"] for line in swapped} - {line["qid"] for line in left} == {gone}
    assert found.metrics["swap/unread"]["value"] == 0 and found.metrics["swap/indirect_effect"]["value"] == 1
    assert {line["qid"] for line in found.lines if line["probe"] == "early"} == {item.qid for item in items}


def test_a_server_that_lost_every_reply_has_no_chain_to_read(drawn):
    found = chains_of(both(drawn)[:4], lambda requests: [None] * len(requests), "tags")
    assert found.why == "There is no chain to read: the server lost the replies to all 4 questions."
    assert found.accuracy is None and found.facts["without_chain"] == 0


def test_a_reply_that_a_server_lost_is_none(drawn):
    endpoint = SimpleNamespace(model="m", ask=lambda asked: [Reply("", error="HTTP 500") for _ in asked])
    decoder = ServedDecoder(endpoint, abilities=Abilities())
    item = drawn[0][0]
    assert replies_by_turn(decoder, "tags")([ask(item, fresh(item.question, "tags"))]) == [None]
