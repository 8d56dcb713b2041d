"""Both audits of a model in one call, with a page, a record and all lines, as `python -m o1lib audit` makes them.

print(audit("results/checkpoints/mini-structured", questions=40))       # two sentences and the place of the page
"""

from pathlib import Path

from o1lib.evaluation.answer import DTYPES
from o1lib.evaluation.audits.chains import ChainReading
from o1lib.evaluation.audits.questions import AuditItems, audit_items
from o1lib.evaluation.inputs import folder_of
from o1lib.records import Run, UserError, atomic_file, finish, project_root, shown
from o1lib.records.progress import progress_bar
from o1lib.records.provenance import provenance
from o1lib.search.judges import JUDGES
from o1lib.study.audit import (
    JudgeAudit,
    chain_audit,
    chain_sentence,
    curve_of,
    judge_audit,
    kept_judging,
)
from o1lib.study.audit_models import Audited, check_many_answers, judge_to_audit, model_to_audit, sampling
from o1lib.study.audit_page import audit_page

PAGE = "audit.html"


def audit(
    model: str,
    data: str = "",
    questions: int = 40,
    format: str = "",
    judge: str = "preference",
    judge_model: str = "",
    study: str = "results/mini",
    least: float = 0.02,
    temperature: float = 0.6,
    max_new_tokens: int = 256,
    out: str = "",
    seed: int = 0,
    endpoint: str = "",
    dtype: str = DTYPES[0],
    **served,
) -> str:
    """Return both sentences, what servers can do and have cost, and the place of the page.

    Page, record and lines are written into the folder `out`.

    `data` is what `audit_items` takes. `study` is the folder of the records from which the gain of a judge is taken.
    `least` is the smallest gain that is worth a search. `dtype` is of local models. With `endpoint` model and judge are
    served; `served` are the further arguments of `model_to_audit`. Raises UserError for a share outside 0 to 1, a
    temperature at which nothing is sampled, and as the readers of models and questions do.
    """
    if not 0 <= least <= 1:
        raise UserError(f"a gain of {least:g} is no share of the questions: give --least between 0 and 1")
    check_many_answers(temperature)
    folder = project_root() / (out or f"work/audits/{default_folder(model, data, endpoint)}")
    given = {"model": model, "data": data, "questions": questions, "format": format, "judge": judge}
    given |= {"judge_model": judge_model, "study": study, "least": least, "temperature": temperature, "seed": seed}
    given |= {"endpoint": endpoint, "dtype": dtype} | served
    run = Run("audit", seed, "", folder.parent, folder, given, provenance=provenance())
    subject = model_to_audit(run, model, format, seed, max_new_tokens, judge_model, endpoint, dtype, **served)
    run.parameters["format"] = own = subject.format
    referee, drawn = judge_to_audit(judge, subject, seed), sampling(subject, temperature)
    items = audit_items(data, questions, run)
    reading, (curve, no_curve) = chain_audit(run, items.chain, subject, seed), curve_of(study)
    with progress_bar(desc="judge value", unit=" pairs") as bar:
        kept = kept_judging(run, subject, drawn, judge, judge_model)
        judged = judge_audit(items.judge, drawn, own, referee, curve, least, seed, bar.update, no_curve, kept)
    page = keep_page(run, Path(model).name, reading, judged, JUDGES[judge].label, asked_about(data, items, subject))
    found, lines, extra = results(reading, judged)
    finish(run, found, lines, [page], extra=extra | subject.facts(), **subject.provenance())
    told = [sentence.replace("**", "") for sentence in sentences_of(reading, judged)]
    told += [f"stage beam left out: {no_curve}"] if no_curve else []
    return "\n".join([*told, *subject.told(), f"page: {shown(page)}"])


def default_folder(model: str, data: str, endpoint: str = "") -> str:
    """Return the name of the folder of an audit: the model's, with that of the questions if they are the user's own."""
    own = f"--on--{folder_of(data)}" if data else ""
    return folder_of(model, endpoint) + own


def asked_about(data: str, items: AuditItems, subject: Audited) -> str:
    """Return in words what was asked, how it was drawn, and what servers can do and have cost, for the page."""
    asked = f"{len(items.chain)} questions of {data or 'Mini-VQA, validation drawings'}."
    if items.total > len(items.chain):
        asked += (
            f" They were drawn at random from {items.total:,}, pairs with the same text first; the judge's "
            f"{len(items.judge)} were drawn from all whose right answer is known."
        )
    return "\n".join([asked, *subject.told()])


def keep_page(run, model: str, reading: ChainReading, judged: JudgeAudit, judge: str, about: str) -> Path:
    """Write the page into the run's folder and return its path."""
    page = run.path(PAGE)
    with atomic_file(page) as part:
        part.write_text(audit_page(model, reading, judged, judge, about), encoding="utf8")
    return page


def sentences_of(reading: ChainReading, judged: JudgeAudit) -> list[str]:
    """Return the sentences of both audits (Markdown)."""
    return [chain_sentence(reading), judged.sentence]


def results(reading: ChainReading, judged: JudgeAudit) -> tuple[dict, list[dict], dict]:
    """Return what the record of an audit holds: metrics, one line for each forced reply and each pair, and facts."""
    free = {"accuracy": reading.accuracy} if reading.accuracy else {}
    lines = [{"audit": "chain"} | line for line in reading.lines] + [{"audit": "judge"} | line for line in judged.lines]
    chain, worth = sentences_of(reading, judged)
    extra = {
        "chain": {"sentence": chain, "not_available": reading.missing} | reading.facts,
        "judge": {"sentence": worth, "why": judged.why, "no_curve": judged.no_curve} | judged.facts,
    }
    return free | reading.metrics | judged.metrics, lines, extra
