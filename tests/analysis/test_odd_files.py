"""Files of results that a kill or an editor damaged: one sentence with the remedy, whatever they hold."""

import pytest
from support.odd import TEXTS

from o1lib.analysis.claims.margins import frozen_margins
from o1lib.analysis.claims.replication import read_claims
from o1lib.records import UserError
from o1lib.records.provenance import notebook_cells
from o1lib.scoring.chance_level import read_levels


@pytest.mark.parametrize("text", [*TEXTS.values(), b"[5]", b'[{"id": "A1"}]', b"{}"])
def test_an_odd_file_of_claims_is_one_sentence(tmp_path, text):
    (tmp_path / "claims.json").write_bytes(text if text != TEXTS["a list"] else b"5")
    with pytest.raises(UserError, match="is not a list of judged claims .*: run 07_claims again"):
        read_claims(tmp_path / "claims.json")


@pytest.mark.parametrize("text", [*TEXTS.values(), b'{"margins": 5}', b"{}"])
def test_an_odd_file_of_margins_is_one_sentence(tmp_path, text):
    (tmp_path / "margins.json").write_bytes(text)
    with pytest.raises(UserError, match="is not a file of margins .*: restore the committed one"):
        frozen_margins([], tmp_path / "margins.json")


@pytest.mark.parametrize("text", [*TEXTS.values(), b"{}"])
def test_an_odd_file_of_chance_levels_is_one_sentence(tmp_path, text):
    (tmp_path / "chance.json").write_bytes(text)
    with pytest.raises(UserError, match="holds no chance levels: `.venv/bin/python -m o1lib chance` writes it"):
        read_levels(tmp_path / "chance.json")


@pytest.mark.parametrize("text", [*TEXTS.values(), b'{"cells": 5}', b'{"cells": [5]}', b'{"cells": [{"source": []}]}'])
def test_an_odd_notebook_counts_as_absent(tmp_path, monkeypatch, text):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "work.ipynb").write_bytes(text)
    assert notebook_cells("work") is None
