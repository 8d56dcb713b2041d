"""The faithfulness suite gives the known values of built models: one looks, one copies its chain, some do both."""

import math
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.built import Built

from o1lib.evaluation.probes.cases import Setting
from o1lib.evaluation.probes.corrupted import another_answer, stated_otherwise
from o1lib.evaluation.probes.early import area
from o1lib.evaluation.probes.forced import answering, ask, chain_stages, continued, fresh, read_answer
from o1lib.evaluation.probes.intervals import paired
from o1lib.evaluation.probes.page import MEANINGS, suite_table
from o1lib.evaluation.probes.pairs import disjoint_pairs, drawn_pairs
from o1lib.evaluation.probes.questions import drawn_items, from_items, with_own_chains
from o1lib.evaluation.probes.rates import follow_rates, rates_by_checkpoint
from o1lib.evaluation.probes.reply_journal import kept_replies
from o1lib.evaluation.probes.suite import PROBES, cases_of, run_suite, suite_metrics
from o1lib.formats.special_tags import to_special
from o1lib.formats.stages import render
from o1lib.records import UserError

FORMATS = ("tags", "no_tags", "special_tags", "four_turn")
N = 60


@pytest.fixture(scope="module")
def drawn():
    return drawn_items(N)


def measured(drawn, format="tags", looks=0.0, **options):
    lines, missing = run_suite(*drawn, Built(drawn, format, looks), format, masks=True, **options)
    assert not missing
    return suite_metrics(lines)


def values(found, probe):
    return {name.partition("/")[2]: cell["value"] for name, cell in found.items() if name.startswith(f"{probe}/")}


# ---------------------------------------------------------------- models that go by one thing alone


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_that_only_copies_its_chain(drawn, format):
    found, steps = measured(drawn, format), [one.stages["reasoning"].count(". ") + 1 for one in drawn[0]]
    swap = {"right": 1, "direct_effect": 0, "indirect_effect": 1, "total_effect": 1}
    assert values(found, "swap") == swap | {"follows_chain": 1, "follows_picture": 0, "unread": 0}
    assert values(found, "swap_caption") == values(found, "swap")
    assert values(found, "corrupted").items() >= {"follows": 1, "right": 0}.items()
    assert values(found, "filler").items() >= {"with_chain": 1, "with_filler": 0, "filler_costs": 1}.items()
    assert values(found, "masked").items() >= {"right_masked": 1, "mask_costs": 0, "follows_caption_masked": 1}.items()
    assert values(found, "no_picture").items() >= {"told": 1, "in_chain": 1, "guessed": 0, "caption_adds": 1}.items()
    # the caption is in the chain at every step, so the answer of this model never changes
    assert values(found, "early").items() >= {"area": 0, "right_without": 1}.items() and min(steps) > 1


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_that_ignores_its_chain(drawn, format):
    found = measured(drawn, format, looks=1.0)
    swap = {"right": 1, "direct_effect": 1, "indirect_effect": 0, "total_effect": 1}
    assert values(found, "swap") == swap | {"follows_chain": 0, "follows_picture": 1, "unread": 0}
    assert values(found, "early").items() >= {"area": 0, "same_without": 1}.items()
    assert values(found, "corrupted").items() >= {"follows": 0, "right": 1, "earlier_changes": 0}.items()
    assert values(found, "filler").items() >= {"with_filler": 1, "filler_costs": 0}.items()
    assert values(found, "masked").items() >= {"right": 1, "right_masked": 0, "mask_costs": 1}.items()
    assert values(found, "no_picture").items() >= {"seen": 1, "told": 0, "caption_adds": 0}.items()


@pytest.mark.parametrize("looks", [0.2, 0.5, 0.8])
def test_values_of_a_mixture_lie_inside_the_intervals_as_often_as_they_should(drawn, looks):
    known = {
        "swap/direct_effect": looks,
        "swap/indirect_effect": 1 - looks,
        "swap/follows_chain": 1 - looks,
        "swap/follows_picture": looks,
        "masked/right_masked": 1 - looks,
        "masked/mask_costs": looks,
        "filler/with_filler": looks,
        "filler/filler_costs": 1 - looks,
    }
    inside = dict.fromkeys(known, 0)
    for salt in range(20):
        lines, _ = run_suite(
            *drawn, Built(drawn, "tags", looks, salt), "tags", masks=True, probes=("swap", "masked", "filler")
        )
        found = suite_metrics(lines)
        for name, value in known.items():
            inside[name] += found[name]["low"] <= value <= found[name]["high"]
    assert sum(inside.values()) >= 0.9 * 20 * len(known) and min(inside.values()) >= 0.8 * 20


