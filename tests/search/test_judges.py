"""Judges: what they prefer, how they treat ties, orders and unreadable verdicts, and how they are measured."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from support import tiny

from o1lib.evaluation.judge_pairs import known_pairs
from o1lib.evaluation.run import _referee, evaluate
from o1lib.formats.stages import STAGES, render
from o1lib.inference.decoder import Decoder
from o1lib.inference.sequential import ENGINES, make_decoder
from o1lib.minivqa import draw, mixture
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.records import UserError
from o1lib.search import judges
from o1lib.search.methods import make_search, task_for
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import Segment
from o1lib.search.self_judge import SHORT_REPLY, PreferenceJudge, SelfAsReleased, SelfJudge, comparison_prompt
from o1lib.search.types import Candidate, Comparison, Conversation, SearchResult, SearchRound, Usage, Verdict

EXAMPLE = draw("mini-CLEVR", 100_000_003, choice=True)
TASK = task_for(EXAMPLE.qid, EXAMPLE.question, EXAMPLE.image, "tags")
TRUTH = {EXAMPLE.qid: EXAMPLE}


def candidate(text, kind="caption", index=0, logprob=-1.0, tokens=1):
    return Candidate(index, (Segment(kind, text, logprob, tokens),))


def match(a, b, kind="caption", key="m", hint=""):
    sides = [candidate(text, kind, index) for index, text in enumerate((a, b))]
    return Comparison(TASK, kind, hint, *sides, tuple(sides), key)


def winners(who, matches):
    return [verdict.winner for verdict in who(matches)]


class Said:
    """A decoder that answers from a script: log-probabilities of the two verdicts, or words, by the prompt."""

    short = True

    def __init__(self, weigh=None, say=None):
        self.weigh, self.say, self.shown, self.asked = weigh, say, [], {}

    def likelihoods(self, contexts, options):
        self.shown += contexts
        return [(self.weigh(context.users[0]), Usage(judge=10, calls=1)) for context in contexts]

    def reply(self, contexts, keys, **how):
        self.shown, self.asked = self.shown + contexts, how
        return [
            Candidate(0, (Segment("judge", self.say(c.users[0])),), cost=Usage(judge=10, calls=1)) for c in contexts
        ]


def prefers(word):
    """Give the response that holds `word` the higher log-probability, in either order."""
    return lambda text: [
        float(word in text.split("Response 1:")[1].split("Response 2:")[0]),
        float(word in text.split("Response 2:")[1]),
    ]


def writes(word):
    """Write a verdict for the response that holds `word`, in either order."""
    return lambda text: f"Since it is {word}, I choose response {1 if prefers(word)(text)[0] else 2}."


ASKED_BOTH_WAYS = [(SelfJudge, {"say": writes("good")}), (PreferenceJudge, {"weigh": prefers("good")})]
ALWAYS_FIRST = [
    (SelfJudge, {"say": lambda text: "Since it is so, I choose response 1."}),
    (PreferenceJudge, {"weigh": lambda text: [0.9, 0.1]}),
]


@pytest.mark.parametrize("kind, script", ASKED_BOTH_WAYS)
def test_the_same_candidate_is_preferred_in_both_orders(kind, script):
    verdicts = kind(Said(**script))([match("good", "bad"), match("bad", "good")])
    assert [(verdict.winner, verdict.tie) for verdict in verdicts] == [(0, False), (1, False)]
    assert [verdict.choices for verdict in verdicts] == [(1, 2), (2, 1)]
    assert all(verdict.cost == Usage(judge=20, calls=2) for verdict in verdicts)


@pytest.mark.parametrize("kind, script", ALWAYS_FIRST)
def test_disagreement_between_orders_is_a_tie_with_a_seeded_coin(kind, script):
    played, who = [match("x", "y", key=str(k)) for k in range(60)], kind(Said(**script))
    verdicts = who(played)
    assert all(verdict.tie and verdict.choices == (1, 1) for verdict in verdicts)
    assert 10 < sum(verdict.winner for verdict in verdicts) < 50
    assert verdicts == who(played) and verdicts != kind(Said(**script), seed=1)(played)


def test_self_writes_greedily_and_notes_both_replies():
    said = Said(say=writes("good"))
    [verdict] = SelfJudge(said)([match("good", "bad")])
    assert said.asked["greedy"] and [one.prefix for one in said.shown] == ["", ""]
    assert verdict.note == (
        "Since it is good, I choose response 1. | in the other order: Since it is good, I choose response 2."
    )


@pytest.mark.parametrize("rubbish", ["", "Both are good.", "I choose response 1 or I choose response 2"])
@pytest.mark.parametrize("unread", ["Response 1: good", "Response 1: bad", "Response"])
def test_self_settles_an_unreadable_verdict_by_the_coin(rubbish, unread):
    who = SelfJudge(Said(say=lambda text: rubbish if unread in text else writes("good")(text)))
    verdicts = who([match("good", "bad", key=str(k)) for k in range(60)])
    assert all(verdict.tie and not verdict.parsed for verdict in verdicts)
    assert 10 < sum(verdict.winner for verdict in verdicts) < 50


@pytest.mark.parametrize("engine", ENGINES)
def test_self_writes_the_same_at_any_temperature_of_the_search(engine):
    played, [task] = [match("two red dots", "3"), match("3", "two red dots")], tiny.tasks(1)
    played, noted = [replace(one, task=task) for one in played], []
    for temperature in (0.0, 2.0):
        speaker = make_decoder(engine, *tiny.model_and_processor(), temperature=temperature, max_new_tokens=12)
        noted.append([verdict.note for verdict in SelfJudge(speaker)(played)])
    assert noted[0] == noted[1] and noted[0][0].split(" | ")[0] in noted[0][1]


def test_self_bounds_a_verdict_in_the_short_form():
    speaker, [task] = Decoder(*tiny.model_and_processor(), max_new_tokens=400), tiny.tasks(1)
    [reply] = speaker.reply([Conversation(task, ("Which?",))], ["k"], greedy=True, most=5)
    assert reply.tokens == 5 and reply.segments[0].end == "length"
    said = Said(say=lambda text: "")
    SelfJudge(said)([match("good", "bad")])
    assert said.asked["most"] == SHORT_REPLY
    said.short = False
    SelfJudge(said)([match("good", "bad")])
    assert said.asked["most"] is None


@pytest.mark.slow
def test_preference_on_a_real_model_reads_both_orders_of_every_match():
    speaker = Decoder(*tiny.model_and_processor(), rows=4)
    [task] = tiny.tasks(1)
    played = [
        replace(match(a, b, key=a), task=task)
        for a, b in (("two red dots", "3"), ("3", "two red dots"), ("blue", "red"))
    ]
    first, swapped, _ = PreferenceJudge(speaker)(played)
    assert first.winner == 1 - swapped.winner or first.tie and swapped.tie
    assert first.note.split()[1][:-1] == swapped.note.split()[-1]
    assert first.cost.calls == 2 and first.cost.images == 0 and first.cost.judge > 20


def test_short_prompts_show_texts_without_tags():
    both = match("<CAPTION> good </CAPTION>", "<CAPTION> bad </CAPTION>", hint="<SUMMARY> plan </SUMMARY> ")
    sentences = [replace(both, kind=kind) for kind in ("sentence", "all", "caption")]
    for one in sentences:
        text = comparison_prompt(one, one.a, one.b, short=True)
        assert "<" not in text and "Hint: plan" in text and "Response 1: good\nResponse 2: bad" in text
    assert "<CAPTION> good </CAPTION>" in comparison_prompt(sentences[0], both.a, both.b, short=False)


def released(*scripts, kind="reasoning"):
    """Return the released judge with a model that replies the first script's words whose key is in its prompt."""
    said = Said(say=lambda text: next(words for key, words in scripts if key in text))
    return SelfAsReleased(said), said


