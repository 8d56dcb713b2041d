"""Judge value on built models with known judges; the page of both audits; the command; what each part needs."""

import copy
import json
import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import pytest
import torch
from support import tiny
from support.built import Chained
from support.pages import parsed
from support.served import serve
from typer.testing import CliRunner

from o1lib.cli.app import app
from o1lib.data.image_part import picture_part
from o1lib.data.images import picture_of
from o1lib.evaluation.audits.candidates import (
    answer_pairs,
    ask_judge,
    right_answers,
    sample_answers,
    stage_pairs,
)
from o1lib.evaluation.audits.chains import chains_of
from o1lib.evaluation.audits.judging_journal import KeptJudging
from o1lib.evaluation.inputs import folder_of
from o1lib.evaluation.probes.command import REPLIES
from o1lib.evaluation.probes.forced import CHAIN
from o1lib.evaluation.probes.pairs import drawn_pairs
from o1lib.evaluation.probes.questions import drawn_items
from o1lib.evaluation.served import STRUCTURED, connect, connect_both
from o1lib.formats.stages import close_tag, open_tag, render
from o1lib.inference.decoder import Decoder
from o1lib.inference.sequential import placed
from o1lib.models.endpoint.cache import ReplyLog
from o1lib.records import UserError, load
from o1lib.search.judges import make_judge
from o1lib.search.methods import make_search, task_for
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import Segment
from o1lib.search.self_judge import SelfJudge
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Candidate, Usage
from o1lib.study.audit import KEPT, chain_audit, curve_of, judge_audit, kept_judging
from o1lib.study.audit_command import default_folder
from o1lib.study.audit_models import RESENT_CHAIN, Audited, judge_to_audit, model_to_audit, sampling
from o1lib.study.audit_page import anchors, audit_page

RATE, N = 0.4, 100


class Guesser:
    """A decoder whose every candidate is right with chance RATE; its other stages are true, or of another picture."""

    seed, short, temperature, engine = 0, True, 0.0, "batched"

    def __init__(self, drawn, says=""):
        items, partners = drawn
        self.known = {item.qid: (item.stages, partners[item.qid].stages) for item in items}
        self.says = says

    def propose(self, requests):
        return [[self.candidate(one, one.first + k) for k in range(one.n)] for one in requests]

    def candidate(self, request, number):
        segments = []
        for spec in request.stages:
            draw = keyed_rng("guess", request.task.qid, spec.stage, number).random()
            text = render({spec.stage: self.known[request.task.qid][draw >= RATE][spec.stage]})
            segments.append(Segment(spec.stage, text, -1.0, 10, close_tag(spec.stage), close_tag(spec.stage)))
        return Candidate(number, tuple(segments), cost=Usage(generated=10 * len(segments), prefilled=5, calls=1))

    def reply(self, conversations, keys, **how):
        return [Candidate(0, (Segment("judge", self.says),), cost=Usage(judge=7, calls=1)) for _ in conversations]

    def forget(self, qids=None):
        pass


@pytest.fixture(scope="module")
def drawn():
    return drawn_items(N)


@pytest.fixture(scope="module")
def curve():
    return curve_of("results/mini")[0]


def audited(drawn, curve, judge, items=None, **options):
    return judge_audit(items or drawn[0], Guesser(drawn), "tags", judge, curve, **options)


def known(name, drawn, **options):
    return make_judge(name, truth={item.qid: item for item in drawn[0]}, **options)


# ---------------------------------------------------------------- known judges


@pytest.mark.parametrize(("name", "options", "p"), [("random", {}, 0.5), ("synthetic", {"p": 0.8}, 0.8)])
def test_a_built_judge_s_accuracy_and_gain_lie_inside_the_intervals(drawn, curve, name, options, p):
    found = audited(drawn, curve, known(name, drawn, **options))
    for spread in (found.answers, found.stages):
        assert spread.right["low"] <= p <= spread.right["high"] and spread.tie["value"] == 0
    chance = {2: 2 * RATE * (1 - RATE) * (p - 0.5)}  # two answers: one right and one wrong, times what the judge adds
    for n, gain in chance.items():
        row = found.gains[(found.gains.method == "best_of_n") & (found.gains.n == n)].iloc[0]
        assert row.low <= gain <= row.high
    if p == 0.5:
        assert ((found.gains.low <= 0) & (found.gains.high >= 0)).all()
        assert not found.sentence.startswith("**Worth it")
    else:
        assert (found.gains.low > 0).all() and found.sentence.startswith("**Worth it.**")


