"""Lessons in judging: equal shares, true against false, reasons that name what is false, and never a staged answer."""

import random
import re
from collections import Counter

import pytest

from o1lib.formats.chat import SPECIAL_TAGS
from o1lib.formats.judge_prompts import (
    CORRECT,
    INCORRECT,
    KINDS,
    REASONS,
    judge_prompt,
    parse_statement,
    parse_verdict,
)
from o1lib.formats.stages import STAGES, close_tag, open_tag
from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.minivqa.facts import canonical, check_steps, statements
from o1lib.training.lessons.judge_cases import (
    Case,
    judge_accuracy,
    own_cases,
    pair_cases,
    single_cases,
)
from o1lib.training.lessons.judging import (
    ALONE,
    FIXED,
    KINDS_BY_SIZE,
    SIZES,
    falsified,
    judging_lesson,
    pair_lesson,
)

DRAWN = 2000
TAGS = [tag(stage) for stage in STAGES for tag in (open_tag, close_tag)] + list(SPECIAL_TAGS)
OPENINGS = {judge_prompt(kind, "", "", "", "", short=True).splitlines()[0]: kind for kind in KINDS}


@pytest.fixture(scope="module")
def examples():
    """Fifty drawings of every family, in random order."""
    found = [draw(family, seed) for family in FAMILIES for seed in seeds("base", 50)]
    random.Random(0).shuffle(found)
    return found


@pytest.fixture(scope="module")
def lessons(examples):
    """DRAWN lessons with their examples, drawn over the whole of training."""
    many = [examples[k % len(examples)] for k in range(DRAWN)]
    return [(one, judging_lesson(one, random.Random(k), k / DRAWN)) for k, one in enumerate(many)]


@pytest.fixture(scope="module")
def pairs(lessons):
    """The comparisons among the lessons, as (example, lesson, better text, other text)."""
    found = []
    for example, lesson in lessons:
        if lesson.kind in KINDS:
            two = re.search(r"Response 1: (.*)\nResponse 2: (.*)", lesson.user, re.S).groups()
            found.append((example, lesson, *(two if parse_verdict(lesson.assistant, strict=True) == 1 else two[::-1])))
    return found


def false_ones(text, example):
    return [said for said, holds in check_steps(text, example.facts, example.true) if not holds]


def reason(lesson):
    return re.fullmatch(r"Since (.*), I choose response [12]\.", lesson.assistant)[1]


def test_no_lesson_holds_a_stage_tag(lessons):
    assert not [tag for _, lesson in lessons for tag in TAGS if tag in lesson.user + lesson.assistant]


def test_no_lesson_holds_the_stages_in_order(lessons):
    """A plan never stands with facts or steps, and a caption in order is never followed by its reasoning in order."""
    for example, lesson in lessons:
        user = re.sub(r"Question: .*\n", "", lesson.user)  # a question may hold the words of its plan
        text = user.replace("\nReasoning: ", " ") + " " + lesson.assistant
        if example.stages["summary"] in text:
            assert lesson.kind == "summary" and not any(fact + "." in text for fact in example.facts)
        assert f"{example.stages['caption']} {example.stages['reasoning']}" not in text


def test_sizes_are_equally_frequent_also_among_pairs_and_among_texts_alone(lessons):
    for alone in (True, False):
        counts = Counter(lesson.size for _, lesson in lessons if (lesson.kind not in KINDS) == alone)
        share = ALONE if alone else 1 - ALONE
        assert set(counts) == set(SIZES) and sum(counts.values()) == pytest.approx(share * DRAWN, rel=0.1)
        assert all(count == pytest.approx(share * DRAWN / 4, rel=0.2) for count in counts.values())


def test_every_wording_of_a_comparison_is_equally_frequent(pairs):
    counts = Counter(OPENINGS[lesson.user.splitlines()[0]] for _, lesson, *_ in pairs)
    assert set(counts) == set(KINDS)
    assert all(count == pytest.approx(len(pairs) / len(KINDS), rel=0.25) for count in counts.values())
    assert Counter(kind for kinds in KINDS_BY_SIZE.values() for kind in kinds) == dict.fromkeys(KINDS, 2)