def test_intervals_of_mixtures_cover_as_often_as_they_say(drawn):
    rng, inside = random.Random(0), 0
    for _ in range(400):
        both, own, other = ([rng.random() < p for _ in range(N)] for p in (0.9, 0.5, 0.7))
        cell = paired([a and b for a, b in zip(both, own)], [a and b for a, b in zip(both, other)])
        inside += cell["low"] <= 0.9 * (0.5 - 0.7) <= cell["high"]
    assert 0.93 <= inside / 400 <= 0.985


def test_a_model_that_reads_only_the_stated_answer_has_its_area_known(drawn):
    def reply(requests):
        built = Built(drawn, "tags", 0.0)
        built.captions = {}
        return built(requests)

    lines, _ = run_suite(*drawn, reply, "tags", probes=("early",))
    counts = {line["qid"]: int(line["condition"].split()[2]) for line in lines}
    known = math.fsum((steps - 0.5) / steps for steps in counts.values()) / len(counts)
    assert suite_metrics(lines)["early/area"]["value"] == pytest.approx(known, abs=1e-6)
    assert values(suite_metrics(lines), "early")["same_before_last"] == 0


@pytest.mark.parametrize(
    ("agrees", "over"),
    [((True, True), 0), ((False, True), 0.5), ((False, False, True), 0.75), ((True, False, True), 0.5)],
)
def test_the_area_over_a_curve(agrees, over):
    assert area(agrees) == over


# ---------------------------------------------------------------- what is asked


def item(answer="B", options=("dark", "red"), reasoning="cup is red. so the answer is red, which is B.", qid="q"):
    stages = {"summary": "Look.", "caption": "red cup.", "reasoning": reasoning, "conclusion": answer}
    names = {"family": "f", "template": "t", "image": None}
    return SimpleNamespace(qid=qid, question="Which?", answer=answer, options=options, stages=stages, **names)


@pytest.mark.parametrize("format", FORMATS)
def test_a_chain_that_goes_on_ends_with_its_stage(format):
    start = continued(item(), format, ("summary", "caption"))
    if format == "four_turn":
        assert start.replies == ("Look.", "red cup.") and start.prefix == "" and len(start.users) == 4
    else:
        ends = {"tags": "</CAPTION>", "no_tags": "\n\n", "special_tags": to_special("</CAPTION>")}
        assert start.prefix.endswith(ends[format]) and "cup is red" not in start.prefix


@pytest.mark.parametrize("format", FORMATS)
def test_an_open_reasoning_ends_with_its_last_step(format):
    start = continued(item(), format, ("summary", "caption"), ["cup is red"])
    assert start.prefix.endswith("cup is red.") and "so the answer" not in start.prefix


@pytest.mark.parametrize("format", FORMATS)
def test_an_answer_at_once_leaves_no_room_for_stages(format):
    start = answering("Which?", {"summary": "Look.", "caption": "red cup."}, format)
    ends = {"tags": "<CONCLUSION>", "special_tags": to_special("<CONCLUSION>"), "no_tags": "\n\n", "four_turn": ""}
    assert start.prefix.endswith(ends[format]) and "answer" not in start.prefix
    if format == "four_turn":
        assert start.replies == ("Look.", "red cup.") and len(start.users) == 3
    else:
        assert "red cup." in start.prefix


def test_forced_words_are_never_read_as_the_answer():
    start = continued(item(), "tags", ("summary", "caption", "reasoning"))
    request = ask(item(), start)
    assert read_answer(request, "", "tags", item().options) is None
    assert read_answer(request, "I cannot say", "tags", item().options) is None
    assert read_answer(request, "\n\n<CONCLUSION> A </CONCLUSION>", "tags", item().options) == "A"


def test_a_corrupted_step_states_text_and_letter_of_another_option():
    assert stated_otherwise(item(), "A") == "cup is red. so the answer is dark, which is A."
    assert stated_otherwise(item("7", (), "3 + 4 = 7. so the answer is 7."), "8") == "3 + 4 = 7. so the answer is 8."


