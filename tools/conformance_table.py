"""Check a small random model of every family, and the shipped models, with `check-model`; write what was found.

    PYTHONPATH=tests python tools/conformance_table.py      # `make check-models` does so: results/conformance.md

The random models are those of the tests: each has the classes, the processor and the chat template of its family.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version

from support import families, tiny, tinyvlm

from o1lib.evaluation.answer import load_model
from o1lib.inference.model_check import ModelCheck, check_model
from o1lib.records import atomic_file, project_root, shown
from o1lib.records.progress import progress_bar

SHIPPED = ("results/checkpoints/mini-base", "results/checkpoints/mini-structured")
RANDOM: dict[str, Callable] = {
    "Mllama": tiny.model_and_processor,
    "Mllama, pictures in up to four tiles": lambda: tiny.model_and_processor(4, seed=1),  # seed 0 writes one token
    "Qwen2.5-VL": tinyvlm.qwen,
    "Qwen3-VL": families.qwen3,
    "SmolVLM/Idefics3": tinyvlm.smol,
    "InternVL": families.internvl,
    "LLaVA": families.llava,
    "LLaVA-OneVision": families.onevision,
    "GLM-4V": families.glm4v,
    "LLaVA with Mistral, sliding window": families.mistral,
    "Gemma 3": families.gemma3,
    "PaliGemma": families.paligemma,
}


def table(found: Mapping[str, ModelCheck]) -> str:
    """Return the page: one line for each model, then all that the command prints of it."""
    made = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    lines = [
        "# Which engine is right for which model",
        "",
        f"`make check-models` made this page with {made} on a CPU. Models without a folder are small and random; "
        "released weights were not run. `python -m o1lib check-model PATH` checks any other model in the same way.",
        "",
        "| model | class | engine | checks passed | decoding step | why not in a batch |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        batched, passed = one.engine == "batched", sum(check.passed for check in one.checks)
        step = one.step.partition(":")[0] if batched else ""
        cells = (name, one.model, one.engine or "none", f"{passed} of {len(one.checks)}", step, one.why)
        lines.append(f"| {' | '.join(cells)} |")
    for name, one in found.items():
        lines += ["", f"## {name}", "", "```text", one.text(), "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Check all models, and write the page."""
    models = RANDOM | {name: lambda name=name: load_model(name) for name in SHIPPED}
    found = {name: check_model(*make()) for name, make in progress_bar(models.items(), desc="models")}
    page = project_root() / "results" / "conformance.md"
    with atomic_file(page) as part:
        part.write_text(table(found), encoding="utf8")
    print(shown(page))


if __name__ == "__main__":
    main()
