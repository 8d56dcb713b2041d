"""The command of the faithfulness suite: a table, a record from which it can be computed again, and mistakes."""

import pytest
from typer.testing import CliRunner

from o1lib.cli.app import app
from o1lib.data.dataset import write_items
from o1lib.evaluation.probes import command
from o1lib.evaluation.probes.questions import drawn_items
from o1lib.evaluation.probes.rates import follow_look
from o1lib.evaluation.probes.suite import PROBES, suite_metrics
from o1lib.records import UserError, load
from o1lib.training import arms
from o1lib.training.attention import mask_textonly_cross_attention


def suite(*words):
    return CliRunner().invoke(app, ["probe-suite", *map(str, words)])


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_a_record(tiny_folder, tmp_path, monkeypatch):
    wanted = (tiny_folder, "--format", "tags", "--n", 2, "--out", tmp_path / "out", "--probes", "swap,filler")
    done = suite(*wanted)
    assert done.exit_code == 0, done.output
    record, table = load(tmp_path / "out"), (tmp_path / "out/table.md").read_text()
    assert table in done.stdout and "| filler in the chain's place | lost without a chain |" in table
    assert {name: cell.model_dump() for name, cell in record.metrics.items()} == suite_metrics(record.predictions())
    assert record.n_failed == sum(line["pred"] is None for line in record.predictions())
    assert record.parameters["format"] == "tags" and record.provenance["model_hash"]
    monkeypatch.setattr("o1lib.inference.continuous_batch.ContinuousBatch.advance", None)  # no reply is made again
    assert suite(*wanted).stdout == done.stdout


@pytest.mark.slow
def test_a_dataset_and_own_chains_can_be_asked(tiny_folder, tmp_path):
    items, partners = drawn_items(2)
    data = write_items([*items, *partners.values()], tmp_path / "data")
    given = {"format": "direct", "out": str(tmp_path / "direct")}
    table = command.measure(str(tiny_folder), str(data), 2, **given)
    assert "Not available: answer after each step, because format 'direct' does not write reasoning" in table
    assert load(tmp_path / "direct").extra["not_available"].keys() == {
        "swap",
        "swap_caption",
        "early",
        "corrupted",
        "filler",
        "masked",
    }
    with pytest.raises(UserError, match="format 'direct' writes no chain: take the true chains"):
        command.measure(str(tiny_folder), str(data), 2, chains="own", **given | {"out": str(tmp_path / "own")})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--n", "0"), "--n 0 asks no question"),
        (("--chains", "mine"), "unknown value of --chains 'mine': choose one of true, own"),
        (("--probes", "swop"), "unknown probe 'swop' (did you mean swap?)"),
        ((), "has no record of its format"),
    ],
)
def test_a_mistake_is_a_user_error(tiny_folder, words, message):
    done = suite(tiny_folder, *words)
    assert isinstance(done.exception, UserError) and message in str(done.exception)


def test_validation_during_training_adds_the_follow_rates(tiny):
    model, processor = tiny
    items, partners = drawn_items(1)
    found = arms.validated(model, processor, items, "tags", follow_look(processor, "tags", items, partners))
    assert found.keys() >= {"exact", "follows_reasoning", "follows_caption", "follow_asked"}
    assert found["follow_asked"] == 1 and 0 <= found["follows_reasoning"] <= 1


def test_validation_during_training_runs_the_whole_suite_where_it_is_asked_for(tiny):
    model, processor = tiny
    items, partners = drawn_items(2)
    found = follow_look(processor, "tags", items, partners, suite=1)(model, [], [])["suite"]
    assert {name.partition("/")[0] for name in found} == {*PROBES, "chance"}
    assert found["swap/right"]["n"] == found["early/area"]["n"] == 1
    assert "suite" not in follow_look(processor, "tags", items, partners)(model, [], [])


def test_the_suite_finds_the_same_while_a_model_is_in_training(tiny):
    model, processor = tiny
    look = follow_look(processor, "tags", *drawn_items(3), suite=3)
    found = look(model, [], [])
    with mask_textonly_cross_attention(model):
        assert look(model, [], []) == found


def test_a_format_without_a_chain_adds_nothing(tiny):
    model, processor = tiny
    look = follow_look(processor, "direct", *drawn_items(1))
    assert look(model, [], []) == {}
