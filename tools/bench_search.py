"""Measure the speed of the search on this machine: against the released procedure, and against plain sampling.

    run("results/checkpoints/mini-structured", questions=256, reference=12)     # work/bench/search.json, search.png

Every figure is a ratio of two measurements of one run. The released procedure (o1lib.inference.sequential) is slow. It
is measured on `reference` questions, spread evenly over all, before and after the batched engine; both are given as
seconds per question. Plain sampling is the library's own `generate`, without stages or judges, at its fastest batch
size, and at batch 1 in alternation with the released procedure. All run on the GPU if there is one; the column "cores"
counts the CPU's seconds alone.
"""

from pathlib import Path
from typing import Annotated

import typer
from bench_load import mark, quiet, said_plainly

from o1lib.records import UserError, project_root, shown, write_json

FLOORS = {"speedup_likelihood": 30, "speedup_self": 18, "time_vs_plain_sampling": 0.6, "reference_vs_generate": 0.8}


def run(model: str, questions: int = 256, reference: int = 12, big: bool = True, loaded: bool = False) -> dict:
    """Measure, print the table, write work/bench/search.json and search.png, and return what was written.

    `big` adds a random SmolVLM-shaped model of 256 million parameters. Raises UserError for a missing model, and if
    other processes load the machine, unless `loaded` allows for it and marks the table.
    """
    folder, found = folder_of(model), {"model": model, "questions": questions, "reference_questions": reference}
    with quiet(loaded) as load:
        found |= {"threads": _threads(), "rows": []} | _measured(folder, questions, reference, big)
    found = _plain(found | _ratios(found) | load.facts())
    place = write_json(project_root() / "work" / "bench" / "search.json", found)
    _plot(found["rows"], place.with_suffix(".png"))
    print(table(found))
    print(f"written to {shown(place)} and {shown(place.with_suffix('.png'))}")
    return found


def _measured(folder, questions, reference, big):
    """Return the figures of all parts."""
    from search_parts import Trained, smolvlm
    from search_profile import Further
    from tqdm import tqdm

    trained = Trained(folder, questions, reference)
    further = Further(trained)
    parts = [trained.searches, trained.plain, trained.generate, trained.memory, trained.curve, trained.judges]
    parts += [further.step, further.precision, further.profile, *[smolvlm] * big]
    found = {"device": trained.model.device.type, "dtype": str(trained.model.dtype).removeprefix("torch.")}
    with tqdm(parts, desc="bench-search", unit="part") as bar:
        for part in bar:
            bar.set_postfix_str(part.__name__)
            found |= part()
    return found


def folder_of(model: str) -> Path:
    """Return the folder of a checkpoint. Raises UserError if there is no checkpoint."""
    folder = project_root() / model
    if not (folder / "config.json").is_file():
        raise UserError(
            f"there is no trained model at {model}, and an untrained one never ends a stage: train one "
            "(`make study ROWS=structured`) and name its folder with MODEL="
        )
    return folder


def table(found: dict) -> str:
    """Return the figures as text, each with the value that it must reach."""
    lines = [
        mark(found) + f"{found['model']}, {found['questions']} questions, stage beam N = 4, "
        f"on {found['device']}, {found['threads']} thread(s), other processes on {found['other_cores_busy']:.2f} cores",
        "",
        f"{'':32s} {'wall':>8s} {'cores':>8s}",
    ]
    for name, floor in FLOORS.items():
        sign = "<=" if name == "time_vs_plain_sampling" else ">="
        lines.append(f"{name:32s} {found[name]:8.2f} {found['cores'][name]:8.2f}   ({sign} {floor})")
    lines += [
        f"{'image_encodings_per_question':32s} {found['image_encodings_per_question']:8.2f}   (1)",
        f"{'picture memory, N = 8 over N = 1':32s} {found['picture_memory']['ratio']:8.2f}   (1)",
        f"{'tokens read for one generated':32s} {found['tokens_read_a_token']:8.2f}",
        "",
        f"decoding step: {found['decoding_step']}, set up in {found['setup_seconds']:.2f} s; nothing is compiled",
        "bfloat16: {:.2f} of float32's time, {:.0%} of its greedy texts".format(
            found["bfloat16"]["time_vs_float32"][0], found["bfloat16"]["equal_greedy_texts"]
        ),
        "CPU time: " + ", ".join(f"{name} {share:.0%}" for name, share in found["profile"].items()),
        "",
        f"{'N':>3s} {'calls':>8s} {'tokens':>8s} {'seconds':>9s}  per question, judge likelihood",
    ]
    lines += [f"{row['n']:3d} {row['calls']:8.1f} {row['tokens']:8.1f} {row['seconds']:9.4f}" for row in found["rows"]]
    lines += ["", f"{'judge':18s} {'n':>6s} {'accuracy':>9s} {'bias':>7s} {'ties':>6s} {'unread':>7s}  on known pairs"]
    lines += [
        f"{name:18s} {one['n']:6d} {one['accuracy']:9.3f} {one['position_bias']:7.3f} {one['tie']:6.3f} "
        f"{one['unparsed']:7.3f}"
        for name, one in found["judges"].items()
    ]
    if "smolvlm" in found:
        lines += [
            "",
            "random SmolVLM of {parameters:.0f} million parameters, over one at a time: {speedup_likelihood:.1f} x "
            "(likelihood), {speedup_self:.1f} x (self); by the cores' seconds {speedup_likelihood_cores:.1f} x, "
            "{speedup_self_cores:.1f} x".format(**found["smolvlm"]),
        ]
    return "\n".join(lines)


def _ratios(found):
    """Return the figures that have a floor, by wall-clock seconds, and under "cores" by CPU seconds."""
    one, many = found["reference_seconds"], found["engine_seconds_beside"]
    both = {
        "speedup_likelihood": one["likelihood"] / many["likelihood"],
        "speedup_self": one["self"] / many["self"],
        "time_vs_plain_sampling": found["engine_tokens_seconds"] / found["plain_seconds"],
        "reference_vs_generate": found["reference_tokens_a_second"] / found["generate_tokens_a_second"],
    }
    wall, cores = ({name: float(pair[k]) for name, pair in both.items()} for k in (0, 1))
    return wall | {"cores": cores}


def _plain(value):
    """Return a value that JSON can hold: arrays as lists."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _threads():
    import torch

    return torch.get_num_threads()


def _plot(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(10, 3), layout="constrained")
    labels = {"calls": "calls", "tokens": "processed tokens", "seconds": "seconds"}
    for axis, (name, label) in zip(axes, labels.items()):
        axis.plot([row["n"] for row in rows], [row[name] for row in rows], marker="o")
        axis.set(
            xlabel="candidates N", title=f"{label} per question", ylim=(0, None), xticks=[row["n"] for row in rows]
        )
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(
    model: Annotated[str, typer.Option(help="a trained checkpoint")] = "results/checkpoints/mini-structured",
    questions: Annotated[int, typer.Option(help="number of questions for the batched engine")] = 256,
    reference: Annotated[int, typer.Option(help="number of these questions for the released procedure")] = 12,
    loaded: Annotated[bool, typer.Option(help="measure on a loaded machine too, and mark the table")] = False,
) -> None:
    """Measure the search against the released procedure and plain sampling; write work/bench/search.json and a plot."""
    with said_plainly("bench_search"):
        run(model, questions, reference, loaded=loaded)


if __name__ == "__main__":
    typer.run(main)