def test_the_size_of_a_lesson_is_the_number_of_its_statements(pairs):
    for example, lesson, better, _ in pairs:
        count = len(statements(better))
        wanted = {"statement": 1, "answer": 1, "mixed": len({*example.facts, *example.steps})}.get(lesson.size)
        assert count == wanted if wanted else 2 <= count <= max(len(example.facts), len(example.steps))


def test_both_responses_have_the_same_length(pairs):
    for _, lesson, better, other in pairs:
        assert len(statements(better)) == len(statements(other)), lesson
        assert abs(len(better.split()) - len(other.split())) <= len(statements(better))  # "top" for "top left"


def test_the_better_response_is_true_and_the_other_is_not(pairs):
    for example, lesson, better, other in pairs:
        if lesson.size == "answer":
            assert better == example.answer != other
        elif better != example.stages["summary"]:
            assert false_ones(better, example) == [] and false_ones(other, example)


def test_a_reason_names_the_first_false_statement_of_the_response_that_is_not_chosen(pairs):
    named = [one for one in pairs if reason(one[1]) not in REASONS.values()]
    assert len(named) / len(pairs) == pytest.approx(1 - FIXED, abs=0.05)
    for _, lesson, better, other in named:
        response, said = re.fullmatch(r"response ([12]) says (.*)", reason(lesson)).groups()
        first = next(b for a, b in zip(statements(better), statements(other)) if a != b)
        assert said == first and int(response) == 3 - parse_verdict(lesson.assistant)


def test_a_fixed_reason_is_that_of_its_kind(pairs):
    fixed = [(lesson.kind, reason(lesson)) for _, lesson, *_ in pairs if reason(lesson) in REASONS.values()]
    assert all(REASONS[kind] == said for kind, said in fixed) and {kind for kind, _ in fixed} == set(KINDS)


def test_reasons_have_about_a_dozen_words(pairs):
    lengths = [len(reason(lesson).split()) for _, lesson, *_ in pairs]
    assert max(lengths) <= 16 and sum(lengths) / len(lengths) < 9


@pytest.mark.parametrize("kind", KINDS)
def test_the_better_response_stands_first_in_about_half(pairs, kind):
    chosen = [parse_verdict(lesson.assistant) for _, lesson, *_ in pairs if lesson.kind == kind]
    assert chosen.count(1) / len(chosen) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("progress, share", [(0.0, 1.0), (0.5, 0.55), (1.0, 0.0)])
def test_false_statements_go_from_all_to_one_along_training(examples, progress, share):
    for k, example in enumerate(examples[:100]):
        lesson = pair_lesson(example, random.Random(k), "statements", "caption", progress)
        two = re.search(r"Response 1: (.*)\nResponse 2: (.*)", lesson.user, re.S).groups()
        first, second = map(statements, two)
        differing = sum(a != b for a, b in zip(first, second))
        assert differing <= max(1, round(1 + share * (len(first) - 1)))
        assert progress < 1 or differing == 1
        assert progress > 0 or differing >= len(first) - 1  # a statement that cannot be altered stays


def test_texts_alone_are_right_in_about_half_and_the_verdict_says_so(lessons):
    """Statements are judged by the picture; a reasoning without it, and by its steps or by its answer."""
    said = {kind: [] for kind in ("single", "check")}
    for example, lesson in lessons:
        if lesson.kind == "single":
            assert lesson.pictured and lesson.size in ("statement", "statements")
            held = not false_ones(lesson.user.split("\n", 1)[1], example)
        elif lesson.kind == "check":
            assert not lesson.pictured and lesson.size in ("mixed", "answer")
            reasoning = lesson.user.split("\nReasoning: ")[1]
            held = (
                not false_ones(reasoning, example)
                if lesson.size == "mixed"
                else reasoning.endswith(f". {example.answer}")
            )
        else:
            continue
        assert lesson.assistant == (CORRECT if held else INCORRECT)
        said[lesson.kind].append(held)
    assert all(sum(found) / len(found) == pytest.approx(0.5, abs=0.1) for found in said.values())


