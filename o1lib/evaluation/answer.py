"""One picture, one question, one searched answer: what `python -m o1lib answer` does.

    decoder, format = speaker("results/checkpoints/mini-structured")
    tree = answer(decoder, "picture.png", "How many dots are there?", format, method="stage_beam", n=4)
    tree.text, conclusion(tree)

Any checkpoint of an image-and-text model that transformers loads can be named: a row's folder, a folder with a released
model, or its name on the hub (fetched once; nothing from it is run).
"""

import math
import re
from difflib import get_close_matches
from pathlib import Path

from o1lib.data.images import as_rgb
from o1lib.data.split_zip import PictureError
from o1lib.formats.chat import FORMATS
from o1lib.records import UserError
from o1lib.search.segments import stage_text
from o1lib.search.types import SearchResult

REWARDED = "retracing"  # the one method whose candidates are scored, not compared
KNOWING = ("oracle", "oracle_faithful", "synthetic")  # judges that look the answer up


def load_decoder(name: str, format: str = "", engine: str = "batched", **settings):
    """Return (decoder, format) for the model in a folder or on the hub, on the device that is there.

    `format` "" is the one it was trained in, by the record beside it. `settings` are those of `Decoder`. Raises
    UserError for a setting that makes no sense, a model that cannot be had, an unknown format, or a model that does not
    say which it speaks.
    """
    _check_settings(**settings)
    _check_name(name)
    from o1lib.evaluation.inputs import trained_as
    from o1lib.inference.sequential import make_decoder
    from o1lib.models.presets import device_and_dtype, from_hub, load

    folder = Path(name)
    model, processor = load(folder) if folder.is_dir() else from_hub(name)
    own = format or (trained_as(folder)[0] if folder.is_dir() else "")
    if own not in FORMATS:
        problem = f"format '{format}' is unknown" if format else f"{name} does not say which format it was trained in"
        raise UserError(f"{problem}: say --format and one of {', '.join(FORMATS)} (direct for a model without stages)")
    return make_decoder(engine, model.to(device_and_dtype()[0]), processor, **settings), own


def _check_settings(temperature: float = 0.0, max_new_tokens: int = 1, **settings) -> None:
    if not 0 <= temperature < math.inf:
        raise UserError(f"temperature {temperature:g} makes no sense: give 0 for the likeliest token or a number above")
    if max_new_tokens < 1:
        raise UserError(f"with max_new_tokens {max_new_tokens} nothing can be said: give 1 or more")


def _check_name(name: str) -> None:
    """Refuse what is no folder and cannot be meant for a name on the hub."""
    folder = Path(name)
    if folder.is_dir() or re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) and not folder.parent.is_dir():
        return
    beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
    near = get_close_matches(folder.name, [path.name for path in beside if path.is_dir()], 1)
    guess = f", did you mean {folder.with_name(near[0])}?" if near else ":"
    raise UserError(f"there is no folder {name}{guess} name a checkpoint's folder, or a model on the hub as owner/name")


def answer(
    decoder,
    image,
    question: str,
    format: str,
    *,
    method: str = "stage_beam",
    n: int = 4,
    judge: str = "self",
    budget: int = 0,
) -> SearchResult:
    """Return the finished search of one question; `image` is a picture or its file, `budget` its most tokens (0: any).

    Raises UserError for a file that is no picture, a budget below 0, an unknown method or judge, and a judge that would
    have to know the answer.
    """
    from o1lib.search.judges import make_judge as judge_of
    from o1lib.search.methods import make_search, task_for
    from o1lib.search.rewards import make_reward as reward_of
    from o1lib.search.scheduler import run_searches

    if budget < 0:
        raise UserError(f"a search cannot end after {budget} tokens: give 0 for as many as it needs, or a number above")
    if judge in KNOWING:
        raise UserError(
            f"judge '{judge}' must know the truth, which a question of your own does not come with: take "
            f"{'likelihood or verifier' if method == REWARDED else 'self, likelihood or agreement'}"
        )
    search = make_search(method, n)
    referee = (reward_of if method == REWARDED else judge_of)(judge, decoder=decoder, seed=decoder.seed)
    task = task_for("question", question, _picture(image), format)
    [tree] = run_searches([search(task, n, decoder.seed)], decoder, referee, budget=budget)
    decoder.forget()
    return tree


def _picture(image):
    try:
        return as_rgb(image)
    except PictureError as error:
        raise UserError(f"{str(error).partition(';')[0]}: name a PNG or JPEG file that can be read") from None


def final_answer(tree: SearchResult) -> str:
    """Return the answer without what led to it."""
    return stage_text(tree.segments, "conclusion")
