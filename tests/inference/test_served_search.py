"""Searches over a server with what vLLM documents, or without some of it, against the same searches in this process."""

import json
from dataclasses import replace

import pytest
from support import tiny
from support.reference import draw_keys, reference
from support.served import JSON, answer, serve

from o1lib.evaluation.probes.forced import Request
from o1lib.evaluation.probes.model import replies, replies_by_turn
from o1lib.inference.decoder import Decoder
from o1lib.inference.sequential import SequentialDecoder
from o1lib.inference.served.abilities import NAMES, Abilities
from o1lib.inference.served.chat import segment_of
from o1lib.inference.served.decoder import ServedDecoder, seed_of
from o1lib.inference.served.weighing import shares, weights
from o1lib.models.endpoint import Choice, Endpoint, Reply
from o1lib.records import UserError
from o1lib.search.judges import make_judge
from o1lib.search.methods import make_search, task_for
from o1lib.search.rewards import make_reward
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import StageSpec
from o1lib.search.types import Conversation, GenerationRequest

MOST = 30  # tokens of a stage
LEVELS = [
    f"{stage}/{slot}" for stage in ("summary", "caption", "reasoning", "conclusion", "all") for slot in range(4, 7)
]


class Counting(Decoder):
    """The local engine, which also counts what its judge would read without any cache."""

    uncached = 0

    def reply(self, conversations, keys, **how):
        found = super().reply(conversations, keys, **how)
        self.uncached += sum(len(self.prefiller._tokens(one)) for one in conversations)
        self.uncached += sum(reply.tokens for reply in found)
        return found


def engine(kind=Decoder, **how):
    return kind(*tiny.trained(), **{"max_new_tokens": MOST, "replayed": False} | how)


def searched(decoder, tasks, method="stage_beam", judge="self", n=4):
    referee = make_reward(judge, decoder=decoder) if method == "retracing" else make_judge(judge, decoder=decoder)
    return run_searches([make_search(method, n)(task, n) for task in tasks], decoder, referee, at_once=16)


@pytest.fixture
def serving(tmp_path):
    """A context manager: (server, a served decoder of it), with the draws of the local engine."""
    from contextlib import contextmanager

    @contextmanager
    def run(tasks, *, temperature=0.6, concurrency=16, seed=0, abilities=None, by_stage=False, **how):
        keys = draw_keys(0, tasks, [f"{key}/compare" for key in LEVELS])
        with reference(engine(max_new_tokens=200, temperature=temperature), keys=keys, **how) as server:
            log = tmp_path / f"{server.server_address[1]}.jsonl"
            with Endpoint(server.url, "m", log=log, concurrency=concurrency, attempts=2) as endpoint:
                given = {"max_new_tokens": MOST, "short": True, "abilities": abilities, "by_stage": by_stage}
                yield server, ServedDecoder(endpoint, seed, temperature, **given)

    return run


def rows(result):
    return [{name: value for name, value in row.items() if name != "logprob"} for row in result.rows()]


def choices(result):
    return [(a, b, v.winner, v.tie, v.choices) for one in result.rounds for a, b, v in one.matches]


def same(local, served):
    """Assert equal texts, candidates, verdicts and generated tokens, and log-probabilities up to rounding."""
    for mine, its in zip(local, served, strict=True):
        assert rows(mine) == rows(its) and choices(mine) == choices(its) and mine.text == its.text
        assert mine.usage.generated == its.usage.generated
        logprobs = [[row["logprob"] for row in one.rows()] for one in (mine, its)]
        assert logprobs[0] == pytest.approx(logprobs[1], abs=1e-3)


@pytest.mark.parametrize("questions", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_stage_beam_over_http_is_the_local_search(serving, questions):
    tasks, local = tiny.coloured_tasks(questions), engine(Counting)
    mine = searched(local, tasks)
    with serving(tasks) as (server, decoder):
        its = searched(decoder, tasks)
        assert decoder.abilities == Abilities(*[True] * len(NAMES))
    same(mine, its)
    assert sum(one.usage.judge for one in its) == local.uncached
    assert sum(one.usage.calls for one in its) == sum(decoder.spent[task.qid]["requests"] for task in tasks)
    generations = [body for body in server.bodies if body.get("n") == 4]
    assert len(generations) == sum(len(one.rounds) for one in its), "one request for all candidates of a stage"


@pytest.mark.slow
def test_the_judge_reads_what_the_released_procedure_reads(serving):
    tasks = tiny.coloured_tasks(1)
    [mine] = searched(engine(SequentialDecoder), tasks, n=2)
    with serving(tasks) as (_, decoder):
        [its] = searched(decoder, tasks, n=2)
    assert mine.text == its.text
    assert (mine.usage.judge, mine.usage.generated) == (its.usage.judge, its.usage.generated)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "judge", "n"),
    [
        ("best_of_n", "preference", 3),
        ("stage_beam", "likelihood", 3),
        ("best_of_n", "self_as_released", 2),
        ("retracing", "likelihood", 3),
        ("greedy", "self", 1),
    ],
)
def test_other_methods_and_judges_by_stage_are_the_local_ones(serving, method, judge, n):
    tasks = tiny.coloured_tasks(2)
    mine = searched(engine(), tasks, method, judge, n)
    with serving(tasks, by_stage=True) as (_, decoder):
        same(mine, searched(decoder, tasks, method, judge, n))