def test_the_expected_gain_is_what_a_search_with_this_judge_wins(drawn, curve):
    """Real searches with a judge of 0.8 land inside the interval that its verdicts on pairs foretold."""
    foretold = audited(drawn, curve, known("synthetic", drawn, p=0.8)).gains.set_index(["method", "n"])
    tasks = [task_for(item.qid, item.question, None, "tags") for item in drawn[0]]
    search, right = make_search("best_of_n", 4), {}
    for judge, options in (("synthetic", {"p": 0.8}), ("random", {})):
        made = [search(task, 4, seed) for seed in range(8) for task in tasks]
        trees = run_searches(made, Guesser(drawn), known(judge, drawn, **options))
        final = [tree.text.endswith(render({"conclusion": item.answer})) for tree, item in zip(trees, drawn[0] * 8)]
        right[judge] = sum(final) / len(final)
    row = foretold.loc[("best_of_n", 4)]
    assert row.low <= right["synthetic"] - right["random"] <= row.high


def test_pairs_have_one_right_side_in_random_order(drawn):
    sampled = sample_answers(drawn[0], "tags", Guesser(drawn), 8)
    right = right_answers(drawn[0], sampled, "tags")
    pairs = answer_pairs(sampled, right)
    for one, better in pairs:
        sides = [right[one.task.qid][side.index] for side in (one.a, one.b)]
        assert sides[better] and not sides[1 - better]
    assert 0.4 < sum(better for _, better in pairs) / len(pairs) < 0.6
    assert {one.kind for one, _ in stage_pairs(drawn[0], "tags", Guesser(drawn))} == {
        "caption",
        "reasoning",
        "conclusion",
    }


# ---------------------------------------------------------------- what a part needs


def test_without_right_answers_the_audit_says_which_part_needs_them(drawn, curve):
    unknown = [replace(item, answer="") for item in drawn[0][:4]]
    found = audited(drawn, curve, known("random", drawn), unknown)
    assert found.why == found.sentence and "Judge value needs questions whose right answers are known" in found.why
    assert "Chain reading needs none" in found.why and found.metrics == {}


def test_a_judge_that_answers_prose_is_a_coin_and_the_sentence_says_why(drawn, curve):
    prose = SelfJudge(Guesser(drawn, "Both answers have their merits."))
    found = audited(drawn, curve, prose)
    assert found.answers.unread["value"] == found.answers.tie["value"] == 1 and found.answers.right["value"] == 0.5
    assert (
        found.sentence.startswith("**Not worth it.**") and "100 % of its verdicts could not be read" in found.sentence
    )


def test_questions_without_facts_have_no_pairs_of_stages(drawn, curve):
    bare = [replace(item, facts=(), true=frozenset()) for item in drawn[0]]
    found = audited(drawn, curve, lambda pairs: make_judge("random")(pairs), bare)
    assert found.stages is None and set(found.gains.method) == {"best_of_n", "stage_beam"}


def test_answers_that_are_all_right_leave_nothing_to_gain(drawn, curve):
    decoder = Guesser(drawn)
    decoder.known = {qid: (own, own) for qid, (own, _) in decoder.known.items()}
    found = judge_audit(drawn[0], decoder, "tags", known("random", drawn), curve)
    assert "None of 100 questions got both right and wrong answers" in found.sentence and found.gains is None


class Alone(Guesser):
    """Every candidate has a request of its own, which reads a prompt of 100 tokens and what was written before."""

    engine = "one_at_a_time"

    def candidate(self, request, number):
        made, before = super().candidate(request, number), request.state or 0
        return replace(made, state=before + made.tokens, cost=replace(made.cost, prefilled=100 + before))


