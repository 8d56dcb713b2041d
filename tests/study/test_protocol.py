"""The protocol's computed blocks come from claims.yaml and records. Drafts are filled, the protocol in force is not."""

import re
from dataclasses import replace
from itertools import product

import pytest
import yaml
from support import toyrecords
from support.toyrecords import answers, leave

from o1lib.analysis.claims import frozen_margins, load_claims
from o1lib.analysis.headline import written_sets
from o1lib.analysis.stats.power import Variances
from o1lib.cli import app
from o1lib.data.chance import keep_levels
from o1lib.data.splits import set_sizes
from o1lib.minivqa import depth as deep
from o1lib.minivqa import mixture
from o1lib.minivqa.testsets import LINES_OF_A_GROUP, TEST_SETS
from o1lib.records import UserError, need, project_root
from o1lib.scoring import PAPER_SETS, metrics
from o1lib.scoring.policy_scores import chance_levels
from o1lib.study import confirmatory_family, experiments, margins, protocol, protocol_text, rule_check, run_times
from o1lib.study.jobs import select
from o1lib.study.run_times import SCORING

pytestmark = pytest.mark.slow

PROTOCOL = project_root() / "results" / "PROTOCOL.md"
ROWS = {
    "structured.sample": 0.6,
    "no_tags.sample": 0.5,
    "direct.sample": 0.4,
    "structured.stage_beam4.self": 0.7,
    "structured.stage_beam1.self": 0.6,
    "structured.best_of_n4.self": 0.6,
}


def study(root, seeds=(0,), rows=ROWS):
    """Write toy records of rows of the family, a base, a dataset and an arm of a hundred examples."""
    leave(root, "base")
    leave(root, "data", source="minivqa", n_test=toyrecords.N_TEST, test_split="devtest")
    leave(root, "structured", examples=100)
    for row, accuracy in rows.items():
        for seed in seeds:
            lines = answers(row, "tags", "mixed", "sample", 1, "", accuracy, seed)
            leave(root, row, seed, metrics(lines), lines, data="data", model=row.split(".")[0])
    return root


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory):
    return protocol.plan_confirmatory("mini", str(study(tmp_path_factory.mktemp("one"))))


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory):
    return protocol.plan_confirmatory("mini", str(study(tmp_path_factory.mktemp("two"), seeds=(0, 1))))


def block(name, text=None):
    text = PROTOCOL.read_text(encoding="utf8") if text is None else text
    return text.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0].strip()


def test_the_protocol_tests_the_family_that_claims_yaml_marks():
    assert block("family") == protocol_text.family()
    family = [claim.id for claim in load_claims() if claim.confirmatory]
    assert [line.split(" | ")[0].strip("| ") for line in block("family").splitlines()[2:]] == family


def amendment():
    """Return the text of the second amendment, and that of everything before it, both in one line."""
    before, after = PROTOCOL.read_text(encoding="utf8").split("**2026-11-29, second amendment,")
    return " ".join(after.split()), " ".join(before.split())


def test_the_second_amendment_comes_before_a_devtest_score_and_before_any_test_item():
    text, _ = amendment()
    assert text.startswith("before an arm of a new base was scored on `devtest`.")
    assert "No item of the split `test` has been drawn, and no row was scored on it." in text


def test_the_second_amendment_quotes_each_sentence_that_it_replaces():
    """Word for word, with what holds instead and why."""
    text, before = amendment()
    points = re.split(r" (?=\d+\. \*)", text.split("The family with these rules")[0])[1:]
    assert len(points) == 12
    for point in points:
        assert all(word in point for word in (" Replaced", " Now: ", " Why: ")), point
        replaced = point.split(" Replaced")[1].split(" Now: ")[0]
        assert [quoted for quoted in re.findall(r'"([^"]+)"', replaced) if quoted not in before] == []


def test_the_second_amendment_states_the_rule_for_rates_and_the_share_of_deep_questions():
    text, _ = amendment()
    assert "the one with the highest validation accuracy after training is kept" in text
    assert "the next rate on that side is tried for every format, once" in text
    assert deep.SHARE == 0.2 and "A fifth of the training and validation items is mini-Depth's" in text
    assert "the share of deep questions at which the sign of A5 would turn" in " ".join(text.split())