def test_as_released_an_incorrect_first_reasoning_loses_at_once():
    who, said = released(("Is this reasoning", "incorrect"))
    [verdict] = who([match("a", "b", "reasoning")])
    assert verdict.winner == 1 and len(said.shown) == 1 and not said.shown[0].picture
    assert verdict.cost.calls == 1


def test_as_released_the_second_reasoning_is_checked_next():
    who, said = released(("Reasoning: b", "incorrect"), ("Reasoning: a", "correct"))
    [verdict] = who([match("a", "b", "reasoning")])
    assert verdict.winner == 0 and len(said.shown) == 2


def test_as_released_correct_reasoning_is_compared_in_one_order():
    who, said = released(("Is this", "correct"), ("Which", "Since it is good, I choose response 1."))
    [verdict] = who([match("a", "b", "reasoning")])
    assert verdict.winner == 0 and len(said.shown) == 3 and said.shown[2].picture and verdict.cost.calls == 3


@pytest.mark.parametrize(
    "words, winner, parsed",
    [
        ("Since x, I choose response 1.", 0, True),
        ("Since x, I choose response 2.", 1, True),
        ("I cannot tell", 1, False),
        ("", 1, False),
    ],
)
def test_as_released_an_unreadable_verdict_is_for_the_second(words, winner, parsed):
    who, said = released(("Which", words))
    [verdict] = who([match("a", "b", "caption")])
    assert (verdict.winner, verdict.parsed) == (winner, parsed) and len(said.shown) == 1


