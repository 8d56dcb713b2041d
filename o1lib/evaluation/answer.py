"""Search for the answer to one question about one picture, as `python -m o1lib answer` does.

    decoder, format = load_decoder("results/checkpoints/mini-structured")
    result = answer(decoder, "picture.png", "How many dots are there?", format, method="stage_beam", n=4)
    result.text, final_answer(result)

A model is any checkpoint of an image-text model that transformers loads: the folder of a row or of a released model, or
its name on the hub (downloaded once; no code from it is run).
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from o1lib.formats.characters import mended
from o1lib.formats.chat import FORMATS
from o1lib.records import UserError, choose, project_root
from o1lib.records.errors import closest
from o1lib.records.limits import check_size, check_temperature
from o1lib.search.judges import JUDGES
from o1lib.search.methods import METHODS, make_search, task_for
from o1lib.search.rewards import REWARDS, make_judge_or_reward
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import stage_text
from o1lib.search.types import SearchResult

N = 4  # candidates, as in most rows of the study
SETTINGS = ("seed", "temperature", "top_p", "max_new_tokens", "rows", "dtype", "replayed", "lean")  # of a decoder
DTYPES = ("float32", "bfloat16")  # the exact default, and an approximation
ENGINE, ONE_AT_A_TIME = "batched", "one_at_a_time"


def load_decoder(name: str | Path, format: str = "", engine: str = ENGINE, **settings):
    """Return (decoder, format) for the model in a folder or on the hub, on the best device of this machine.

    A relative folder is looked up in the current directory, then in the project's. `format` "" takes the format in
    which the model was trained, from the record in its folder. `settings` are those of `Decoder`; `dtype` may also be
    one of the names in DTYPES. Raises UserError for an unknown or invalid setting, another dtype than float32 for a
    model that is decoded one at a time, a model that is not available, an unknown format, or a model without a record
    of its format. What the settings alone tell is refused before the model is loaded.
    """
    settings = _checked(**settings)
    check_engine(engine, settings.get("dtype"))
    folder = _place(name)
    from o1lib.models.checkpoint import trained_as

    own = format or (trained_as(folder)[0] if folder else "")
    if format:
        choose(format, FORMATS, "format")
    elif own not in FORMATS:
        raise UserError(
            f"{name} has no record of its format: give --format, one of {', '.join(FORMATS)} (direct for a model "
            "without stages)"
        )
    return decoder_of(engine, *load_model(name), **settings), own


def decoder_of(engine: str, model, processor, **settings):
    """Return the decoder of a loaded model; settings and errors are those of `load_decoder`."""
    from o1lib.inference.sequential import make_decoder

    settings = _checked(**settings)
    check_engine(engine, settings.get("dtype"))
    decoder = make_decoder(engine, model, processor, **settings)
    if "dtype" in settings and decoder.engine == ONE_AT_A_TIME:
        reason = decoder.why.partition(";")[0]
        raise UserError(
            f"dtype {_name(settings['dtype'])} is of engine '{ENGINE}', and {reason}: give dtype {DTYPES[0]}"
        )
    return decoder


def check_engine(engine: str, dtype: Any = None) -> None:
    """Raise UserError for an unknown engine or dtype, and for a dtype that the engine does not take.

    `dtype` is a name in DTYPES or one of torch's; None and "" are float32. No model has to be loaded for this.
    """
    from o1lib.inference.sequential import ENGINES

    choose(engine, ENGINES, "engine")
    if "dtype" in _checked(dtype=dtype) and engine == ONE_AT_A_TIME:
        raise UserError(
            f"dtype {_name(dtype)} is of engine '{ENGINE}', and engine '{engine}' has none of its own: give dtype "
            f"{DTYPES[0]}, or engine {ENGINE}"
        )


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def load_model(name: str | Path):
    """Return (model, processor) of the model in a folder or on the hub, on the best device of this machine.

    Raises UserError for a model that is not available or cannot be used.
    """
    folder = _place(name)
    from o1lib.models.checkpoint import load
    from o1lib.models.presets import device_and_dtype, from_hub

    model, processor = load(folder) if folder else from_hub(str(name))
    return model.to(device_and_dtype()[0]), processor


def _checked(**settings) -> dict:
    """Return the settings of a local decoder, `dtype` by name as torch's, and none where it is the default."""
    for name in settings:
        choose(name, SETTINGS, "setting of a local model")
    check_sampling(**{name: settings[name] for name in ("temperature", "max_new_tokens", "top_p") if name in settings})
    dtype = settings.pop("dtype", None)
    if isinstance(dtype, str):
        import torch

        dtype = getattr(torch, choose(dtype or DTYPES[0], DTYPES, "dtype"))
    return settings | ({} if dtype is None or str(dtype) == f"torch.{DTYPES[0]}" else {"dtype": dtype})