@pytest.mark.parametrize("method", ["best_of_n", "stage_beam"])
def test_the_expected_cost_is_what_a_search_pays(drawn, curve, method):
    foretold = judge_audit(drawn[0], Alone(drawn), "tags", known("random", drawn), curve).gains
    tasks = [task_for(item.qid, item.question, None, "tags") for item in drawn[0][:5]]
    search = make_search(method, 2)
    trees = run_searches([search(task, 2, 0) for task in tasks], Alone(drawn), known("random", drawn))
    paid = sum(tree.usage.processed for tree in trees) / len(trees)
    assert foretold.set_index(["method", "n"]).tokens[method, 2] == pytest.approx(paid)
    assert foretold.set_index(["method", "n"]).times["best_of_n", 8] == pytest.approx(8)


class Lossy(Guesser):
    """Of the first `lost` questions one whole answer is lost, as of a server that did not reply."""

    lost = 1

    def propose(self, requests):
        gone = list(self.known)[: self.lost]
        found = super().propose(requests)
        return [
            made[:-1] if one.task.qid in gone and len(one.stages) > 1 else made for one, made in zip(requests, found)
        ]


def test_a_question_of_which_an_answer_was_lost_is_left_out_and_counted(drawn, curve):
    found = judge_audit(drawn[0], Lossy(drawn), "tags", known("synthetic", drawn, p=0.8), curve)
    whole = judge_audit(drawn[0][1:], Guesser(drawn), "tags", known("synthetic", drawn, p=0.8), curve)
    assert (found.facts["lost"], found.facts["gold"]) == (1, N - 1)
    assert found.gains.value.tolist() == pytest.approx(whole.gains.value.tolist())
    silent = chains_of(drawn[0][:2], lambda requests: ["B"] * len(requests), "tags")
    assert "did not give all answers to 1 more questions" in audit_page("m", silent, found, "a judge")


def test_if_every_question_lost_an_answer_nothing_is_decided(drawn, curve):
    decoder = Lossy(drawn)
    decoder.lost = N
    found = judge_audit(drawn[0], decoder, "tags", known("random", drawn), curve)
    assert found.sentence.startswith("**Undecided.** The server lost answers") and found.facts["lost"] == N


class Dropping:
    """A judge of accuracy 0.8 at a server that loses the replies about every pair for which `lost` says so."""

    def __init__(self, drawn, lost):
        self.judge, self.lost = known("synthetic", drawn, p=0.8), lost

    def __call__(self, pairs):
        verdicts = [replace(one, choices=(1, 1), cost=Usage(judge=9, calls=2)) for one in self.judge(pairs)]
        gone = {"winner": 0, "tie": True, "parsed": False, "choices": (1, None), "cost": Usage(judge=9, calls=1)}
        return [replace(made, **gone) if self.lost(pair) else made for pair, made in zip(pairs, verdicts)]


def test_a_pair_of_which_a_verdict_was_lost_is_left_out_and_counted(drawn, curve):
    decoder, first = Guesser(drawn), drawn[0][0].qid
    decoder.engine = "served"
    ends = [
        judge_audit(drawn[0], decoder, "tags", Dropping(drawn, lost), curve)
        for lost in (lambda pair: False, lambda pair: pair.task.qid != first and pair.key == "all/audit0")
    ]
    gone = ends[0].answers.right["n"] - ends[1].answers.right["n"]
    assert (ends[0].facts["lost_verdicts"], ends[1].facts["lost_verdicts"]) == (0, gone) and gone > 20
    assert ends[1].answers.unread["value"] == ends[1].answers.tie["value"] == 0
    silent = chains_of(drawn[0][:2], lambda requests: ["B"] * len(requests), "tags")
    assert f"gave no verdict on {gone} more pairs" in audit_page("m", silent, ends[1], "a judge")


