"""What an audit says of a judge: its accuracy, its place on the measured curve, its expected gain, the sentence."""

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from o1lib.analysis.audits.curve import GainCurve, measured_curve
from o1lib.analysis.audits.gain import COLUMNS, SIZES, expected_gains, largest_gain
from o1lib.analysis.audits.knockout import by_count, chance_of_right, drawn, right_winner
from o1lib.analysis.audits.spread import DRAWS, judge_spread
from o1lib.analysis.audits.words import chain_verdict, judge_verdict, unmixed_verdict
from o1lib.records import UserError, load, project_root
from o1lib.search.methods import bracket

COSTS = {"generated": 60.0, "prompts": {1: 20.0, 2: 20.0, 4: 20.0, 8: 20.0}, "rereads": False, "stages": 4}
TOTAL = 8
RUNS = project_root() / "results" / "mini" / "runs"
ROWS = [f"structured.{method}4.{judge}" for method in ("stage_beam", "best_of_n") for judge in ("random", "oracle")]
ROWS += [f"structured.stage_beam4.synthetic{p}" for p in ("60", "70", "", "90")]


def verdicts(p, pairs, seed=0, per_question=3, ties=0.0, **changes):
    """Return the lines of a judge that is right with chance p."""
    rng, found = random.Random(f"{p}/{seed}"), []
    for k in range(pairs):
        better, tie = rng.randrange(2), rng.random() < ties
        right = rng.random() < (0.5 if tie else p)
        winner = better if right else 1 - better
        line = {"qid": str(k // per_question), "kind": "all", "stage": False, "better": better, "winner": winner}
        found.append(line | {"tie": tie, "read": True, "choices": [winner + 1], "tokens": 30, "note": ""} | changes)
    return found


def answers(rate, questions, seed=0):
    """Return {qid: which of TOTAL answers are right}; questions differ in how hard they are around `rate`."""
    rng = np.random.default_rng(seed)
    chances = rng.beta(4 * rate, 4 * (1 - rate), questions)
    return {str(k): list(rng.random(TOTAL) < chance) for k, chance in enumerate(chances)}


@cache
def published():
    return measured_curve([load(RUNS / row / f"seed{seed}") for row in ROWS for seed in (0, 1)])


def straight():
    """A curve on which the share won is 2 p - 1, known exactly, and a stage beam has half of best-of-N's room."""
    levels = np.array([0.5, 0.75, 1.0])
    values = 2 * levels - 1
    points = pd.DataFrame({"p": [0.75], "value": [0.5], "low": [0.5], "high": [0.5], "n": [99], "seeds": [2]})
    return GainCurve(points, levels, values, np.tile(values, (DRAWS, 1)), 0.5, np.full(DRAWS, 0.5))


# ---------------------------------------------------------------- the knock-out


@pytest.mark.parametrize(("n", "right", "p"), [(2, 1, 0.8), (4, 1, 0.8), (4, 2, 0.6), (8, 3, 0.7), (8, 7, 0.3)])
def test_a_right_winner_is_as_likely_as_in_the_brackets_of_the_searches(n, right, p):
    rng, wins, runs = np.random.default_rng(0), 0, 4000
    for _ in range(runs):
        slots = dict(enumerate(rng.permutation([True] * right + [False] * (n - right))))
        for level in bracket(n, rng):
            for a, b, slot in level:
                better = slots[a] or slots[b] if rng.random() < p else slots[a] and slots[b]
                slots[slot] = better
        wins += slots[max(slots)]
    known = float(right_winner(n, right, p))
    assert abs(wins / runs - known) < 4 * (known * (1 - known) / runs) ** 0.5


def test_the_ends_of_a_knockout_are_known():
    assert [float(right_winner(4, 2, p)) for p in (0.0, 1.0)] == pytest.approx([0.0, 1.0])
    assert float(right_winner(8, 3, 0.5)) == pytest.approx(3 / 8)
    assert right_winner(4, 1, np.array([0.5, 1.0])) == pytest.approx([0.25, 1.0])
    assert sum(drawn(3, 8, 4)) == pytest.approx(1) and drawn(0, 8, 2) == [1, 0, 0]


def test_a_coin_wins_the_share_of_right_answers_and_an_oracle_any_right_one():
    assert by_count(8, 4, 0.5) == pytest.approx(np.arange(9) / 8)
    assert chance_of_right([0, 8, 8], 8, 8, 1.0) == pytest.approx(2 / 3)
    assert chance_of_right([1], 8, 8, 1.0) == pytest.approx(1.0)


# ---------------------------------------------------------------- accuracy


@pytest.mark.parametrize("p", [0.5, 0.8])
def test_the_known_accuracy_of_a_judge_lies_inside_its_interval_as_often_as_it_should(p):
    found = [judge_spread(verdicts(p, 90, seed)).right for seed in range(60)]
    assert sum(one["low"] <= p <= one["high"] for one in found) >= 0.9 * 60
    assert np.mean([one["high"] - one["low"] for one in found]) < 0.25


def test_pairs_of_one_question_that_are_alike_count_as_fewer():
    alike = [line | {"qid": str(k // 10), "winner": line["better"] ^ (k // 10 % 4 == 0)} for k, line in
             enumerate(verdicts(1.0, 120))]  # fmt: skip
    apart = [line | {"qid": str(k)} for k, line in enumerate(alike)]
    widths = [one["high"] - one["low"] for one in (judge_spread(alike).right, judge_spread(apart).right)]
    assert widths[0] > 2 * widths[1]


def test_a_judge_that_tied_on_every_pair_is_a_coin_on_all_but_the_few_that_it_may_decide():
    found = judge_spread(verdicts(0.9, 90, ties=1.0))
    assert found.right["value"] == 0.5 and found.decided is None and found.tie["value"] == 1
    most = (1 - found.tie["low"]) / 2  # if it decided as many as the interval allows, always rightly
    assert 0 < found.right["high"] - 0.5 <= most and 0 < 0.5 - found.right["low"] <= most
    widths = [one["high"] - one["low"] for one in (found.right, judge_spread(verdicts(0.9, 900, ties=1.0)).right)]
    assert widths[1] < widths[0] / 5


def test_ties_count_one_half():
    found = judge_spread(verdicts(1.0, 2000, ties=0.5))
    assert found.decided["value"] == 1 and found.right["value"] == pytest.approx(0.75, abs=0.03)


def test_position_bias_and_unread_verdicts_are_shares_of_the_choices():
    first = judge_spread([line | {"choices": [1, 1]} for line in verdicts(0.5, 40)])
    unread = judge_spread(verdicts(0.5, 40, ties=1.0, read=False, choices=[None, None]))
    assert first.bias["value"] == 0.5 and unread.bias is None and unread.unread["value"] == 1
    assert judge_spread([]) is None


# ---------------------------------------------------------------- the measured curve


def test_the_published_curve_is_that_of_the_published_table():
    found, table = published(), pd.read_csv(RUNS.parent / "tables" / "gain_of_a_judge.csv")
    won = table[table.p.between(0.55, 0.95)].set_index("p").won
    assert dict(zip(found.points.p, found.points.value)) == pytest.approx(won.to_dict(), abs=1e-3)
    means = pd.concat([table, pd.read_csv(RUNS.parent / "tables" / "gain_of_a_judge_whole.csv")]).set_index("row").value
    stage, whole = (means[f"structured.{one}.oracle"] - means[f"structured.{one}.random"] for one in
                    ("stage_beam4", "best_of_n4"))  # fmt: skip
    assert found.headroom == pytest.approx(stage / whole, abs=1e-3)
    assert (found.points.low < found.points.value).all() and (found.points.value < found.points.high).all()


def test_the_curve_is_zero_for_a_coin_one_for_an_oracle_and_mirrored_below():
    found = published()
    assert [found.share(p) for p in (0.5, 1.0)] == [0.0, 1.0]
    assert found.share(0.2) == pytest.approx(-found.share(0.8)) and 0 < found.share(0.65) < found.share(0.75) < 1
    assert (np.diff(found.drawn, axis=1) >= 0).all()


def test_a_knockout_of_the_model_s_own_answers_has_nearly_the_measured_shape():
    """The theory behind best-of-N and the curve measured on stages agree within the curve's intervals."""
    rights = [sum(flags) for flags in answers(0.3, 400).values()]
    one = np.mean(rights) / TOTAL
    room = chance_of_right(rights, TOTAL, 4, 1.0) - one
    shares = [(chance_of_right(rights, TOTAL, 4, p) - one) / room for p in published().points.p]
    assert ((published().points.low <= shares) & (shares <= published().points.high)).all()


def test_a_study_without_the_rows_is_refused():
    with pytest.raises(UserError, match="lacks stage_beam with judge oracle"):
        measured_curve([load(RUNS / "structured.stage_beam4.random" / "seed0")])


# ---------------------------------------------------------------- expected gains


def gains_of(p, right, pairs=150, seed=0, stages=None, curve=None):
    return expected_gains(right, judge_spread(verdicts(p, pairs, seed)), stages, curve or straight(), COSTS)


def known_gain(method, n, p, rate):
    """Return the true expected gain where `answers(rate, ...)` come from, from very many questions."""
    rights = [sum(flags) for flags in answers(rate, 40_000, seed=1).values()]
    one = np.mean(rights) / TOTAL
    if method == "best_of_n":
        return chance_of_right(rights, TOTAL, n, p) - one
    return 0.5 * (2 * p - 1) * (chance_of_right(rights, TOTAL, n, 1.0) - one)


def test_a_coin_s_gain_of_zero_lies_inside_every_interval():
    found = gains_of(0.5, answers(0.4, 120))
    assert list(found.columns) == COLUMNS and len(found) == 2 * len(SIZES)
    assert ((found.low <= 0) & (found.high >= 0)).all()


@pytest.mark.parametrize("p", [0.5, 0.8])
def test_the_known_gain_lies_inside_the_intervals_as_often_as_it_should(p):
    known = {(method, n): known_gain(method, n, p, 0.4) for method in ("best_of_n", "stage_beam") for n in SIZES}
    inside, runs = 0, 25
    for seed in range(runs):
        found = gains_of(p, answers(0.4, 100, seed), seed=seed)
        inside += sum(row.low <= known[row.method, row.n] <= row.high for row in found.itertuples())
    assert inside >= 0.9 * runs * len(known)


def test_the_stage_beam_goes_by_the_accuracy_on_stages_where_it_was_measured():
    better = gains_of(0.6, answers(0.4, 120), stages=judge_spread(verdicts(0.95, 150)))
    same = gains_of(0.6, answers(0.4, 120))
    staged = better.method == "stage_beam"
    assert (better[staged].value > 1.5 * same[staged].value).all()
    assert better[~staged].value.tolist() == same[~staged].value.tolist()


def test_without_a_curve_only_best_of_n_has_a_gain():
    spread = judge_spread(verdicts(0.8, 90))
    assert set(expected_gains(answers(0.4, 50), spread, None, None, COSTS).method) == {"best_of_n"}
    one_stage = expected_gains(answers(0.4, 50), spread, None, straight(), COSTS | {"stages": 1})
    assert set(one_stage.method) == {"best_of_n"}


def test_costs_count_candidates_one_prompt_and_every_verdict():
    found = gains_of(0.8, answers(0.4, 50)).set_index(["method", "n"])
    assert found.tokens["best_of_n", 4] == 20 + 4 * 60 + 3 * 30
    assert found.tokens["stage_beam", 4] == 20 + 4 * 60 + 3 * 4 * 30
    assert found.times["best_of_n", 2] == pytest.approx((20 + 2 * 60 + 30) / 80)


def test_prompts_that_are_read_for_each_answer_and_each_stage_count_as_often():
    """For example 1,000 tokens of prompt, answers of 100, and a server that draws one answer a request."""
    costs = {"generated": 100.0, "prompts": {n: 1000.0 * n for n in (1, 2, 4, 8)}, "rereads": True, "stages": 4}
    spread = judge_spread(verdicts(0.8, 90))
    found = expected_gains(answers(0.4, 50), spread, None, straight(), costs).set_index(["method", "n"])
    assert found.times["best_of_n", 2] == pytest.approx((2 * 1000 + 2 * 100 + 30) / 1100)
    read = 2 * (1000 + 1025 + 1050 + 1075)  # the prompt and what has been written, at each stage of each candidate
    assert found.tokens["stage_beam", 2] == pytest.approx(read + 2 * 100 + 4 * 30)


def test_a_few_questions_that_are_alike_do_not_look_certain():
    spread, one = judge_spread(verdicts(0.9, 300)), {"0": [True] * 4 + [False] * 4}
    few, many = (
        expected_gains(right, spread, None, None, COSTS) for right in (one, {str(k): one["0"] for k in range(99)})
    )
    assert (few.high - few.low > 1.5 * (many.high - many.low)).all()


# ---------------------------------------------------------------- the sentences


def said(p, rate=0.4, questions=200, pairs=300, least=0.02, **changes):
    spread = judge_spread(verdicts(p, pairs, **changes))
    return judge_verdict(spread, None, expected_gains(answers(rate, questions), spread, None, straight(), COSTS), least)


def test_a_good_judge_is_worth_it_at_the_cheapest_search_that_surely_gains():
    text = said(0.85)
    assert text.startswith("**Worth it.** This judge is right in 8") and "best-of-2 is expected to gain" in text
    assert "2.1 times the tokens of one answer." in text


def test_a_coin_is_not_worth_it_when_many_pairs_show_it():
    text = said(0.5, ties=0.98)
    assert text.startswith("**Not worth it.**") and "no search is expected to gain 2 points; the best, " in text


def test_few_pairs_decide_nothing():
    assert said(0.6, questions=20, pairs=15).startswith("**Undecided.**")


def test_a_stage_beam_is_named_with_the_accuracy_on_stages():
    whole, staged = judge_spread(verdicts(0.5, 300)), judge_spread(verdicts(1.0, 300))
    text = judge_verdict(whole, staged, expected_gains(answers(0.4, 200), whole, staged, straight(), COSTS), 0.02)
    assert "of 300 pairs of stages" in text and "stage beam, N = 2 is expected to gain" in text


def test_verdicts_that_could_not_be_read_are_mentioned():
    assert "100 % of its verdicts could not be read; the judge `preference`" in said(
        0.5, ties=1.0, read=False, choices=[None]
    )


@pytest.mark.parametrize(
    ("questions", "start"),
    [
        (1, "Undecided.** None of 1 question got"),
        (40, "Undecided.** None of 40 questions got"),
        (400, "Not worth it.**"),
    ],
)
def test_questions_that_no_candidate_divides_decide_only_if_they_are_many(questions, start):
    right = {str(k): [k % 2 == 0] * TOTAL for k in range(questions)}
    assert unmixed_verdict(largest_gain(right, COSTS), 0.02).startswith(f"**{start}")


def test_what_a_perfect_judge_could_still_gain_is_known_from_the_number_of_questions():
    found = [largest_gain({str(k): [False] * TOTAL for k in range(n)}, COSTS) for n in (10, 100)]
    assert [one["value"] for one in found] == [0.0, 0.0] and [one["n"] for one in found] == [10, 100]
    assert 0.05 < found[0]["high"] < 0.3 and 0.005 < found[1]["high"] < 0.03


def test_the_verdict_on_undivided_questions_names_the_searches_that_were_asked():
    right = {str(k): [k % 2 == 0] * TOTAL for k in range(400)}
    wide = replace(straight(), headroom=8.0, headrooms=np.full(DRAWS, 8.0))
    alone, staged, no_stages = (
        unmixed_verdict(largest_gain(right, costs, curve), 0.02)
        for costs, curve in ((COSTS, None), (COSTS, wide), (COSTS | {"stages": 1}, wide))
    )
    assert "by best-of-8, even a perfect judge" in alone and alone.startswith("**Not worth it.**")
    assert no_stages == alone
    assert staged.startswith("**Undecided.**") and "By best-of-8 or a stage beam, N = 8, a perfect judge" in staged


def test_a_stage_beam_with_less_room_leaves_the_bound_of_best_of_n():
    right = {str(k): [k % 2 == 0] * TOTAL for k in range(400)}
    assert largest_gain(right, COSTS, straight())["high"] == largest_gain(right, COSTS)["high"]


def test_a_search_that_was_chosen_among_several_must_gain_with_allowance_for_that():
    found = gains_of(0.85, answers(0.4, 200))
    assert (found.sure < found.low).all()
    between = float((found.sure + (found.low - found.sure) / 2).max())  # some interval lies above, no allowed-for one
    spread = judge_spread(verdicts(0.85, 150))
    assert (found.low >= between).any() and judge_verdict(spread, None, found, between).startswith("**Undecided.**")


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [(0.0, 0.1, "It hardly uses its chain"), (0.6, 0.9, "It uses its chain"), (0.1, 0.6, "It uses its chain in part"),
     (-0.1, 0.4, "Undecided")],
)  # fmt: skip
def test_a_chain_s_verdict_is_what_its_whole_interval_allows(low, high, start):
    cell = {"value": (low + high) / 2, "n": 20, "low": low, "high": high}
    assert chain_verdict({"swap/indirect_effect": cell}).startswith(f"**{start}.**")
    assert chain_verdict({}).startswith("**Undecided.**")