@pytest.mark.slow
def test_a_whole_answer_is_one_request(serving):
    tasks = tiny.coloured_tasks(2)
    with serving(tasks) as (server, decoder):
        found = searched(decoder, tasks, "best_of_n", "agreement", 3)
    asked = [body for body in server.bodies if body.get("n") == 3]
    assert len(asked) == 2 and {body["max_tokens"] for body in asked} == {4 * MOST}
    assert not any("stop" in body for body in asked)
    assert all(len(one.rounds[0].candidates) == 3 for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("lack", ["ignores", "refuses"])
def test_a_server_without_n_gets_a_request_for_each_candidate(serving, lack):
    tasks = tiny.coloured_tasks(2)
    mine = searched(engine(), tasks)
    with serving(tasks, **{lack: ["n"]}) as (server, decoder):
        same(mine, searched(decoder, tasks))
        assert not decoder.abilities.n and "Every candidate takes a request" in decoder.abilities.consequences()
    drawn = [body for body in server.bodies if body.get("stop") and "ten" not in body["stop"]]
    assert len(drawn) == 4 * sum(len(one.rounds) for one in mine)


@pytest.mark.slow
@pytest.mark.parametrize("lack", ["ignores", "refuses"])
def test_a_server_without_stop_is_cut_where_the_stage_ends(serving, lack):
    tasks = tiny.coloured_tasks(2)
    mine = searched(engine(), tasks)
    with serving(tasks, **{lack: ["stop"]}) as (_, decoder):
        its = searched(decoder, tasks)
        assert decoder.abilities.stop == (lack == "ignores")
    assert [one.text for one in its] == [one.text for one in mine]
    assert all(its[k].usage.generated >= mine[k].usage.generated for k in range(2))
    for local, served in zip(mine, its, strict=True):  # what was cut off is no part of a candidate's likelihood
        pairs = list(zip(local.rows(), served.rows(), strict=True))
        assert [row["tokens"] for row, _ in pairs] == [row["tokens"] for _, row in pairs]
        assert [row["logprob"] for row, _ in pairs] == pytest.approx([row["logprob"] for _, row in pairs], abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("lack", ["ignores", "refuses"])
def test_a_server_without_continuation_is_sent_the_text_again(serving, lack):
    tasks = tiny.coloured_tasks(2)
    with serving(tasks, **{lack: ["continue_final_message", "add_generation_prompt"]}) as (server, decoder):
        its = searched(decoder, tasks)
        assert not decoder.abilities.continuation and "sent again in the prompt" in decoder.abilities.consequences()
    assert [len(one.candidates) for found in its for one in found.rounds] == [4] * sum(len(one.rounds) for one in its)
    later = [body for body in server.bodies if body.get("stop") == ["</CAPTION>"]]
    assert later and all(body["messages"][-1]["role"] == "user" for body in later)
    assert all("Your answer so far:\n\n<SUMMARY>" in body["messages"][-1]["content"][1]["text"] for body in later)
    assert all("Write up to </CAPTION>." in body["messages"][-1]["content"][1]["text"] for body in later)


@pytest.mark.slow
def test_turns_need_no_continuation(serving):
    asked = [task_for(one.qid, one.question, one.image, "four_turn") for one in tiny.coloured_tasks(1)]
    mine = searched(engine(), asked, n=2)
    with serving(asked, ignores=["continue_final_message", "add_generation_prompt"]) as (_, decoder):
        same(mine, searched(decoder, asked, n=2))


@pytest.mark.slow
def test_sentences_are_drawn_one_by_one(serving):
    tasks = tiny.coloured_tasks(1)
    with serving(tasks) as (server, decoder):
        [found] = searched(decoder, tasks, "sentence_beam", "agreement", 2)
    assert all(len(one.candidates) == 2 for one in found.rounds)
    assert {tuple(body["stop"]) for body in server.bodies if "." in body.get("stop", ())} == {(".", "</CONCLUSION>")}


def forced(start):
    """Return requests of a probe: a reply that has begun, a free one, a second turn, and one without a picture."""
    [task] = tiny.coloured_tasks(1)
    asked = (task.question,)
    return [
        Request(asked, (), start, "q1", task.image),
        Request(asked, (), "", "q1", task.image),
        Request((*asked, "Which?"), ("two",), "", "q1", task.image),
        Request(asked, (), start, "", None),
    ]


def test_a_probe_continues_a_forced_start_and_leaves_room_for_all_stages(serving):
    requests = forced("<SUMMARY> Count the dots. </SUMMARY>\n\n<CAPTION> Two red dots,")
    with serving([]) as (server, decoder):
        its = replies_by_turn(decoder, "tags")(requests)
    assert its == replies(engine(temperature=0.0), "tags")(requests)
    begun = [body for body in server.bodies if body["messages"][-1]["content"] == requests[0].prefix]
    assert len(begun) == 2 and all(body["continue_final_message"] for body in begun)
    assert not any(body["add_generation_prompt"] for body in begun)


@pytest.mark.parametrize("repeats", [True, False])
def test_a_forced_start_that_is_sent_again_is_no_part_of_the_reply(tmp_path, repeats):
    start = "<SUMMARY> Count the dots. </SUMMARY>"
    said = (start if repeats else "") + "\n\n<CAPTION> Two. </CAPTION>"
    with (
        serve(lambda body, number: answer(said)) as server,
        Endpoint(server.url, "m", log=tmp_path / "log.jsonl") as endpoint,
    ):
        decoder = ServedDecoder(endpoint, abilities=Abilities())
        found = replies_by_turn(decoder, "tags")(forced(start)[:1])
    [body] = server.bodies
    assert found == ["\n\n<CAPTION> Two. </CAPTION>"]
    assert (
        body["messages"][-1]["role"] == "user" and f"so far:\n\n{start}" in body["messages"][-1]["content"][1]["text"]
    )


def test_named_abilities_are_not_probed(serving):
    tasks = tiny.coloured_tasks(1)
    with serving(tasks, abilities=Abilities(stop=True, continuation=True)) as (server, decoder):
        searched(decoder, tasks, judge="agreement", n=2)
    assert not any("Count to ten." in str(body["messages"]) for body in server.bodies)
    assert not any("n" in body or "seed" in body or "logprobs" in body for body in server.bodies)


def test_beams_over_tokens_are_refused(serving):
    tasks = tiny.coloured_tasks(1)
    with serving(tasks) as (_, decoder), pytest.raises(UserError, match="no beams over tokens: choose stage_beam"):
        searched(decoder, tasks, "token_beam", n=2)


@pytest.mark.parametrize("lacks", ["logprobs", "continuation"])
def test_a_preference_needs_log_probabilities_and_an_open_reply(serving, lacks):
    tasks = tiny.coloured_tasks(1)
    able = replace(Abilities(*[True] * len(NAMES)), **{lacks: False})
    with (
        serving(tasks, abilities=able) as (_, decoder),
        pytest.raises(UserError, match="choose judge self or agreement"),
    ):
        searched(decoder, tasks, judge="preference", n=2)


@pytest.mark.slow
def test_a_verifier_weighs_by_the_first_token(serving):
    tasks = tiny.coloured_tasks(1)
    with serving(tasks, by_stage=True) as (server, decoder):
        [found] = searched(decoder, tasks, "retracing", "verifier", 2)
    asked = [body for body in server.bodies if body.get("top_logprobs") == 20]
    assert asked and {body["max_tokens"] for body in asked} == {1}
    assert all(score.value == score.value for one in found.rounds for score in one.scores)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ([("1", -0.5), (" 2", -1.5), ("x", -4.0)], [-0.5, -1.5]),
        ([("1", -0.5), ("x", -4.0)], [-0.5, -4.0]),
        ([("x", -4.0)], [-4.0, -4.0]),
        ([], [float("-inf")] * 2),
    ],
)
def test_an_option_that_is_not_named_is_at_most_as_likely_as_the_last(top, expected):
    assert weights([" 1", " 2"], top) == expected


