"""Uploads to the Hub: what a dry run prints, what an upload sends, and which mistakes are named. No network."""

import shutil

import pytest
import yaml
from datasets import load_dataset
from support import toyrecords

from o1lib.data.dataset import write_items
from o1lib.minivqa import mixture
from o1lib.records import UserError, project_root
from o1lib.study.push_hub import push_hub as push


class Hub:
    """Keeps what it was given, as the Hub's API would receive it."""

    def __init__(self, problem=None):
        self.repositories, self.files, self.problem = [], {}, problem

    def create_repo(self, name, repo_type, exist_ok):
        if self.problem:
            raise self.problem
        self.repositories.append((name, repo_type))

    def upload_folder(self, folder_path, repo_id, repo_type, commit_message):
        self.files[repo_id] = sorted(path.relative_to(folder_path).as_posix() for path in folder_path.rglob("*.*"))
        shutil.copytree(folder_path, self.kept / repo_id)
        return f"https://example.org/{repo_id}"


@pytest.fixture
def hub(tmp_path):
    made = Hub()
    made.kept = tmp_path / "kept"
    return made


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one shipped model and a dataset of eight questions."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path / "project"))
    model = tmp_path / "project/results/checkpoints/mini-base"
    model.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "README.md"):
        (model / name).write_text(name, encoding="utf8")
    root = tmp_path / "project/work/mini"
    toyrecords.leave(root, "data", source="minivqa", n_train=8, test_split="devtest")
    write_items(mixture("train", 8), root / "runs/data/seed0/data/train")
    return tmp_path / "project"


def test_a_dry_run_prints_every_file_and_uploads_nothing(project, hub, capsys):
    push("me", dry_run=True, api=hub)
    told = capsys.readouterr().out
    assert "model me/o1lib-mini-base: " in told and "  model.safetensors  17 bytes" in told
    assert "dataset me/o1lib-mini-vqa: " in told and "  data/train-00000.parquet  " in told and "  README.md  " in told
    assert "nothing was uploaded" in told and hub.repositories == []


def test_an_upload_sends_models_and_the_dataset(project, hub, capsys):
    push("me", api=hub)
    assert hub.repositories == [("me/o1lib-mini-base", "model"), ("me/o1lib-mini-vqa", "dataset")]
    assert hub.files["me/o1lib-mini-base"] == ["README.md", "config.json", "model.safetensors"]
    assert hub.files["me/o1lib-mini-vqa"] == ["README.md", "data/train-00000.parquet"]
    assert "https://example.org/me/o1lib-mini-vqa" in capsys.readouterr().out


def test_an_uploaded_dataset_holds_its_pictures_and_stages(project, hub, tmp_path):
    push("me", parts=("data",), api=hub)
    found = load_dataset(str(hub.kept / "me/o1lib-mini-vqa"), split="train", cache_dir=str(tmp_path / "cache"))
    drawn = list(mixture("train", 8))
    assert [line["id"] for line in found] == [example.qid for example in drawn]
    assert found[0]["image"].convert("RGB").tobytes() == drawn[0].image.convert("RGB").tobytes()
    assert found[0]["reasoning"] == drawn[0].stages["reasoning"] and found[0]["depth"] == drawn[0].depth


def test_the_dataset_card_names_its_files_and_describes_every_field(project, hub):
    push("me", parts=("data",), api=hub)
    text = (hub.kept / "me/o1lib-mini-vqa/README.md").read_text(encoding="utf8")
    _, head, body = text.split("---\n", 2)
    given = yaml.safe_load(head)
    assert given["license"] == "apache-2.0" and given["size_categories"] == ["n<1K"]
    assert given["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert 'load_dataset("me/o1lib-mini-vqa"' in body and "croissant" in body and "OWNER" not in body
    assert all(f"| `{name}` |" in body for name in ("image", "options", "depth", "id", "caption", "conclusion"))


def test_nothing_but_own_drawings_is_uploaded(project, hub):
    toyrecords.leave(project / "work/mini", "data", source="llava_cot", test_split="devtest")
    with pytest.raises(UserError, match="'llava_cot'.*only what this project draws"):
        push("me", api=hub)
    assert hub.repositories == []


def test_a_dataset_that_was_not_built_is_named_with_its_command(project, hub):
    shutil.rmtree(project / "work")
    with pytest.raises(UserError, match="make study.*ROWS=data"):
        push("me", parts=("data",), api=hub)


def test_a_model_without_a_card_is_not_uploaded(project, hub):
    (project / "results/checkpoints/mini-base/README.md").unlink()
    with pytest.raises(UserError, match="mini-base has no model card"):
        push("me", parts=("models",), api=hub)


@pytest.mark.parametrize("owner", ["", " ", "me/o1lib"])
def test_an_owner_is_needed(owner, hub):
    with pytest.raises(UserError, match="OWNER="):
        push(owner, api=hub)


def test_a_refused_upload_says_how_to_log_in(project):
    with pytest.raises(UserError, match=r"no token.*hf auth login"):
        push("me", parts=("models",), api=Hub(OSError("no token")))


def test_every_shipped_model_has_a_card(capsys):
    push("me", parts=("models",), dry_run=True)
    assert "model me/o1lib-mini-base: " in capsys.readouterr().out


def test_the_citation_names_both_papers():
    found = yaml.safe_load((project_root() / "CITATION.cff").read_text(encoding="utf8"))
    assert [one["url"] for one in found["references"]] == [
        "https://arxiv.org/abs/2411.10440",
        "https://arxiv.org/abs/2501.06186",
    ]