def test_without_any_verdict_nothing_is_decided(drawn, curve):
    decoder = Guesser(drawn)
    decoder.engine = "served"
    found = judge_audit(drawn[0], decoder, "tags", Dropping(drawn, lambda pair: pair.kind == "all"), curve)
    assert found.sentence.startswith("**Undecided.** The server lost the verdicts") and found.gains is None


# ---------------------------------------------------------------- a stopped audit


class Stopped(Exception):
    pass


class Limited:
    """Calls something until `left` calls were made; then it raises Stopped."""

    def __init__(self, call, left):
        self.call, self.left = call, left

    def __call__(self, given):
        if not self.left:
            raise Stopped
        self.left -= 1
        return self.call(given)


def kept_at(path, seed=0):
    path.mkdir(exist_ok=True)
    return KeptJudging(path / KEPT, {"seed": seed})


def limited(drawn, curve, path, proposals, verdicts, seed=0):
    """Return the judge's part for 60 questions, with at most so many calls of the model and of the judge."""
    decoder, judge = Guesser(drawn), Limited(known("synthetic", drawn, p=0.8), verdicts)
    decoder.propose = Limited(decoder.propose, proposals)
    items = drawn[0][:60]
    return judge_audit(items, decoder, "tags", judge, curve, kept=kept_at(path, seed))


def test_a_stopped_audit_goes_on_from_its_finished_searches_and_verdicts(drawn, curve, tmp_path):
    whole = limited(drawn, curve, tmp_path / "whole", 99, 99)
    with pytest.raises(Stopped):
        limited(drawn, curve, tmp_path, 1, 0)
    sampled = len((tmp_path / KEPT).read_text("utf8").splitlines())
    assert sampled > 40  # the first call of the model answered 48 questions
    with pytest.raises(Stopped):
        limited(drawn, curve, tmp_path, 99, 1)
    resumed = limited(drawn, curve, tmp_path, 0, 99)
    assert (resumed.sentence, resumed.lines, resumed.metrics) == (whole.sentence, whole.lines, whole.metrics)
    assert limited(drawn, curve, tmp_path, 0, 0).lines == whole.lines


def test_what_other_settings_left_is_not_taken(drawn, curve, tmp_path):
    limited(drawn, curve, tmp_path, 99, 99)
    with pytest.raises(Stopped):
        limited(drawn, curve, tmp_path, 0, 99, seed=1)
    assert (tmp_path / f"{KEPT}.damaged").is_file()


def test_a_judged_pair_of_another_form_is_judged_again(drawn, curve, tmp_path, capsys):
    whole = limited(drawn, curve, tmp_path, 99, 99)
    path = tmp_path / KEPT
    *before, last = path.read_text("utf8").splitlines()
    path.write_text("\n".join([*before, last.replace('"winner"', '"victor"')]) + "\n", "utf8")
    with pytest.raises(Stopped):
        limited(drawn, curve, tmp_path, 0, 0)
    assert "1 line could not be read" in capsys.readouterr().err
    assert limited(drawn, curve, tmp_path, 0, 1).lines == whole.lines


def local(path):
    """Return (a run in the folder `path`, a built model in this process)."""
    decoder = Guesser(drawn_items(1))
    decoder.top_p, decoder.max_new_tokens = 0.9, 64
    return SimpleNamespace(path=lambda name: path / name), Audited("m", decoder, "tags", decoder)


def test_what_is_kept_names_all_that_the_verdicts_depend_on(tmp_path):
    """The head names model, judge and sampling; the questions and their right answers are in each line's key."""
    run, subject = local(tmp_path)
    kept_judging(run, subject, sampling(subject, 0.6), "self", "another")
    settings = json.loads((tmp_path / KEPT).read_text("utf8"))["settings"]
    named = {"model", "format", "code", "max_new_tokens", "dtype", "engine", "seed", "temperature", "top_p", "judge"}
    assert set(settings) == named | {"judge_model"} and settings["temperature"] == 0.6
    assert kept_judging(run, replace(subject, served=("server",)), subject.decoder, "self").journal is None