def test_the_longest_token_of_an_option_counts():
    assert weights(["correct", "incorrect"], [("in", -1.0), ("i", -0.1), ("correct", -2.0)]) == [-2.0, -1.0]


@pytest.mark.parametrize(
    ("texts", "written", "expected"), [(["aaaa", "aa"], 9, [6, 3]), (["", ""], 3, [0, 3]), (["abc"], 7, [7])]
)
def test_tokens_are_shared_out_where_the_server_counts_them_together(texts, written, expected):
    reply = Reply(texts[0], {"completion_tokens": written}, choices=[Choice(text) for text in texts])
    assert shares(reply) == expected and sum(shares(reply)) == written


def test_a_stage_is_as_likely_as_its_own_words():
    cut = Choice("\n\n<CAPTION> 2 </CAPTION> <REA", "length", drawn=[(2, -1), (9, -2), (2, -4), (11, -8), (5, -16)])
    spec = StageSpec("caption", ("</CAPTION>",))
    found = segment_of(spec, cut, "<SUMMARY> x </SUMMARY>")
    assert (found.text, found.logprob, found.tokens) == ("\n\n<CAPTION> 2 </CAPTION>", -15, 4)
    again = segment_of(spec, replace(cut, text=f"Well.{cut.text}", drawn=[(5, -32), *cut.drawn]), "x", resent=True)
    assert (again.text, again.logprob, again.tokens) == ("\n\n<CAPTION> 2 </CAPTION>", -14, 3)