def test_a_lesson_is_fixed_by_example_and_random_state(examples):
    again = [judging_lesson(examples[0], random.Random(k)) for k in range(20)]
    assert again == [judging_lesson(examples[0], random.Random(k)) for k in range(20)] and len(set(again)) > 10


@pytest.mark.parametrize("progress", [-0.1, 1.1])
def test_a_progress_that_is_no_share_is_refused(examples, progress):
    with pytest.raises(ValueError, match=f"progress is {progress}"):
        pair_lesson(examples[0], random.Random(0), "statements", "caption", progress)


def test_statements_are_falsified_up_to_the_wanted_number(examples):
    for example in examples[:50]:
        changed = falsified(example.facts, example, random.Random(0), 1)
        assert sum(map(bool, map(lambda a, b: a != b, changed, example.facts))) == 1
    assert falsified(["so be it"], examples[0], random.Random(0), 1) is None


def test_single_cases_are_facts_true_or_false_in_about_half(examples):
    cases = single_cases(examples)
    for case in cases:
        held = not false_ones(case.user.split("\n")[1], case.example)
        assert case.right == (CORRECT if held else INCORRECT)
    assert sum(case.right == CORRECT for case in cases) / len(cases) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_pair_cases_have_one_false_statement_and_the_wording_of_their_kind(examples, kind):
    for case in pair_cases(examples[:60], kind):
        assert OPENINGS[case.user.splitlines()[0]] == kind and case.right in (1, 2)
        two = re.search(r"Response 1: (.*)\nResponse 2: (.*)", case.user, re.S).groups()
        assert sum(a != b for a, b in zip(*map(statements, two))) == 1


def test_own_captions_are_compared_if_one_is_exact_and_one_is_not(examples):
    exact = [". ".join(example.facts) + "." for example in examples[:3]]
    made = own_cases(examples[:3], [[exact[0], "nothing."], [exact[1]] * 2, ["nothing."] * 2])
    [case] = made
    shown = re.search(rf"Response {case.right}: (.*)", case.user)[1]
    assert case.example is examples[0] and shown == exact[0]


def test_replies_are_right_wrong_or_unreadable(examples):
    example = examples[0]
    cases = [Case(example, "Is this?", right) for right in (CORRECT, INCORRECT, CORRECT)]
    cases += [Case(example, "Which?", right) for right in (1, 1, 2)]
    said = ["correct", "correct.", "maybe", "Since it is, I choose response 1.", "I choose response 2", "response 2"]
    asked = []
    assert judge_accuracy(lambda pairs: asked.extend(pairs) or said, cases) == [True, False, None, True, False, None]
    assert asked[0] == (example.image, "Is this?")


def test_a_judge_that_knows_the_facts_is_always_right(examples):
    """The measure gives 1 to a perfect judge, so every case has its answer in the picture."""
    facts = {id(example.image): example for example in examples}

    def reply(asked):
        return [knowing(facts[id(picture)], user) for picture, user in asked]

    def knowing(example, user):
        if "Response 1" not in user:
            return INCORRECT if false_ones(user.split("\n")[1], example) else CORRECT
        two = re.search(r"Response 1: (.*)\nResponse 2: (.*)", user, re.S).groups()
        return f"Since it is false, I choose response {2 if false_ones(two[0], example) else 1}."

    for cases in (single_cases(examples[:50]), pair_cases(examples[:50], "caption"), pair_cases(examples[:50], "all")):
        assert all(judge_accuracy(reply, cases))


def test_a_constant_judge_is_at_chance(examples):
    """Neither a word nor a position is right more often than the other."""
    for cases, said in ((single_cases(examples), INCORRECT), (pair_cases(examples, "all"), "I choose response 1")):
        found = judge_accuracy(lambda asked, said=said: [said] * len(asked), cases)
        assert sum(found) / len(found) == pytest.approx(0.5, abs=0.08)


def test_no_two_statements_of_a_mixed_text_are_the_same(pairs):
    for _, lesson, better, _ in pairs:
        if lesson.size == "mixed":
            said = list(map(canonical, statements(better)))
            assert len(said) == len(set(said)) and parse_statement(better) is None