def asked_for(decoder):
    """Return the list to which a decoder adds each question that it is asked to answer."""
    asked, propose = [], decoder.propose
    decoder.propose = lambda requests: asked.extend(one.task.qid for one in requests) or propose(requests)
    return asked


@pytest.mark.parametrize("changed", ["nothing", "qid", "question", "image"])
def test_another_question_of_the_same_name_is_asked_anew(drawn, tmp_path, changed):
    (first, second), decoder = drawn[0][:2], Guesser(drawn)
    changes = {"nothing": {}, "image": {"image": picture_of(second)}, "qid": {"qid": second.qid}}
    other = replace(first, **changes.get(changed, {"question": "How many dogs?"}))
    sample_answers([first], "tags", decoder, 8, kept_at(tmp_path))
    asked = asked_for(decoder)
    [tree] = sample_answers([other], "tags", decoder, 8, kept_at(tmp_path))
    assert asked == ([] if changed == "nothing" else [other.qid]) and tree.task.question == other.question


def test_a_search_with_more_candidates_is_made_anew(drawn, tmp_path):
    for n in (4, 8):
        [tree] = sample_answers(drawn[0][:1], "tags", Guesser(drawn), n, kept_at(tmp_path))
        assert len(tree.rounds[0].candidates) == n


def test_a_corrected_right_answer_keeps_the_answers_and_no_verdict(drawn, curve, tmp_path):
    """The sides of a pair may stay the same, but which of them is better follows the right answer."""
    items, judge = drawn[0][:60], known("synthetic", drawn, p=0.8)
    before = judge_audit(items, Guesser(drawn), "tags", judge, curve, kept=kept_at(tmp_path)).lines
    corrected = [replace(item, answer=drawn[1][item.qid].answer) for item in items]
    decoder = Guesser(drawn)
    asked = asked_for(decoder)
    resumed = judge_audit(corrected, decoder, "tags", judge, curve, kept=kept_at(tmp_path)).lines
    fresh = judge_audit(corrected, Guesser(drawn), "tags", judge, curve).lines
    assert asked == [] and resumed == fresh and resumed != before


def test_the_same_pair_with_the_other_side_better_is_judged_anew(drawn, tmp_path):
    sampled = sample_answers(drawn[0][:20], "tags", Guesser(drawn), 8)
    pairs = answer_pairs(sampled, right_answers(drawn[0][:20], sampled, "tags"))
    turned = [(one, 1 - better) for one, better in pairs]
    judge = make_judge("random")
    ask_judge(judge, pairs, kept=kept_at(tmp_path))
    found = ask_judge(judge, turned, kept=kept_at(tmp_path))
    assert [line["better"] for line in found] == [better for _, better in turned]
    assert ask_judge(None, pairs, kept=kept_at(tmp_path)) == ask_judge(judge, pairs)


def test_a_local_audit_leaves_the_logs_of_served_models_in_the_same_folder_alone(drawn, curve, tmp_path):
    run, subject = local(tmp_path)
    connect_both(run, "http://127.0.0.1:9/v1", "m", "tags", judge_model="j")
    logs = list(tmp_path.iterdir())
    for log in logs:
        ReplyLog(log).put("5" * 64, {"model": "m", "text": "paid for", "finish": "stop"})
    before = {log: log.read_bytes() for log in logs}
    drawn_from = sampling(subject, 0.6)
    kept = kept_judging(run, subject, drawn_from, "random")
    judge_audit(drawn[0][:1], drawn_from, "tags", make_judge("random"), curve, kept=kept)
    speaker = Decoder(*tiny.model_and_processor(), temperature=0.0, max_new_tokens=8, replayed=False, lean=False)
    chain_audit(run, drawn[0][:1], replace(subject, decoder=speaker))
    assert len(before) == 2 and {log: log.read_bytes() for log in logs} == before
    assert {path.name for path in set(tmp_path.iterdir()) - set(logs)} == {KEPT, "forced.jsonl"}
    assert REPLIES not in {log.name for log in logs}, "nor does probe-suite write into them"