def drawn_by(format, tmp_path, respond, **request):
    """Return the candidates of one request, over a server that answers by `respond`, and the bodies sent to it."""
    task = task_for("q", "How many?", tiny.coloured("red"), format)
    with serve(respond) as server, Endpoint(server.url, "m", log=tmp_path / "log.jsonl", backoff=0.001) as endpoint:
        decoder = ServedDecoder(endpoint, abilities=Abilities(n=True, stop=True, continuation=True, seed=True))
        [found] = decoder.propose([GenerationRequest(task, None, task.stages, **request)])
    return found, server.bodies


@pytest.mark.parametrize("named", [True, False])
def test_a_dropped_choice_is_drawn_again_under_its_own_number(tmp_path, named):
    def respond(body, number):
        draws = [body["seed"] - seed_of(0, "q", "all") + k for k in range(body.get("n", 1))]
        lost = [1] if len(draws) == 4 else []
        choices = [
            {"message": {"content": f"draw {k}"}, "finish_reason": "content_filter" if k in lost else "stop"}
            | ({"index": place} if named else {})
            for place, k in enumerate(draws)
        ]
        return 200, JSON, json.dumps({"choices": choices[::-1] if named else choices, "usage": {}}).encode()

    found, bodies = drawn_by("tags", tmp_path, respond, n=4)
    assert [(candidate.index, candidate.text) for candidate in found] == [(k, f"draw {k}") for k in range(4)]
    assert [body.get("n", 1) for body in bodies] == [4, 1]


@pytest.mark.parametrize(("says", "overran"), [("<SUMMARY> One. Two.", 0), (" Two.", 0), (" Two. Three.", 1)])
def test_a_beginning_that_is_said_again_is_not_past_the_end_of_a_sentence(tmp_path, says, overran):
    task = task_for("q", "How many?", tiny.coloured("red"), "tags")
    begun = Conversation(task, ("How many?",), prefix="<SUMMARY> One.")
    with serve(lambda body, number: answer(says)) as server, Endpoint(server.url, "m", log=tmp_path / "l") as endpoint:
        decoder = ServedDecoder(endpoint, abilities=Abilities())
        sentence = StageSpec("sentence 2", (".", "</CONCLUSION>"))
        [[found]] = decoder.propose([GenerationRequest(task, begun, (sentence,))])
    assert (found.text, decoder.overran) == (" Two.", overran)


def test_later_turns_share_what_is_left_of_a_budget(tmp_path):
    def respond(body, number):
        return answer("said", prompt_tokens=10, completion_tokens=5 * body.get("n", 1))

    [found], bodies = drawn_by("four_turn", tmp_path, respond, budget=40)
    assert [body["max_tokens"] for body in bodies] == [40, 25, 10] and len(found.segments) == 3


def test_a_budget_is_kept(serving):
    tasks = tiny.coloured_tasks(1)
    with serving(tasks) as (server, decoder):
        search = make_search("stage_beam", 2)(tasks[0], 2)
        [found] = run_searches([search], decoder, make_judge("agreement"), budget=40)
    assert found.stopped and server.bodies[-1]["max_tokens"] == 20