def draft():
    """Return the text of the draft of a fifth amendment, and that of everything before it, both in one line."""
    before, after = PROTOCOL.read_text(encoding="utf8").split("## Draft of a fifth amendment, not in force")
    return " ".join(after.split()), " ".join(before.split())


def test_the_draft_says_that_it_is_not_in_force_and_names_no_set():
    text, _ = draft()
    assert "changes nothing above until it is dated" in text
    assert written_sets(PROTOCOL.read_text(encoding="utf8")) is None


def test_the_draft_quotes_each_sentence_that_it_would_replace():
    text, before = draft()
    points = re.split(r" (?=\d+\. \*)", text)[1:]
    assert len(points) == 8
    for point in points:
        assert " Missing here: " in point or all(word in point for word in (" Replaced", " Now: ", " Why: ")), point
        replaced = point.split(" Now: ")[0]
        assert [quoted for quoted in re.findall(r'"([^"]+)"', replaced) if quoted not in before] == []


def test_the_draft_plans_what_the_code_plans():
    text, _ = draft()
    assert f"ranked {', '.join(confirmatory_family.PRIORITY)}." in text
    assert set(confirmatory_family.DETECT.values()) == {0.03} and "three points for every member" in text
    assert protocol.SEEDS_A_BASE[0] == 5 and "at least five seeds on each base" in text
    block = experiments.read_experiments().scales["confirmatory"]
    assert f"the same on both: {block.first_seed}, " in text and block.seeds["confirmatory"] >= 5


AMENDED = {  # {start of an amendment: its first words, words of each of its points}
    "**2026-11-30, three": (
        "points, written before any record of a new base existed. No item of the split `test`",
        ("A tie goes to AdamW", "`family_judges`", "at least two on each"),
    ),
    "**2026-11-30, two": (
        "points, written after the third try of the base and before an arm of a new base was trained. No item of the",
        ("even if they miss floors", "as worse than every other"),
    ),
}


@pytest.mark.parametrize("start", AMENDED)
def test_a_later_amendment_says_when_it_was_written_and_quotes_what_it_replaces(start):
    first, words = AMENDED[start]
    before, after = PROTOCOL.read_text(encoding="utf8").split(start)
    before, text = " ".join(before.split()), " ".join(re.split(r"\n## |\n\*\*20", after)[0].split())
    assert text.startswith(first) and "the split `test` has been drawn" in text
    points = re.split(r" (?=\d+\. \*)", text)[1:]
    assert len(points) == len(words) and all(word in point for point in points for word in (" Now: ", " Why: "))
    assert [word for word, point in zip(words, points, strict=True) if word not in point] == []
    quoted = [re.search(r'"([^"]+)"', point.split(" Now: ")[0]).group(1) for point in points]
    assert [one for one in quoted if one not in before] == []


def test_margins_of_the_family_are_those_that_are_frozen():
    family = [claim for claim in load_claims() if claim.confirmatory]
    frozen = frozen_margins(family)
    shown = [line.rsplit(" | ", 1)[1].strip("| ") for line in block("family").splitlines()[2:]]
    assert [line.split(" points")[0] for line in shown] == [
        f"{100 * frozen[one.id].value:.1f}" if one.id in frozen else "not frozen yet" for one in family
    ]


def test_margins_are_set_for_the_size_at_which_a_claim_is_tested(whole_plan):
    """Here with seeds that agree, so that a size is enough."""
    agreeing = [replace(one, found=replace(one.found, seeds=0.0, count=5)) for one in whole_plan.members]
    plan = replace(whole_plan, members=tuple(agreeing))
    found, lacking, remark = margins._of_family(plan)
    asked = next(one for one in plan.members if one.claim.id == "A5")
    kept = next(one for one in found if one.claim.id == "A5")
    assert (kept.n, kept.seeds) == (plan.size(asked), plan.seeds_of(asked)) and (lacking, remark) == ({}, "")
    assert all(one.margin.value <= 0.03 for one in found)