def test_judges_that_know_the_truth_or_lack_their_model_are_refused():
    with pytest.raises(UserError, match="judge 'oracle' knows the right answers: audit one of self"):
        judge_to_audit("oracle", Audited("m", None, "tags", None))
    with pytest.raises(UserError, match="judge 'base' asks another model: name it with judge_model"):
        judge_to_audit("base", Audited("m", None, "tags", None))


def test_a_study_without_the_rows_has_no_curve_and_the_page_says_why(tmp_path, drawn):
    curve, why = curve_of(str(tmp_path))
    assert curve is None and why
    found = judge_audit(drawn[0], Guesser(drawn), "tags", known("random", drawn), None, no_curve=why)
    silent = chains_of(drawn[0][:2], lambda requests: ["B"] * len(requests), "tags")
    assert why in unescape(audit_page("m", silent, found, "a judge"))


def test_a_decoder_at_another_temperature_shares_the_model():
    decoder = Guesser(drawn_items(1))
    other = sampling(Audited("m", decoder, "tags", decoder), 0.6)
    assert (decoder.temperature, other.temperature) == (0.0, 0.6) and other.known is decoder.known
    assert placed(decoder) == {"device": "endpoint", "dtype": ""}


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_answers_that_would_not_be_sampled_are_refused(temperature, tmp_path):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    with pytest.raises(UserError, match="temperature"):
        sampling(Audited("m", Guesser(drawn_items(1)), "tags", None), temperature)
    if temperature:
        with pytest.raises(UserError, match="temperature"):
            connect(run, "http://127.0.0.1:9/v1", "m").decoder(temperature=temperature)


def test_candidates_of_the_sampled_half_that_overran_are_told(tmp_path):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    with serve(Served([])) as server:
        subject = model_to_audit(run, "m", endpoint=server.url)
        drawn, asked = sampling(subject, 0.6), len(server.bodies)
        assert drawn.abilities == subject.decoder.abilities and len(server.bodies) == asked
    drawn.overran = 2
    assert "2 candidates went on after the end of their stage" in subject.told()[0]


def test_a_record_names_the_type_of_the_weights():
    model, processor = tiny.model_and_processor()
    made = Decoder(copy.deepcopy(model).bfloat16(), processor, replayed=False, lean=False)
    assert Audited("m", made, "tags", made).provenance() == {"device": "cpu", "dtype": "bfloat16", "model_hash": ""}


def test_a_record_names_the_type_in_which_a_decoder_multiplies():
    model, processor = tiny.model_and_processor()
    made = Decoder(model, processor, dtype=torch.bfloat16, replayed=False, lean=False)
    assert placed(made) == {"device": "cpu", "dtype": "bfloat16"} and str(model.dtype) == "torch.float32"


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def reading(drawn):
    items = [one for item in drawn[0][:12] for one in (item, drawn[1][item.qid])]
    return chains_of(items, Chained(drawn, "tags", 0.0), "tags", masks=True)


def test_the_page_shows_both_sentences_anchors_and_needs_no_other_file(drawn, curve, reading):
    judged = audited(drawn, curve, known("synthetic", drawn, p=0.8))
    page = audit_page("<b>my model", reading, judged, "a <judge>", "24 questions.")
    words = " ".join(event[1] for event in parsed(page) if event[0] == "text")
    assert "It uses its chain, mostly the answer with which it ends" in words and "Worth it" in words
    assert "Lanham et al. 2023" in words and "GPT-4o, pairs of VL-RewardBench" in words and "<b>my model" in words
    assert page.count("data:image/png;base64,") == 3 and not re.findall(r'(?:src|<link)[^>]*"https?:', page)


def test_the_page_of_a_model_without_chain_and_of_questions_without_answers_says_so(drawn, curve):
    items = [replace(item, answer="") for item in drawn[0][:4]]
    silent = chains_of(items, lambda requests: ["B"] * len(requests), "tags")
    page = audit_page("m", silent, audited(drawn, curve, None, items), "the model itself")
    assert "There is no chain to read: 4 of 4 replies lack the stages" in page and "data:image" not in page
    assert "Judge value needs questions whose right answers are known" in page