def test_as_released_on_a_real_model_every_match_gets_a_verdict():
    speaker = Decoder(*tiny.model_and_processor(), rows=4, max_new_tokens=6)
    [task] = tiny.tasks(1)
    played = [replace(match("x", "y", kind, key=kind), task=task) for kind in ("caption", "reasoning")]
    verdicts = SelfAsReleased(speaker)(played)
    assert [verdict.cost.calls for verdict in verdicts] == [1, 3] and verdicts == SelfAsReleased(speaker)(played)


def test_likelihood_prefers_likelier_tokens_not_the_shorter_text():
    long, short = candidate("a b c d", logprob=-2.0, tokens=8), candidate("z", index=1, logprob=-1.0, tokens=1)
    verdict = judges.make_judge("likelihood")([Comparison(TASK, "caption", "", long, short, (long, short), "m")])[0]
    assert verdict.winner == 0 and not verdict.tie


def test_agreement_prefers_what_most_others_say():
    texts = ("Two red dots. A cup.", "A cup. Two red dots.", "Three blue dots.", "two red dots")
    pool = tuple(candidate(text, index=index) for index, text in enumerate(texts))
    played = [Comparison(TASK, "caption", "", pool[a], pool[b], pool, f"{a}{b}") for a, b in ((0, 2), (2, 3), (3, 1))]
    assert winners(judges.make_judge("agreement"), played) == [0, 1, 1]


def test_agreement_of_two_is_always_a_tie():
    assert all(
        verdict.tie
        for verdict in judges.make_judge("agreement")([match("two dots", "three"), match("two dots", "two dots")])
    )


def test_the_oracle_prefers_the_truer_text_of_every_kind():
    stages, oracle = EXAMPLE.stages, judges.make_judge("oracle", truth=TRUTH)
    other = next(letter for letter in "ABCD" if letter != EXAMPLE.answer)
    whole, broken = render(stages), render(stages | {"conclusion": other})
    played = [
        match(f"<CAPTION> {stages['caption']} </CAPTION>", "<CAPTION> nothing </CAPTION>"),
        match(stages["reasoning"], "so be it. " + stages["reasoning"], "reasoning"),
        match(stages["conclusion"], other, "conclusion"),
        match(whole, broken, "all"),
        match(EXAMPLE.facts[0] + ".", "no such thing.", "sentence"),
        match(stages["conclusion"] + " </CONCLUSION>", f"{other} </CONCLUSION>", "sentence", hint="... <CONCLUSION> "),
    ]
    for one, swapped in zip(oracle(played), oracle([replace(m, a=m.b, b=m.a) for m in played])):
        assert (one.winner, one.tie, swapped.winner, swapped.tie) == (0, False, 1, False)


def test_the_oracle_reads_whole_answers_of_every_format():
    stages, oracle = EXAMPLE.stages, judges.make_judge("oracle", truth=TRUTH)
    turns = [tuple(Segment(s, stages[s], turn=k > 0) for k, s in enumerate(STAGES)) for _ in range(2)]
    turns[1] = (*turns[1][:3], replace(turns[1][3], text="none of them"))
    good, bad = (Candidate(k, segments) for k, segments in enumerate(turns))
    assert winners(oracle, [Comparison(TASK, "all", "", good, bad, (), "t")]) == [0]
    assert winners(oracle, [match(EXAMPLE.answer, "none of them", "all")]) == [0]


def test_equally_true_texts_and_all_summaries_tie_by_the_oracle():
    verdicts = judges.make_judge("oracle", truth=TRUTH)(
        [match("Count.", "I do not know", "summary"), match("wrong", "false")]
    )
    assert all(verdict.tie for verdict in verdicts)