def test_a_pilot_too_small_for_a_confirmatory_run_gives_margins_at_its_own_size(whole):
    assert {one.seeds for one in whole.found} == {4} and "no size is enough" in whole.basis
    assert {"A3", "A5"} <= {one.claim.id for one in whole.found} and "A5" in margins.margins_text(whole)


def test_a_pilot_of_fewer_than_four_seeds_gives_no_margin(one_seed, two_seeds):
    """With one seed a margin would be that of the questions alone, as if nothing moved between seeds."""
    for plan, told in ((one_seed, "1 seed,"), (two_seeds, "2 seeds,")):
        found = margins.plan_margins("mini", str(plan.root))
        assert found.found == ()
        assert {"A3", "A5", "A17"} <= found.lacking.keys()
        assert found.lacking["A3"] == f"negligible cannot be reached: the pilot has {told} and a margin needs 4"
        assert f"A5 has none: {found.lacking['A5']}" in margins.margins_text(found)


@pytest.mark.parametrize(("count", "bases", "enough"), [(4, 1, True), (2, 2, True), (3, 1, False), (1, 4, False)])
def test_seeds_of_all_bases_count_but_not_one_of_each(count, bases, enough):
    pilot = Variances(0.2, 0.0, 0.0, 100, count, bases)
    if enough:
        margins.check_seeds(pilot)
    else:
        with pytest.raises(UserError, match="negligible cannot be reached"):
            margins.check_seeds(pilot)


@pytest.fixture(scope="module")
def whole_plan(tmp_path_factory):
    """The plan from a pilot that has four seeds of every row of the family, and frozen chance levels."""
    family = {row for claim in load_claims() if claim.confirmatory for row in claim.contrast.rows}
    root = study(tmp_path_factory.mktemp("whole"), range(4), dict.fromkeys(sorted(family), 0.5) | ROWS)
    levels = chance_levels(list(mixture("train", 150)), toyrecords.questions(), "d" * 64)
    keep_levels(need(root, "data", 0), levels)
    return protocol.plan_confirmatory("mini", str(root))


@pytest.fixture(scope="module")
def whole(whole_plan):
    return margins.plan_margins("mini", str(whole_plan.root))


@pytest.fixture(scope="module")
def lacking(tmp_path_factory):
    """Margins of a pilot without chance levels and without the rows of B8 and B11."""
    return margins.plan_margins("mini", str(study(tmp_path_factory.mktemp("lacking"), seeds=range(4))))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project whose protocol names the sets of the headline."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "PROTOCOL.md").write_text("Sets in the headline: mini-MMStar.\n", encoding="utf8")
    (tmp_path / "claims.yaml").write_text((PROTOCOL.parents[1] / "claims.yaml").read_text(encoding="utf8"))
    return tmp_path


def test_margins_are_not_frozen_from_another_contrast(lacking, project):
    """Neither from the plain average, where no chance level is frozen, nor from another claim's variances."""
    found = [one for one in lacking.found if one.claim.id in ("A5", "B8")]
    for one, told in zip(found, ("the metric mini-average", "the variances of another claim"), strict=True):
        with pytest.raises(UserError, match=f"the margin of {one.claim.id} rests on {told}"):
            margins.freeze(margins.MarginPlan((one,), ""))
    assert not (project / "results" / "margins.json").exists()


def test_margins_are_not_frozen_while_a_claim_of_the_family_has_too_few_seeds(whole, project):
    few = replace(
        whole,
        too_small=False,
        lacking={"A4": "negligible cannot be reached: the pilot has 2 seeds, and a margin needs 4"},
    )
    with pytest.raises(UserError, match="A4: negligible cannot be reached: the pilot has 2 seeds.*SEEDS=0,1,2,3"):
        margins.freeze(few)
    margins.freeze(replace(few, lacking={"A3": "negligible cannot be reached"}))


