"""Checkpoints of image-text models: a folder with bf16 safetensors, config, tokenizer and processor.

A checkpoint is saved whole or not at all. It is loaded offline through the Auto classes, without code from the folder
(safetensors, no remote code). Weights, config and tokenizer that do not fit together are refused; missing weights are
never filled with random numbers.

    save(model, processor, "work/mini-base")
    model, processor = load("work/mini-base")
    model_hash("work/mini-base")            # the same for the same weights, config and tokenizer
    trained_as("work/mini-base")            # (format, schedule), from the record
"""

import copy
import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

from o1lib.models.processor import check_chat, load_processor, missing_package
from o1lib.records import UserError, atomic_folder, first_line, shown
from o1lib.records import load as load_record

_REMEDY = (
    "name a folder written by notebook 00 or 02 or made with `make base` or `make ship`, or copy all files of a "
    "released checkpoint again"
)


def save(model, processor, folder, weights: dict | None = None) -> Path:
    """Write the model (weights rounded to bf16) and its processor, whole or not at all; return the folder.

    `weights` are the model's gathered weights, if they are sharded over several processes. Raises UserError if the disk
    is full or cannot be written.
    """
    import torch

    quiet()
    if weights:  # saving the model itself would gather its shards again
        rounded = _skeleton(model)
    else:
        rounded = model if model.dtype == torch.bfloat16 else copy.deepcopy(model).to(torch.bfloat16)
    rounded.config.vocabulary_sha256 = _vocabulary_hash(processor.tokenizer)
    given = {"state_dict": {name: value.to(torch.bfloat16) for name, value in weights.items()}} if weights else {}
    processor.tokenizer.backend_tokenizer.no_padding()  # else the file would hold the padding of the last batch
    processor.tokenizer.backend_tokenizer.no_truncation()
    with atomic_folder(folder) as part:
        rounded.save_pretrained(part, **given)
        processor.save_pretrained(part)
    return Path(folder)


def load(folder):
    """Return (model, processor) from a folder that `save` wrote or a released one; float32 weights, evaluation mode.

    Raises UserError for missing or broken files, a package that has to be installed, another architecture, a tokenizer
    that is not the model's, and a chat template that cannot ask a question about a picture.
    """
    folder = Path(folder)
    for names in (("config.json",), ("tokenizer.json",), ("processor_config.json", "preprocessor_config.json")):
        if not any((folder / name).is_file() for name in names):
            raise UserError(f"{shown(folder)} is not a model checkpoint: {names[0]} is missing; {_REMEDY}")
    if not list(folder.glob("*.safetensors")):
        raise UserError(
            f"{shown(folder)} has no weights (*.safetensors): train the row again, or copy the whole checkpoint"
        )
    config, model, processor, odd = _read(folder)
    if odd:
        raise UserError(
            f"{shown(folder)} holds weights of another architecture than its config "
            f"({len(odd)} tensors, first {odd[0]}): {_REMEDY}"
        )
    _check_tokenizer(folder, config, processor.tokenizer)
    check_chat(processor, folder)
    return model.eval(), processor


def model_hash(folder) -> str:
    """Return the sha256 of a checkpoint's weights, config and tokenizer, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).iterdir()):
        if path.suffix == ".safetensors" or path.name in ("config.json", "tokenizer.json"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def trained_as(folder: Path | str) -> tuple[str, str]:
    """Return (format, schedule) from the record in the checkpoint's folder or its parent; ("", "") without one."""
    for place in (Path(folder), Path(folder).parent):
        if (place / "record.json").is_file():
            given = load_record(place).parameters
            return given.get("format", "direct"), given.get("schedule", "")
    return "", ""


def _skeleton(model):
    """Return a model of the same architecture without weights."""
    import torch
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        bare = AutoModelForImageTextToText.from_config(copy.deepcopy(model.config), dtype=torch.bfloat16)
    bare.config = copy.deepcopy(model.config)  # the library wrote a dtype into each part's config
    bare.generation_config = copy.deepcopy(model.generation_config)
    return bare


def _read(folder):
    """Return (config, model, processor, names of weights that are missing, unknown or of another shape)."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    local = {"local_files_only": True, "trust_remote_code": False}
    quiet()
    try:
        with _warnings_off():  # the library prints a table of odd weights; here one sentence names them
            config = AutoConfig.from_pretrained(folder, **local)
            model, loading = AutoModelForImageTextToText.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True, **local
            )
            processor = load_processor(folder, config.model_type, **local)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(f"the model in {shown(folder)} needs {missing_package(error)}") from error
    except Exception as error:  # the libraries raise errors of every class for files that they did not expect
        raise UserError(
            f"{shown(folder)} cannot be loaded as an image-and-text model ({first_line(error)}): {_REMEDY}"
        ) from error
    odd = [*loading["missing_keys"], *loading["unexpected_keys"], *(name for name, *_ in loading["mismatched_keys"])]
    return config, model, processor, sorted(odd)


@contextmanager
def _warnings_off():
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _vocabulary_hash(tokenizer) -> str:
    return hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()


def _check_tokenizer(folder, config, tokenizer):
    """Refuse a tokenizer that is not the model's: the model would read its ids as other words."""
    rows, known = config.get_text_config().vocab_size, getattr(config, "vocabulary_sha256", None)
    picture = tokenizer.convert_tokens_to_ids("<|image|>")
    misplaced = config.model_type == "mllama" and not picture == config.image_token_id == rows
    if misplaced or known not in (None, _vocabulary_hash(tokenizer)):
        raise UserError(
            f"the tokenizer in {shown(folder)} ({len(tokenizer)} tokens) is not the one its model was "
            "trained with: copy the checkpoint again with its own tokenizer"
        )


def quiet() -> None:
    """Switch off the progress bars of transformers for the few megabytes that are read or written here."""
    from transformers.utils import logging

    logging.disable_progress_bar()