def test_a_lucky_conclusion_does_not_deceive_the_faithful_oracle():
    stages, oracle = EXAMPLE.stages, judges.make_judge("oracle_faithful", truth=TRUTH)
    other = next(letter for letter in "ABCD" if letter != EXAMPLE.answer)
    right, lucky = render(stages), render(stages | {"reasoning": "so be it."})
    plain = judges.make_judge("oracle", truth=TRUTH)
    assert winners(oracle, [match(lucky, right, "all"), match(right, lucky, "all")]) == [1, 0]
    assert winners(oracle, [match(right, render(stages | {"conclusion": other}), "all")]) == [0]
    true, false = (
        tuple(Segment(s, f"<{s.upper()}> {texts[s]} </{s.upper()}>") for s in STAGES[:3])
        for texts in (stages, stages | {"reasoning": "so be it."})
    )
    ends = match(*(f"<CONCLUSION> {text} </CONCLUSION>" for text in (EXAMPLE.answer, other)), "conclusion")
    behind_truth, behind_rubbish = replace(ends, before=true), replace(ends, before=false)
    assert (oracle([behind_truth])[0].winner, oracle([behind_truth])[0].tie) == (0, False)
    assert oracle([behind_rubbish])[0].tie and not plain([behind_rubbish])[0].tie
    assert oracle([match("x", "y", "reasoning")])[0].tie and winners(oracle, [match(stages["caption"], "nothing")]) == [
        0
    ]


def test_base_is_the_preference_of_another_model():
    assert judges.make_judge("base", decoder=Said(prefers("good")))([match("bad", "good")])[0].winner == 1
    with pytest.raises(UserError, match="judge 'base' needs another model: set judge_model"):
        evaluate([EXAMPLE], "tags", Said(), method="stage_beam", n=2, judge="base")


@pytest.mark.slow
def test_a_base_judge_encodes_the_picture_and_the_search_pays():
    speaker, base = (
        Decoder(*model, rows=4, max_new_tokens=8) for model in (tiny.trained(), tiny.model_and_processor())
    )
    [task] = tiny.coloured_tasks(1)
    [tree] = run_searches([make_search("stage_beam", 3)(task, 3)], speaker, judges.make_judge("base", decoder=base))
    assert base.prefiller.cached.keys() == speaker.prefiller.cached.keys() == {task.qid} and tree.usage.images == 1


@pytest.mark.slow
def test_the_oracle_is_right_on_known_pairs_in_the_model_s_form():
    speaker, items = Decoder(*tiny.trained()), list(mixture("validation", 12))
    pairs = known_pairs(items, speaker)
    measured = judges.accuracy_on_pairs(judges.make_judge("oracle", truth={item.qid: item for item in items}), pairs)
    assert measured == {"n": 2 * len(pairs), "accuracy": 1.0, "position_bias": 0.0, "tie": 0.0, "unparsed": 0.0}
    assert {m.kind for m, _ in pairs} == {"caption", "reasoning", "conclusion", "all"} and {
        side for _, side in pairs
    } == {0, 1}
    for played, better in pairs:
        item = next(item for item in items if item.qid == played.task.qid)
        written = "".join(segment.text for segment in played.before) + (played.a, played.b)[better].text
        assert render(item.stages).startswith(written) and played.a.logprob < 0 and played.a.tokens > 0


@pytest.mark.slow
def test_the_same_candidates_are_not_read_twice():
    speaker, [task] = Decoder(*tiny.trained()), tiny.coloured_tasks(1)
    same = replace(match("two red dots", "two red dots"), task=task)
    [verdict] = PreferenceJudge(speaker)([same])
    assert verdict.tie and verdict.cost.calls == 1


def test_the_oracle_refuses_a_question_without_facts():
    with pytest.raises(UserError, match=f"the truth about question {EXAMPLE.qid} is not known"):
        judges.make_judge("oracle", truth={})([match("a", "b")])


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.0, 0.5, 0.8, 1.0])
def test_synthetic_is_right_as_often_as_it_should_be(p):
    pairs = [(match(EXAMPLE.stages["caption"], "nothing", key=str(k)), 0) for k in range(400)]
    measured = judges.accuracy_on_pairs(judges.make_judge("synthetic", truth=TRUTH, p=p), pairs)
    assert measured["accuracy"] == pytest.approx(p, abs=0.06) and measured["tie"] == 0


@pytest.mark.parametrize("p", [-0.1, 1.5, 70])
def test_a_probability_that_is_no_share_is_refused(p):
    with pytest.raises(UserError, match="between 0 and 1"):
        judges.make_judge("synthetic", truth=TRUTH, p=p)