def test_margins_are_not_frozen_before_the_sets_of_the_headline_are_named(lacking, project):
    (project / "results" / "PROTOCOL.md").write_text("none yet", encoding="utf8")
    with pytest.raises(UserError, match="has no line 'Sets in the headline:'.*python -m o1lib entering"):
        margins.freeze(lacking)


def test_margins_are_not_frozen_at_the_pilot_s_size(whole, project):
    assert whole.too_small
    with pytest.raises(UserError, match="the family has the pilot's size.*--bases and --hours"):
        margins.freeze(whole)


def test_margins_are_planned_for_the_bases_and_hours_of_the_run(whole_plan, monkeypatch):
    asked = []
    monkeypatch.setattr(margins, "plan_confirmatory", lambda *given: asked.append(given) or whole_plan)
    app(["margins", "--root", "r", "--bases", "base1,base2", "--hours", "25"], standalone_mode=False)
    assert asked == [("mini", "r", ("base1", "base2"), 25.0)]


def test_margins_are_frozen_once(whole, project):
    found = replace(whole, too_small=False)
    margins.freeze(found)
    claims = load_claims()
    kept = next(one.margin for one in found.found if one.claim.id == "A5")
    assert frozen_margins(claims)["A5"] == (kept.value, kept.power)
    with pytest.raises(UserError, match="results/margins.json is frozen and must not change"):
        margins.freeze(found)


def test_the_confirmatory_scale_differs_only_in_its_test_sets():
    """It scores the family on bases 1 and 2, with the parameters of scale mini except those that size the test sets.

    The suite at each look changes no weight and is left out. The judges beside A17 are asked its set alone.
    """
    read = experiments.read_experiments()
    family = {row for claim in load_claims() if claim.confirmatory for row in claim.contrast.rows}
    judges, rows = set(select(read, "mini", "family_judges")), select(read, "confirmatory")
    scored = [(read.rows[row].twin_of, read.rows[row].on_base) for row in rows if read.rows[row].notebook == SCORING]
    assert sorted(scored) == sorted((row, base) for row in family | judges for base in ("base1", "base2"))
    for row in {"base1", "data", *rows}:
        mini, counted = (experiments.parameters_of(read, scale, row) for scale in ("mini", "confirmatory"))
        own = {name: counted[name] for name in ("n_test", "n_test_by_set")} if row == "data" else {}
        unmeasured = {"suite": 0} if "suite" in mini else {}
        asked = {"sets": "mini-MM-Vet"} if read.rows[row].twin_of in judges else {}
        assert counted == mini | own | unmeasured | asked | ({"test_split": "test"} if own else {})


def test_the_confirmatory_scale_has_the_n_test_of_the_protocol():
    chosen = next(line for line in block("sizes").splitlines() if "the fewest hours" in line)
    drawn = experiments.parameters_of(experiments.read_experiments(), "confirmatory", "data")
    items = drawn["n_test"]
    sizes = set_sizes(items, drawn["n_test_by_set"], TEST_SETS)
    assert int(chosen.split("|")[2]) == items and {sizes[name] for name in PAPER_SETS} == {items}
    assert f"{int(chosen.split('|')[1])} seeds, test sets of {items} items" in block("hours")


def test_every_computed_block_of_the_protocol_is_filled():
    assert all(block(name) for name in ("family", "power", "sizes", "hours"))


def test_an_unmeasured_claim_gets_the_largest_variance_of_its_kind(one_seed):
    found = {member.claim.id: member for member in one_seed.members}
    assert found["A5"].source == "its own"
    worst = max((found["A4"], found["A5"]), key=lambda one: one.found.questions)
    assert (found["B8"].source, found["B8"].found) == (f"not run, as {worst.claim.id}", worst.found)


def test_a_claim_within_one_model_is_between_searches(one_seed):
    kinds = {member.claim.id: member.kind for member in one_seed.members}
    assert (kinds["A5"], kinds["A17"], kinds["B11"]) == ("arms", "searches", "arms")