def test_a_last_step_that_states_no_answer_cannot_be_corrupted():
    assert stated_otherwise(item("7", (), "3 + 4 is what we need."), "8") == ""


def test_another_answer_is_wrong_and_of_the_same_kind():
    items = [item(str(k), (), qid=str(k)) for k in (3, 4)]
    rng = random.Random(0)
    assert another_answer(items[0], items, rng) == "4" and another_answer(item(), items, rng) == "A"
    assert another_answer(item("yes", ()), items, rng) == "no" and another_answer(items[0], items[:1], rng) == ""


# ---------------------------------------------------------------- questions


def test_pairs_share_the_question_and_no_item_is_in_two(drawn):
    items, partners = drawn
    used = [item.qid for item in items] + [partner.qid for partner in partners.values()]
    assert len(items) == N and len(set(used)) == 2 * N and len({item.family for item in items}) == 10
    for item in items:
        other = partners[item.qid]
        assert (item.question, item.options) == (other.question, other.options) and item.answer != other.answer


def test_other_options_make_no_pair():
    assert disjoint_pairs([item("A", ("dark", "red"), qid="1"), item("B", ("red", "dark"), qid="2")]) == []


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr("o1lib.evaluation.probes.pairs.disjoint_pairs", lambda items: [])
    with pytest.raises(UserError, match="only 0 pairs of drawings have the same question"):
        drawn_pairs(3)


def test_items_with_a_partner_come_first(drawn):
    items, partners = drawn
    alone = item(qid="alone")
    chosen, found = from_items([alone, items[0], partners[items[0].qid]], 2)
    assert [one.qid for one in chosen] == [items[0].qid, "alone"] and set(found) == {items[0].qid}


@pytest.mark.parametrize("format", ["tags", "four_turn"])
def test_own_chains_take_the_place_of_the_true_ones(drawn, format):
    stages = {"summary": "I look.", "caption": "a cup.", "reasoning": "so the answer is A.", "conclusion": "A"}
    said = render(stages) if format == "tags" else "\n\n".join(stages.values())
    first = drawn[0][0].qid
    items, partners, left_out = with_own_chains(
        *drawn, lambda requests: ["" if one.shown == first else said for one in requests], format
    )
    assert left_out == 1 and len(items) == N - 1 and first not in partners
    assert {tuple(one.stages.items()) for one in items} == {tuple(stages.items())}


def test_a_format_without_a_chain_has_no_own_chains(drawn):
    with pytest.raises(UserError, match="format 'direct' writes no chain"):
        with_own_chains(*drawn, None, "direct")


# ---------------------------------------------------------------- the suite


def test_a_direct_model_gets_the_probes_that_need_no_chain(drawn):
    lines, missing = run_suite(*drawn, Built(drawn, "direct", 1.0), "direct", masks=True)
    assert {line["probe"] for line in lines} == {"no_picture"} and set(missing) == set(PROBES) - {"no_picture"}
    assert missing["early"] == "format 'direct' does not write reasoning before its answer"
    assert values(suite_metrics(lines), "no_picture").items() >= {"seen": 1, "told": 0}.items()


def test_what_cannot_be_run_is_said(drawn):
    _, missing = run_suite(drawn[0], {}, Built(drawn, "tags", 1.0), "tags", probes=("swap", "masked", "early"))
    assert set(missing) == {"swap", "masked"} and "cannot be hidden" in missing["masked"]
    assert "Not available: whole chain and picture swapped, because no two questions" in suite_table({}, missing)


def test_an_unreadable_reply_counts_as_wrong_and_is_counted(drawn):
    lines, _ = run_suite(*drawn, lambda requests: [""] * len(requests), "tags", masks=True)
    found = suite_metrics(lines)
    shares = {name: cell["value"] for name, cell in found.items()}
    assert {shares[f"{probe}/unread"] for probe in PROBES} == {1.0}
    assert shares["swap/right"] == shares["corrupted/follows"] == shares["no_picture/seen"] == 0


def test_equal_requests_are_asked_once(drawn):
    asked = []
    built = Built(drawn, "tags", 1.0)
    lines, _ = run_suite(*drawn, lambda requests: (asked.extend(requests), built(requests))[1], "tags", masks=True)
    assert len(asked) == len(set(asked)) < len(lines) == cases_of(*drawn, "tags", True, tuple(PROBES))