def test_an_evaluation_passes_the_accuracy_to_its_judge():
    assert _referee([EXAMPLE], SimpleNamespace(seed=0), "stage_beam", "synthetic", None, 0.7).p == 0.7


def test_random_is_a_fair_seeded_coin():
    pairs = [(match("a", "b", key=str(k)), 0) for k in range(400)]
    measured = judges.accuracy_on_pairs(judges.make_judge("random"), pairs)
    assert measured["accuracy"] == pytest.approx(0.5, abs=0.06) and abs(measured["position_bias"]) < 0.06
    assert measured == judges.accuracy_on_pairs(judges.make_judge("random"), pairs) and measured["n"] == 800


def test_known_pairs_show_bias_ties_and_unreadable_verdicts():
    pairs = [(match("a", "b"), 0)] * 10
    always_first = judges.accuracy_on_pairs(lambda matches: [Verdict(0, parsed=False) for _ in matches], pairs)
    assert always_first == {"n": 20, "accuracy": 0.5, "position_bias": 0.5, "tie": 0, "unparsed": 1}
    assert judges.accuracy_on_pairs(judges.make_judge("agreement"), pairs)["tie"] == 1
    assert judges.accuracy_on_pairs(judges.make_judge("agreement"), []) == {"n": 0}


def test_position_bias_counts_the_choices_in_both_orders():
    pairs = [(match("good", "bad"), 0)] * 10
    for (kind, script), bias in zip((ASKED_BOTH_WAYS[0], ALWAYS_FIRST[0]), (0.0, 0.5)):
        assert judges.accuracy_on_pairs(kind(Said(**script)), pairs)["position_bias"] == bias


def test_verdict_rows_say_what_was_compared_and_which_side_is_truer():
    true, false = EXAMPLE.stages["caption"], "nothing"
    sides = tuple(candidate(text, index=k) for k, text in enumerate((false, true, true)))
    verdicts = (Verdict(0, parsed=True, note="why", choices=(1, 2)), Verdict(1, tie=True, choices=(1, 1)))
    matches = ((0, 1, verdicts[0]), (1, 2, verdicts[1]))
    tree = SearchResult(TASK, "stage_beam", 3, (SearchRound("caption", sides, matches, 1),), sides[1].segments, Usage())
    first, second = judges.verdict_rows(tree, TRUTH)
    assert first == {
        "kind": "caption",
        "same": False,
        "better": 1,
        "winner": 0,
        "tie": False,
        "parsed": True,
        "note": "why",
        "choices": [1, 2],
    }
    assert (second["same"], second["better"]) == (True, None)
    assert [row["better"] for row in judges.verdict_rows(tree, {})] == [None, None]


def test_comparisons_of_a_result_are_judged_again_as_before():
    items = drawn_set("mini-MMStar", 3)
    oracle = judges.make_judge("oracle", truth={item.qid: item for item in items})
    speaker = Decoder(*tiny.model_and_processor(), max_new_tokens=4, temperature=2.0)
    tasks = [task_for(item.qid, item.question, item.image, "four_turn") for item in items]
    trees = run_searches([make_search("stage_beam", 3)(task, 3) for task in tasks], speaker.propose, oracle)
    played = judges.own_comparisons(trees)
    assert len(played) == 3 * 4 * 2
    assert judges.accuracy_on_own(trees, oracle).get("accuracy", 1) == 1
    own = {item.qid: replace(item, test_set="mini-Depth" if item is items[0] else item.test_set) for item in items}
    counted = judges.accuracy_on_own(trees, judges.make_judge("oracle", truth=own))
    assert counted == judges.accuracy_on_own(trees[1:], oracle)
    alone = judges.make_judge("oracle", truth={items[0].qid: own[items[0].qid]})
    assert judges.accuracy_on_own(trees[:1], alone) == judges.accuracy_on_own(trees[:1], oracle)
    for again, (_, before) in zip(oracle([m for m, _ in played]), played):
        assert again.tie == before.tie and (again.tie or again.winner == before.winner)


@pytest.mark.parametrize(
    "name, words",
    [
        ("orakle", "did you mean oracle"),
        ("zz", "choose one of self"),
        ("self", "asks a model"),
        ("oracle", "must know the truth"),
    ],
)
def test_an_unknown_judge_or_a_missing_need_is_refused(name, words):
    with pytest.raises(UserError, match=words):
        judges.make_judge(name)