def test_with_one_seed_the_assumed_variance_is_planned(one_seed):
    line = protocol_text.power(one_seed).set_index("claim").loc["A5"]
    assert line["SD of seeds, measured"] == "unknown: one seed"
    assert line["SD of seeds, planned"] == "1.5"


def test_with_two_seeds_the_larger_variance_is_planned(two_seeds):
    """The larger one of the measured and the assumed variance between seeds."""
    line = protocol_text.power(two_seeds).set_index("claim").loc["A5"]
    assert line["SD of seeds, measured"].endswith("(2 seeds)")
    measured = float(line["SD of seeds, measured"].split()[0])
    assert float(line["SD of seeds, planned"]) == max(measured, 1.5)


@pytest.mark.slow
def test_the_choice_suffices_for_all_claims_at_the_fewest_hours(one_seed):
    able = [seeds for seeds in product(protocol.SEEDS, repeat=3) if one_seed.sizes(seeds)]
    spent = {seeds: run_times.hours(one_seed.jobs(seeds)) for seeds in able}
    assert spent[one_seed.choice] == min(spent.values())
    for member in one_seed.members:
        assert one_seed.size(member) >= member.questions(one_seed.seeds_of(member), one_seed.alpha)


def test_a_set_is_as_large_as_the_claims_that_are_tested_on_it_need(one_seed):
    """Claims on searches are tested on mini-MM-Vet alone, so they do not enlarge the other sets."""
    sets = {one.claim.id: one.sets for one in one_seed.members}
    assert sets["A17"] == ("mini-MM-Vet",) and set(sets["A5"]) == set(PAPER_SETS)
    members = [
        replace(one, found=replace(one.found, questions=2.0)) if one.kind == "searches" else one
        for one in one_seed.members
    ]
    wanting = replace(one_seed, members=tuple(members))
    before, after = one_seed.sizes((12, 12, 12)), wanting.sizes((12, 12, 12))
    assert after["mini-MM-Vet"] > 2 * before["mini-MM-Vet"]
    assert {name: after[name] for name in after if name != "mini-MM-Vet"} == {
        name: before[name] for name in before if name != "mini-MM-Vet"
    }


def test_a_set_that_no_claim_is_tested_on_keeps_its_size(one_seed):
    chosen = one_seed.sizes(one_seed.choice)
    assert toyrecords.N_TEST < 48 and chosen["mini-VRC-Bench"] == chosen["mini-Depth"] == 48


def test_sets_of_groups_have_48_groups_at_least(one_seed):
    members = [replace(one, found=replace(one.found, questions=1e-6, both=0.0)) for one in one_seed.members]
    easy = replace(one_seed, members=tuple(members))
    assert set(easy.sizes((12, 12, 12)).values()) == {48, 192}
    assert {name for name, size in easy.sizes((12, 12, 12)).items() if size == 192} == set(LINES_OF_A_GROUP)


def test_claims_that_share_rows_share_their_seeds(one_seed):
    assert [[one.claim.id for one in family] for family in one_seed.families] == [
        ["A4", "A5"], ["A17", "A20"], ["B8", "B11"]
    ]  # fmt: skip
    rows = {(job.name, job.seed) for job in one_seed.jobs((8, 12, 10)) if job.seed is not None}
    assert max(seed for name, seed in rows if name == "structured.sample") == 7
    assert max(seed for name, seed in rows if name == "structured.stage_beam4.self") == 11
    assert max(seed for name, seed in rows if name == "structured") == 11
    assert max(seed for name, seed in rows if name == "tags_mixed.sample") == 9


def test_several_bases_need_fewer_seeds_of_each_and_run_the_rows_of_each(one_seed):
    both = replace(one_seed, bases=("base", "base1"))
    asked = next(one for one in both.members if one.claim.id == "A5")
    assert both.seed_numbers[0] == 5 and both.needs(asked, 6) and one_seed.needs(asked, 6) is None
    rows = {(job.name, job.seed) for job in both.jobs((5, 5, 5)) if job.seed is not None}
    assert {("direct.sample", 4), ("direct.base1.sample", 4), ("structured.base1", 0)} <= rows
    assert "Seeds are those on each of the bases base, base1." in protocol_text.basis(both)
    with pytest.raises(UserError, match="runs .* on no base 'base9': add it to `twins`"):
        replace(one_seed, bases=("base", "base9")).jobs((5, 5, 5))