def test_anchors_name_their_source_and_how_it_was_read():
    found = anchors()
    assert found.url.str.startswith("https://").all() and found.read.str.startswith("from ").all()
    assert found.value.between(0, 1).all() and found.notna().all(axis=None)


# ---------------------------------------------------------------- the command


@pytest.mark.slow
def test_the_command_prints_two_sentences_and_writes_page_and_record(tiny_folder, tmp_path):
    words = [str(tiny_folder), "--format", "tags", "--n", "2", "--out", str(tmp_path / "out"), "--max-new-tokens", "8"]
    done = CliRunner().invoke(app, ["audit", *words])
    assert done.exit_code == 0, done.output
    chain, worth, place = done.stdout.strip().splitlines()[-3:]
    record = load(tmp_path / "out")
    assert chain.startswith("There is no chain to read") and worth and place.endswith("audit.html")
    assert record.extra["chain"]["sentence"] == chain and record.extra["judge"]["sentence"].replace("**", "") == worth
    assert (tmp_path / "out" / "audit.html").read_text("utf8").startswith("<!doctype html>")


class Served:
    """A server of a model that writes true chains and copies the answer of a chain that has begun; it judges badly."""

    def __init__(self, items):
        self.items = {picture_part(picture_of(item))["image_url"]["url"]: item for item in items}

    def __call__(self, body, number):
        first, last, n = body["messages"][0], body["messages"][-1], body.get("n", 1)
        if "Count to ten." in words_of(first):
            texts = ["four"] * n
        elif "Repsonse" in words_of(first):
            texts = ["Since it is short, I choose response 1."]
        else:
            texts = self.answers(first, last["content"] if last["role"] == "assistant" else "")[:n]
        choices = [{"index": k, "message": {"content": text}, "finish_reason": "stop"} for k, text in enumerate(texts)]
        read = 100 - 10 * ("continue_final_message" in body)
        usage = {"prompt_tokens": read, "completion_tokens": 5 * len(texts)}
        return 200, {}, json.dumps({"choices": choices, "usage": usage}).encode()

    def answers(self, asked, begun):
        shown = asked["content"][0].get("image_url") if isinstance(asked["content"], list) else None
        item = self.items.get(shown["url"]) if shown else None
        stated = re.findall(r"so the answer is ([^.,]+?)(?:, which is ([A-D]))?\.", begun)
        said, chain = ["nothing"] * 8, ""
        if stated:
            said = [stated[-1][1] or stated[-1][0]] * 8
        elif item and not begun:
            said, chain = [item.answer, "nothing"] * 4, render({stage: item.stages[stage] for stage in CHAIN}) + "\n\n"
        opened = "" if begun.endswith(open_tag("conclusion")) else open_tag("conclusion")
        return [f"{chain}{opened} {one} {close_tag('conclusion')}" for one in said]


