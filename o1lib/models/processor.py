"""Load the processors of image-text models without their video parts, and check them before the first question.

Pictures, text and the chat template are all that the study uses. A processor that also wants a video processor (which
needs torchvision) is loaded without it. One that cannot be used at all is refused in one sentence with the remedy.

    processor = load_processor("models/InternVL3-1B-hf", "internvl")        # with or without torchvision
    check_chat(processor, "models/InternVL3-1B-hf")                         # UserError: ... has no chat template ...
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace

from o1lib.formats.characters import mended
from o1lib.models.bounded import Runaway, bounded
from o1lib.records import UserError, shown

_STILLS = ["image_processor", "tokenizer"]
_NAMED_IN = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
_INSTALLED_AS = {"pil": "pillow", "pytorch": "torch"}  # where a library's package has another name
_QUESTION = "How many dots are there?"
_LONGEST = 200_000  # characters of a prompt around one question
NOT_READ = ("labels",)  # tensors that some processors return, and that only training needs
_SECONDS = 5.0  # for one prompt; templates take less than a millisecond


def load_processor(place, model_type: str, **options):
    """Return the processor saved at `place` (a folder or a name on the hub) for a model of that type.

    Stock processors such as those of Qwen2.5-VL, InternVL and SmolVLM2 need a video processor, and that needs
    torchvision. The processors returned here have none. They save as the stock class does, and load with or without
    torchvision. Raises UserError, which names the package to install, if another one is missing, or if there is no
    processor of pictures and text.
    """
    from transformers import AutoProcessor

    try:
        name = _class_name(place, model_type)
        loader = without_video(name) if _has_video_last(name) else AutoProcessor
        processor = loader.from_pretrained(place, **options)
    except ImportError as error:
        raise UserError(f"the processor of {shown(place)} needs {missing_package(error)}") from error
    absent = [part for part in _STILLS if getattr(processor, part, None) is None]
    if absent:
        raise UserError(
            f"{shown(place)} has no {absent[0].replace('_', ' ')} that transformers knows: copy all files of the "
            "checkpoint, or name a model that takes pictures"
        )
    tokenizer = processor.tokenizer
    if tokenizer.pad_token is None:  # any token will do: it is masked wherever it pads
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return processor


def without_video(name: str) -> type:
    """Return the processor class of transformers with that name, without its video processor."""
    import transformers

    stock = getattr(transformers, name)
    left_out = set(stock.get_attributes()) - set(_STILLS)

    def get_attributes(cls):
        """Return the names of the parts to load."""
        return list(_STILLS)

    def from_args_and_dict(cls, args, known, **options):
        """Return a processor with None in place of its video processor."""
        known = {key: value for key, value in known.items() if key not in left_out}
        return stock.from_args_and_dict.__func__(cls, [*args, None], known, **options)

    no_video = SimpleNamespace(num_frames=0, fps=1)  # SmolVLM's chat template asks it for both
    return type(
        name,
        (stock,),
        {
            "get_attributes": classmethod(get_attributes),
            "video_processor": no_video,
            "from_args_and_dict": classmethod(from_args_and_dict),
        },
    )


def check_chat(processor, place) -> None:
    """Render one question about one picture with the chat template, and read the result with the processor.

    A template that only the tokenizer has is copied to the processor. Raises UserError if there is none, or if it
    fails, does not end, leaves the question out, or marks a picture in a way that the processor does not expect.
    """
    processor.chat_template = processor.chat_template or processor.tokenizer.chat_template
    if not processor.chat_template:
        raise UserError(
            f"{shown(place)} has no chat template, so a question cannot become a prompt: put the chat_template.jinja "
            "of the model's instruct version into the folder, or name that version"
        )
    text, wrong = "", ""
    try:
        with bounded(_SECONDS):
            text = _rendered(processor)
    except Exception as error:  # whatever a template from elsewhere raises
        wrong = _reason(error)
    if not wrong and len(text) > _LONGEST:
        wrong = f"it writes {len(text):,} characters around one question"
    if not wrong and _QUESTION not in text:
        wrong = "it leaves the question out"
    if wrong:
        raise UserError(
            f"the chat template of {shown(place)} cannot be used ({wrong}): replace it by the chat_template.jinja "
            "that was published with the model"
        )
    _check_mark(processor, text, place)


def missing_package(error: ImportError) -> str:
    """Return the package that an ImportError asks for, and how to install it."""
    found = re.search(r"requires the ([\w.-]+) library|pip install ([\w.-]*\w)", str(error))
    package = getattr(error, "name", None) or (found and (found[1] or found[2]).lower())
    if not package:
        return f"a package that is not installed ({str(error).strip().splitlines()[0]})"
    package = _INSTALLED_AS.get(package, package)
    return f"the package {package}, which is not installed: pip install {package}"


class Unmarked:
    """Removes from a text the marks that mean a picture or a video in a processor's prompts.

    A mark is split by a space, so that people and models can still read it: "<image>" becomes "< image>". Lone
    surrogates are replaced too.
    """

    def __init__(self, processor):
        names = ("image_token", "video_token", "boi_token", "fake_image_token")
        given = {getattr(part, name, None) for part in (processor, processor.tokenizer) for name in names}
        marks = sorted({str(mark) for mark in given if mark}, key=lambda mark: (-len(mark), mark))
        self.marks = re.compile("|".join(map(re.escape, marks)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """Return `text` without marks."""
        return mended(self.marks.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text))

    def chat(self, turns: list[dict]) -> list[dict]:
        """Return a chat without marks in its texts. Pictures are kept."""
        return [turn | {"content": [self._part(part) for part in turn["content"]]} for turn in turns]

    def _part(self, part: dict) -> dict:
        return part | {"text": self(part["text"])} if part["type"] == "text" else part


def _class_name(place, model_type):
    """Return the name of the processor class that the folder names, or of the one that models of this type have."""
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    for file in _NAMED_IN:
        try:
            name = json.loads((Path(place) / file).read_text(encoding="utf8")).get("processor_class")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue  # a broken file is named by the library, which reads it next
        if isinstance(name, str):
            return name
    names = PROCESSOR_MAPPING_NAMES.get(model_type) or ""
    return names if isinstance(names, str) else names[0]


def _has_video_last(name):
    """Return whether this processor of transformers takes pictures, text and then videos."""
    import transformers

    stock = getattr(transformers, name, None)
    return stock is not None and list(stock.get_attributes()) == [*_STILLS, "video_processor"]


def _rendered(processor):
    user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": _QUESTION}]}
    return processor.apply_chat_template([user], add_generation_prompt=True, tokenize=False)


def _reason(error):
    if isinstance(error, Runaway):
        return f"it does not end within {_SECONDS:g} seconds"
    if isinstance(error, MemoryError):
        return "it needs more memory than a prompt can"
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}".rstrip(": ")


def _check_mark(processor, text, place):
    """Raise UserError if the processor does not find one picture in `text`."""
    from PIL import Image

    picture = Image.new("RGB", (64, 64), "white")
    try:
        ids = processor(images=[[picture]], text=[text], add_special_tokens=False, return_tensors="pt")["input_ids"]
        tokens = {getattr(processor, "image_token_id", None), getattr(processor.tokenizer, "image_token_id", None)}
        wrong = "" if any(token in ids for token in tokens - {None}) or tokens == {None} else "it finds no picture"
    except Exception as error:  # processors report a wrong number of pictures by different errors
        wrong = _reason(error)
    if wrong:
        raise UserError(
            f"the processor of {shown(place)} expects {getattr(processor, 'image_token', 'another mark')!r} where a "
            f"picture is, and its chat template writes something else ({wrong}): copy chat template, tokenizer and "
            "processor from the same checkpoint"
        )