def test_the_rows_under_other_judges_run_as_often_as_their_claim_and_are_asked_its_set(one_seed):
    """They word the verdict on A17. The arm that they need is trained for A5 too, and counts once."""
    a17 = next(one for one in one_seed.members if one.claim.id == "A17")
    judges = set(select(experiments.read_experiments(), "mini", "family_judges"))
    assert confirmatory_family.judging_rows(one_seed.members) == judges
    timed = [one.model_copy(update={"provenance": one.provenance | {"seconds": 10.0}}) for one in one_seed.records]
    own = next(one for one in timed if one.row == "structured.stage_beam4.self")
    found = replace(one_seed, records=(*timed, own.model_copy(update={"row": "structured.stage_beam4.synthetic70"})))
    jobs = found.jobs((8, 12, 10))
    assert len({(job.name, job.seed) for job in jobs}) == len(jobs)
    asked = {(job.name, job.seed): job.seconds for job in jobs if job.name in judges}
    assert set(asked) == {(row, seed) for row in judges for seed in range(12)}
    sizes, whole = found.sizes((8, 12, 10)), {job.name: job.seconds for job in jobs}["structured.stage_beam4.self"]
    assert a17.sets == ("mini-MM-Vet",)
    assert asked["structured.stage_beam4.synthetic70", 0] == pytest.approx(
        whole * sizes["mini-MM-Vet"] / sum(sizes.values())
    )
    assert all(f"{row}: {found.choice[1]}" in protocol_text.parameters(found) for row in judges)
    without = replace(found, members=tuple(one for one in found.members if one.claim.id != "A17"))
    assert not judges & {job.name for job in without.jobs((8, 12, 10))}


def test_a_base_that_the_pilot_did_not_have_is_trained_for_the_run(one_seed):
    both = replace(one_seed, bases=("base", "base1"))
    trained = [job for job in both.jobs((5, 5, 5)) if job.name.startswith("training of ")]
    assert [job.name for job in trained] == ["training of base1"] and trained[0].seconds > 600
    assert not any(job.name.startswith("training of ") for job in one_seed.jobs((8, 12, 10)))


def base_of_the_project(root, name, seconds, log=()):
    leave(root, "base", examples=100, lookups=100, extra={"log": list(log)})
    made = need(root, "base", 0)
    folder = root / "results" / "checkpoints" / name
    folder.mkdir(parents=True)
    given = made.model_copy(update={"provenance": made.provenance | {"seconds": seconds}})
    (folder / "record.json").write_text(given.model_dump_json(), encoding="utf8")


@pytest.mark.parametrize(
    ("name", "log", "seconds", "own"),
    [
        ("mini-base-2", [], 50.0, True),
        ("mini-base", [], 50.0, False),
        ("mini-base", [{"examples": 150, "samples_per_second": 1.0}], 150.0, False),
    ],
)
def test_a_base_trains_as_long_as_its_record_or_the_first_base(tmp_path, monkeypatch, name, log, seconds, own):
    """In proportion to the examples, and with the parts before a stop, which the record's seconds leave out."""
    read = experiments.read_experiments()
    wanted = read.scales["mini"].base
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="mini-base have no record.*run `make base SCALE=mini`"):
        run_times.trainings_of_bases(read, "mini", ["base2"])
    base_of_the_project(tmp_path, name, 50.0, log)
    [job] = run_times.trainings_of_bases(read, "mini", ["base2"])
    growth = (wanted["examples"] + wanted["lookups"]) / 200
    assert (job.name, job.seconds, job.measured) == ("training of base2", pytest.approx(seconds * growth), own)
    assert run_times.trainings_of_bases(read, "gpu", ["base"]) == []