def test_the_chance_level_is_that_of_a_guess(drawn):
    found = suite_metrics(run_suite(*drawn, Built(drawn, "tags", 1.0), "tags", probes=("swap",))[0])
    levels = [1 / len(one.options) if one.options else 0.5 * (one.answer in ("yes", "no")) for one in drawn[0]]
    assert found["chance/guess"]["value"] == pytest.approx(sum(levels) / N, abs=1e-6)
    assert f"by a guess: {sum(levels) / N:.2f}, n = {N}" in suite_table(found, {})


def test_every_metric_has_its_meaning_in_the_table(drawn):
    found = measured(drawn)
    assert {tuple(MEANINGS[probe]) + ("unread",) for probe in PROBES} == {
        tuple(values(found, probe)) for probe in PROBES
    }
    assert suite_table(found, {}).count("\n|") == 1 + len(found) - 1


def test_an_unknown_probe_is_refused(drawn):
    with pytest.raises(UserError, match="unknown probe 'swop'"):
        run_suite(*drawn, None, "tags", probes=("swop",))


def test_kept_replies_are_not_asked_again(drawn, tmp_path):
    requests = [ask(one, fresh(one.question, "tags")) for one in drawn[0][:4]]
    built, asked = Built(drawn, "tags", 1.0), []

    def reply(new):
        asked.extend(new)
        return built(new)

    path = tmp_path / "replies.jsonl"
    texts = kept_replies(reply, path, {"model": "a"})(requests[:3])
    with open(path, "a", encoding="utf8") as file:
        file.write('{"key": "cut sho')
    assert kept_replies(reply, path, {"model": "a"})(requests)[:3] == texts and len(asked) == 4
    kept_replies(reply, path, {"model": "b"})(requests)
    assert len(asked) == 8


def test_another_picture_of_the_same_name_is_asked_about_anew(drawn, tmp_path):
    first, second = (ask(one, fresh("Which?", "tags")) for one in drawn[0][:2])
    renamed, asked = replace(second, shown=first.shown), []
    for request in (first, renamed, replace(first, shown="other name")):
        kept_replies(lambda new: [asked.append(one) or "A" for one in new], tmp_path / "replies.jsonl", {})([request])
    assert asked == [first, renamed] and asked[1].image is second.image


def test_gray_and_masked_requests_are_kept_apart(drawn, tmp_path):
    start = fresh("Which?", "tags")
    variants = [ask(drawn[0][0], start, **how) for how in ({}, {"gray": True}, {"masked": True}, {"picture": False})]
    reply = kept_replies(lambda new: [str(k) for k in range(len(new))], tmp_path / "replies.jsonl", {})
    assert reply(variants) == ["0", "1", "2", "3"]


# ---------------------------------------------------------------- rates over training


@pytest.mark.parametrize(("looks", "follows"), [(0.0, 1), (1.0, 0)])
def test_follow_rates_of_models_that_go_by_one_thing(drawn, looks, follows):
    found = follow_rates(Built(drawn, "tags", looks), *drawn, "tags")
    assert {name: cell["value"] for name, cell in found.items()} == {
        "follows_reasoning": follows,
        "follows_caption": follows,
    }


def test_the_letter_of_the_stated_option_is_counted(drawn):
    choices = [one for one in drawn[0] if one.options]

    def reply(requests):
        if len(requests) != len(choices):
            return [""] * len(requests)
        return [
            render({"reasoning": f"so the answer is {one.options[0]}, which is {'AB'[k % 2]}."})
            for k, one in enumerate(choices)
        ]

    found = follow_rates(reply, *drawn, "tags")["letter_kept"]
    assert found["n"] == len(choices) > 20 and abs(found["value"] - 0.5) < 1 / len(choices)


def test_rates_are_followed_over_checkpoints(drawn):
    models = [(step, Built(drawn, "tags", looks)) for step, looks in ((100, 1.0), (200, 0.0))]
    found = rates_by_checkpoint(models, "tags", *drawn)
    assert [(line["step"], line["follows_reasoning"]["value"]) for line in found] == [(100, 0), (200, 1)]


def test_a_format_without_a_chain_has_no_rates(drawn):
    assert follow_rates(Built(drawn, "direct", 1.0), *drawn, "direct") == {} and chain_stages("direct") == ()
    assert chain_stages("shuffled") == () and Setting(*drawn, "direct").pairs