def words_of(message):
    content = message["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def test_a_served_model_is_audited_by_one_command(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    items = [one for pair in drawn_pairs(3) for one in pair]
    words = ["audit", "m", "--n", "6", "--judge", "self", "--price", "1/1"]
    with serve(Served(items)) as server:
        done = CliRunner().invoke(app, [*words, "--endpoint", server.url, "--study", "nosuch"])
        assert done.exit_code == 0, done.output
        asked = len(server.bodies)
        again = CliRunner().invoke(app, [*words, "--endpoint", server.url, "--study", "nosuch"])
        assert len(server.bodies) == asked
    assert again.stdout.splitlines()[-7:] == done.stdout.splitlines()[-7:]
    left_out, able, requests, money, _ = done.stdout.splitlines()[-5:]
    assert left_out.startswith("stage beam left out: ") and able.startswith("The server of m: n yes")
    assert re.fullmatch(r"requests: \d+ \([\d,]+ tokens of prompts, [\d,]+ written\)", requests)
    assert float(money.removeprefix("money: ")) > 0
    [folder] = (tmp_path / "work" / "audits").iterdir()
    assert folder.name == f"m@127.0.0.1--{server.server_address[1]}"
    record = load(folder)
    assert record.extra["chain"]["without_chain"] == 0 and record.metrics["swap/follows_chain"].value > 0.5
    assert record.metrics["judge/tie"].value == 1 and list(record.extra["chain"]["not_available"]) == ["masked"]
    assert record.provenance["device"] == "endpoint" and record.provenance["dtype"] == ""
    assert record.extra["model"]["served"]["abilities"].startswith("n yes")
    assert all(words_of(body["messages"][0]).startswith(STRUCTURED[:40]) for body in server.bodies if asks_freely(body))


def test_a_server_that_continues_no_reply_measures_something_else_and_the_audit_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    items = [one for pair in drawn_pairs(2) for one in pair]
    words = ["audit", "m", "--n", "4", "--judge", "self", "--abilities", "n,stop", "--out", "out"]
    with serve(Served(items)) as server:
        done = CliRunner().invoke(app, [*words, "--endpoint", server.url])
    assert done.exit_code == 0, done.output
    chain, *_ = (line for line in done.stdout.splitlines() if RESENT_CHAIN in line)
    assert "every chain was shown in the user's message" in chain and "continuation no" in done.stdout
    page = " ".join(
        event[1] for event in parsed((tmp_path / "out" / "audit.html").read_text("utf8")) if event[0] == "text"
    )
    assert RESENT_CHAIN in page and "continuation no" in page and "requests: " in page
    assert RESENT_CHAIN in load(tmp_path / "out").extra["chain"]["sentence"]


def asks_freely(body):
    said = words_of(body["messages"][0])
    return "Repsonse" not in said and "Count to ten." not in said


def test_a_judge_that_a_served_model_cannot_be_is_refused_before_the_audit(tmp_path):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    with serve(Served([])) as server:
        subject = model_to_audit(run, "m", endpoint=server.url)
        with pytest.raises(UserError, match="reads log-probabilities, which the server of m does not give: use self"):
            judge_to_audit("preference", subject)
        assert len(server.bodies) == 2, "nothing but the probe was sent"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dtype": "bfloat16", "endpoint": "http://127.0.0.1:9/v1"}, "dtype is of a model in this process"),
        ({"price": "1/1"}, "price is of a served model: give endpoint too"),
        ({"instructed": False}, "instructed is of a served model"),
    ],
)
def test_what_a_model_would_ignore_is_refused_before_it_is_loaded(tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        model_to_audit(SimpleNamespace(path=lambda name: tmp_path / name), "nosuch/folder", **given)


def test_two_models_of_one_name_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    for name in ("a/model", "b/model"):
        (tmp_path / name).mkdir(parents=True)
    names = ["a/model", "b/model", "owner/model", "model"]
    found = [folder_of(name) for name in names] + [folder_of("model", f"http://host:{port}/v1") for port in (1, 2)]
    assert found == ["a--model", "b--model", "owner--model", "model", "model@host--1", "model@host--2"]
    assert folder_of(str(tmp_path / "a/model")) == "a--model"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("nosuch",), "nosuch"),
        (("results/checkpoints/mini-structured", "--least", "3"), "--least"),
        (("results/checkpoints/mini-structured", "--temperature", "0"), "temperature 0"),
        (("results/checkpoints/mini-structured", "--dtype", "int8"), "int8"),
        (("m", "--endpoint", "http://127.0.0.1:9/v1", "--dtype", "bfloat16"), "--dtype is of a model in this process"),
        (("results/checkpoints/mini-structured", "--temperature", "nan"), "--temperature is nan"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_asked(words, named):
    done = CliRunner().invoke(app, ["audit", *words])
    assert isinstance(done.exception, UserError) and named in str(done.exception)


def test_audits_of_one_model_on_different_questions_have_different_folders():
    drawn, own, other = (default_folder("owner/model", data) for data in ("", "mine.jsonl", "MMStar@mine.tsv"))
    assert drawn == "owner--model"
    assert own == "owner--model--on--mine.jsonl" != other