def test_members_enter_by_priority_until_the_hours_are_full(one_seed):
    whole = run_times.hours(one_seed.jobs(one_seed.choice))
    fewer = protocol.plan_confirmatory("mini", str(one_seed.root), limit=0.8 * whole)
    entered = [one.claim.id for one in fewer.members]
    assert 0 < len(entered) < 6 and run_times.hours(fewer.jobs(fewer.choice)) <= 0.8 * whole
    assert set(entered) == set(confirmatory_family.PRIORITY[: len(entered)])
    assert fewer.left_out == confirmatory_family.PRIORITY[len(entered) :]
    assert fewer.alpha == 0.05 / len(entered)
    with pytest.raises(UserError, match="too few even for A5"):
        protocol.plan_confirmatory("mini", str(one_seed.root), limit=0.001)


def test_the_rule_of_a_plan_is_simulated_at_its_size(one_seed):
    members = rule_check.simulated_members(one_seed)
    assert [one.name for one in members] == [one.claim.id for one in one_seed.members]
    assert {one.seeds for one in members} == set(one_seed.choice)
    small = [replace(one, n=200) for one in members]
    assert rule_check.told(small, 40).startswith("The whole rule, 40 simulated runs each.")


def test_the_plan_names_the_parameters_that_draw_its_test_sets(one_seed):
    n_test, others = protocol.by_set(one_seed.sizes(one_seed.choice))
    assert set_sizes(n_test, others, TEST_SETS) == one_seed.sizes(one_seed.choice)
    told = protocol_text.blocks(one_seed)["sizes"]
    assert f'`n_test: {n_test}, n_test_by_set: "{others}"`' in told
    seeds = yaml.safe_load(re.search(r"`seeds: (.*)`", told)[1])
    judging = confirmatory_family.judging_rows(one_seed.members)
    assert set(seeds) == protocol.rows_of(one_seed.members) | judging
    assert seeds["direct.sample"] == one_seed.choice[0] and seeds["tags_mixed.sample"] == one_seed.choice[2]


def test_a_folder_without_a_dataset_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="has no record of a dataset row: run `make study SCALE=mini`"):
        protocol.plan_confirmatory("mini", str(tmp_path))


def test_a_kind_without_measured_claims_says_what_to_run(tmp_path):
    study(tmp_path, rows={"structured.sample": 0.6, "direct.sample": 0.5})
    with pytest.raises(UserError, match="no claim between searches is measured, so A17 .*ROWS=structured.stage_beam4"):
        protocol.plan_confirmatory("mini", str(tmp_path))


def test_a_dataset_record_without_n_test_is_named(tmp_path):
    leave(tmp_path, "data", source="minivqa")
    with pytest.raises(UserError, match="runs/data/seed0 does not give n_test, the size of a test set: run row 'data'"):
        protocol.plan_confirmatory("mini", str(tmp_path))


def spoil(root, row):
    path = root / "runs" / row / "seed0" / "predictions.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.slow
def test_damaged_predictions_are_reported_as_not_measured(tmp_path):
    """Not as not run, and with the reason."""
    spoil(study(tmp_path), "no_tags.sample")
    found = protocol.plan_confirmatory("mini", str(tmp_path))
    assert protocol_text.power(found).set_index("claim").variances["A4"] == "not measured, as A5"
    message = protocol_text.basis(found)
    assert " A4 was run and is not measured: " in message and "predictions.jsonl.gz is damaged" in message


def test_a_kind_with_damaged_predictions_only_says_so(tmp_path):
    study(tmp_path, rows={"structured.sample": 0.6, "direct.sample": 0.5})
    spoil(tmp_path, "direct.sample")
    with pytest.raises(UserError, match="so A4 cannot be planned .A5 was run: .*predictions.jsonl.gz is damaged"):
        protocol.plan_confirmatory("mini", str(tmp_path))


