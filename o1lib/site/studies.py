"""Find the published studies: every folder of results/ that holds records of runs.

studies = published_studies()
studies[0].title, len(studies[0].records), len(studies[0].lines)
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from o1lib.analysis.comparability import PILOT, is_pilot
from o1lib.analysis.headline import frozen_levels
from o1lib.records import Record, UserError, load_all, project_root, shown
from o1lib.scoring.chance_level import ChanceLevels
from o1lib.study.experiments import MAIN_SCALE


@dataclass(frozen=True, eq=False)
class Study:
    """One published study: its folder in results/, its records, and one dict for each claim that it judged.

    `lines` are those of `o1lib.analysis.claims.evaluate_claims`, as the claims report saved them; [] without a report.
    """

    folder: Path
    records: Sequence[Record]
    lines: Sequence[dict]

    @property
    def name(self) -> str:
        """The name of the folder, such as "mini"."""
        return self.folder.name

    @cached_property
    def mark(self) -> str:
        """The word "pilot", or "" for a confirmatory study."""
        return PILOT if is_pilot(self.records) else ""

    @property
    def title(self) -> str:
        """The name with the mark, such as "mini (pilot)"."""
        return f"{self.name} ({self.mark})" if self.mark and self.mark not in self.name else self.name

    @cached_property
    def by_row(self) -> dict[str, list[Record]]:
        """The records of each row, by seed."""
        found = defaultdict(list)
        for record in self.records:
            found[record.row].append(record)
        return dict(found)

    @cached_property
    def frozen(self) -> dict[str, ChanceLevels]:
        """The frozen chance levels by row of their dataset."""
        return frozen_levels(self.records)

    @property
    def notebooks(self) -> list[Path]:
        """The executed reports, in the order of their names."""
        return sorted((self.folder / "executed").glob("*.ipynb"))


def published_studies(results: Path | None = None) -> list[Study]:
    """Return the studies in `results` (default: the project's results/): confirmatory first, then the main scale.

    Raises UserError if no folder holds a record, and for a damaged record.
    """
    results = results or project_root() / "results"
    folders = sorted({path.parents[3] for path in results.glob("*/runs/*/seed*/record.json")})
    if not folders:
        raise UserError(f"no study is published in {shown(results)}: run `make study`, then `make publish`")
    found = [Study(folder, load_all(folder), _lines(folder)) for folder in folders]
    return sorted(found, key=lambda study: (bool(study.mark), study.name != MAIN_SCALE, study.name))


def _lines(folder: Path) -> list[dict]:
    path = folder / "tables" / "claims.json"
    return json.loads(path.read_text(encoding="utf8")) if path.is_file() else []