def check_sampling(temperature: float = 0.0, max_new_tokens: int = 1, top_p: float = 1.0) -> None:
    """Raise UserError for a temperature, a length of a stage or a share of probability that no model can sample by."""
    check_temperature(temperature)
    check_size("max_new_tokens", max_new_tokens)
    if max_new_tokens < 1:
        raise UserError(f"max_new_tokens {max_new_tokens} leaves no room for an answer: give 1 or more")
    if not 0 < top_p <= 1:
        raise UserError(f"top_p {top_p:g} is no share of the probability mass: give a number above 0, up to 1 for all")


def _place(name: str | Path) -> Path | None:
    """Return the folder in the current directory or the project's, None for a possible name on the hub."""
    if not str(name).strip():
        raise UserError("no model is named: name a checkpoint's folder, or a model on the hub as owner/name")
    places = (Path(name).expanduser(), project_root() / name)
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        _check_hub_name(str(name))
    return folder


def _check_hub_name(name: str) -> None:
    """Refuse a name that is neither a folder nor a possible name on the hub."""
    folder = Path(name)
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) and not folder.parent.is_dir():
        return
    others = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    near = closest(folder.name, others)
    guess = f" (did you mean {folder.with_name(near)}?):" if near else ":"
    raise UserError(f"there is no folder {name}{guess} name a checkpoint's folder, or a model on the hub as owner/name")


def answer(
    decoder,
    image,
    question: str,
    format: str,
    *,
    method: str = "stage_beam",
    n: int | None = None,
    judge: str = "",
    budget: int = 0,
    judge_decoder=None,
) -> SearchResult:
    """Return the finished search of one question.

    `image` is a picture or its file. `n` is the number of candidates, by default 4 or the most that the method takes.
    `judge` is a judge, or a reward if the method scores its candidates; by default `self`, or `likelihood`.
    `judge_decoder` decodes with another model that judges instead. `budget` bounds the tokens that are processed (0: no
    bound). Random draws are keyed by the picture and the question. Both decoders forget the question afterwards. Raises
    UserError for a file that is not a picture, a budget below 0, an unknown method or judge, and a judge that needs the
    right answer or another model.
    """
    if budget < 0:
        raise UserError(f"budget {budget} is invalid: give the number of tokens after which to stop, or 0 for no bound")
    spec = choose(method, METHODS, "search method")
    n = min(N, spec.max_n or N) if n is None else n
    judge = judge or ("likelihood" if spec.rewarded else "self")
    search = make_search(method, n)
    _check_judge(method, judge, judge_decoder is not None)
    judge_or_reward = make_judge_or_reward(method, judge, decoder=judge_decoder or decoder, seed=decoder.seed)
    question = mended(question)  # a lone surrogate can neither be read nor printed
    picture = _picture(image)
    task = task_for(question_id(picture, question), question, picture, format)
    try:
        [result] = run_searches([search(task, n, decoder.seed)], decoder, judge_or_reward, budget=budget)
    finally:
        for one in filter(None, (decoder, judge_decoder)):
            one.forget([task.qid])
    return result


def question_id(picture, question: str) -> str:
    """Return the key of a question's random draws: equal for equal pictures and words, whatever was asked before."""
    content = repr((picture.size, question)).encode() + picture.tobytes()
    return f"question-{hashlib.sha256(content).hexdigest()[:16]}"


def _check_judge(method: str, judge: str, another: bool) -> None:
    """Refuse a judge that needs what is not here: the right answer, or a second model."""
    registry, what = (REWARDS, "reward") if METHODS[method].rewarded else (JUDGES, "judge")
    spec = choose(judge, registry, what)
    usable = ", ".join(usable_names(registry))
    if spec.needs_truth:
        raise UserError(f"{what} '{judge}' needs the right answer, which only test sets have: use {usable}")
    if spec.other_model and not another:
        raise UserError(
            f"{what} '{judge}' needs a second model, and only one is loaded: use {usable}; "
            "notebook 03 takes a second model (judge_model)"
        )


def usable_names(registry) -> list[str]:
    """Return the judges or rewards of a registry that need neither the right answer nor a second model."""
    return [name for name, entry in registry.items() if not (entry.needs_truth or entry.other_model)]


def _picture(image):
    from o1lib.data.images import as_rgb  # here, so that loading a decoder imports nothing of o1lib.data
    from o1lib.data.split_zip import PictureError

    try:
        return as_rgb(image)
    except PictureError as error:
        raise UserError(f"{str(error).partition(';')[0]}: name a PNG or JPEG file that can be read") from None


def final_answer(result: SearchResult) -> str:
    """Return the text of the conclusion, without the stages before it."""
    return stage_text(result.segments, "conclusion")