@pytest.mark.slow
def test_blocks_are_written_between_their_marks(one_seed, tmp_path):
    draft = tmp_path / "draft.md"
    draft.write_text(PROTOCOL.read_text(encoding="utf8"), encoding="utf8")
    protocol_text.fill(draft, one_seed)
    text = draft.read_text(encoding="utf8")
    assert block("power", text) == protocol_text.blocks(one_seed)["power"]
    assert text.split("<!-- power -->")[0] == PROTOCOL.read_text(encoding="utf8").split("<!-- power -->")[0]
    assert text.endswith(PROTOCOL.read_text(encoding="utf8").split("<!-- /hours -->")[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"), [("PROTOCOL.md", "in force"), ("draft.md", "must have one <!-- family -->")]
)
def test_a_protocol_in_force_or_without_marks_is_not_changed(one_seed, tmp_path, name, message):
    path = tmp_path / name
    path.write_text("as agreed", encoding="utf8")
    with pytest.raises(UserError, match=message):
        protocol_text.fill(path, one_seed)
    assert path.read_text(encoding="utf8") == "as agreed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "draft.md does not exist: name a text file with the marks <!-- family -->"),
        (lambda path: path.mkdir(), "draft.md is a folder: name a text file"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "draft.md cannot be read as text .*: save it as UTF-8"),
    ],
)
def test_a_draft_that_is_not_a_text_file_is_refused(one_seed, tmp_path, make, message):
    make(tmp_path / "draft.md")
    with pytest.raises(UserError, match=message):
        protocol_text.fill(tmp_path / "draft.md", one_seed)


def test_seconds_grow_with_examples_and_questions(one_seed):
    """A row without a record is marked as not measured."""

    def timed(record):
        notebook = "02_train_sft" if record.row == "structured" else record.notebook
        return record.model_copy(update={"provenance": record.provenance | {"seconds": 10.0}, "notebook": notebook})

    found = replace(one_seed, records=tuple(map(timed, one_seed.records)))
    jobs = {(job.name, job.seed): job for job in found.jobs((8, 8, 8))}
    growth = sum(found.sizes((8, 8, 8)).values()) / sum(found.sizes_now.values())
    assert jobs["structured.sample", 3].seconds == pytest.approx(10 * growth)
    examples = experiments.parameters_of(experiments.read_experiments(), "mini", "structured")["examples"]
    assert jobs["structured", 3].seconds == pytest.approx(10 * examples / 100)
    assert jobs["structured", 3].measured
    assert not jobs["four_turn_mixed", 3].measured
    assert jobs["four_turn_mixed", 3].seconds == jobs["structured", 3].seconds


def test_pieces_keep_the_order_and_take_two_hours_at_most():
    jobs = [run_times.Timed(f"job{k}", 0 if k else None, 2000.0, k != 2) for k in range(7)]
    table = run_times.split_into_pieces(jobs)
    assert list(table.what) == ["job0; seed 0: job1, job2*", "seed 0: job3, job4, job5", "seed 0: job6"]
    assert list(table.hours) == ["1.7", "1.7", "0.6"]


def test_shared_jobs_come_first_and_then_each_seed(one_seed):
    order = [-1 if job.seed is None else job.seed for job in one_seed.jobs(one_seed.choice)]
    assert order == sorted(order) and set(order) == {-1, *range(max(one_seed.choice))}


def test_a_row_that_names_its_sets_is_asked_only_these(one_seed):
    """Its seconds grow with the lines of its own sets."""
    read = experiments.read_experiments()
    read.rows["structured.sample"].parameters["sets"] = "mini-MM-Vet, mini-AI2D"
    sizes = dict.fromkeys(TEST_SETS, 100) | {"mini-MM-Vet": 1000}
    timed = [one.model_copy(update={"provenance": {"seconds": 10.0}}) for one in one_seed.records]
    jobs = run_times.RunTimes(read, "mini", timed).jobs({"structured.sample": 1}, sizes)
    asked = next(job.seconds for job in jobs if job.name == "structured.sample")
    read.rows["structured.sample"].parameters["sets"] = ""
    jobs = run_times.RunTimes(read, "mini", timed).jobs({"structured.sample": 1}, sizes)
    whole = next(job.seconds for job in jobs if job.name == "structured.sample")
    assert asked / whole == pytest.approx(1100 / sum(sizes.values()))
