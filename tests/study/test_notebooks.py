"""Rules that every notebook follows, read off its source. Nothing is run here.

Each test checks one rule on all notebooks and reports every offender.
"""

import ast
import json
import re
from pathlib import Path

from o1lib.records.parameters import COMMON, assignments
from o1lib.study.experiments import read_experiments
from o1lib.study.jobs import select

PATHS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 10  # lines of code, without imports and blank lines
MOST_LINES = 20  # of a cell of a report, with everything
LONGEST_LINE = 120  # characters, in code and in prose
REPORTS = ("04_ablations", "05_inference_scaling", "06_curriculum", "07_claims")
FIGURES, MOST_FIGURES = ("figure", "contrast_figure"), 6
FIRST_FIGURE = r"figure\(|figures\.\w+\("  # a call that draws one
ANSWERS = re.compile(r"report\.(opening|brief)\(")  # what shows the three sentences
KEPT = ("report.frame(", "report.keep(", "finish(")  # calls for what they write and not for what they show
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def read(path):
    """Return a notebook, the source of each cell as one text."""
    found = json.loads(path.read_text(encoding="utf8"))
    for cell in found["cells"]:
        cell["source"] = "".join(cell["source"])
    return found


NOTEBOOKS = {path.stem: read(path) for path in PATHS}


def offenders(wrong):
    """Return {notebook: what is wrong with it} for the notebooks of which `wrong(notebook)` is true or not empty."""
    return {name: found for name, notebook in NOTEBOOKS.items() if (found := wrong(notebook))}


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def sources(notebook):
    return [cell["source"] for cell in code(notebook)]


def prose(notebook):
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def parameters(notebook):
    """Return the cells that are tagged as parameters cells."""
    return [cell for cell in code(notebook) if "parameters" in cell["metadata"].get("tags", [])]


def lines(source):
    return [line for line in source.splitlines() if line.strip()]


def working_lines(source):
    """Return the lines of a code cell that are not blank and import nothing."""
    body = [node for node in ast.parse(source).body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    return [line for node in body for line in lines("\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno]))]


def test_the_numbers_of_the_notebooks_stay():
    """Row ids rely on 00 to 07; a new notebook gets the next number."""
    numbers = [path.stem[:2] for path in PATHS]
    assert numbers[:8] == ["00", "01", "02", "03", "04", "05", "06", "07"] and len(set(numbers)) == len(numbers)


def test_the_first_code_cell_is_the_one_parameters_cell():
    assert offenders(lambda notebook: parameters(notebook) != code(notebook)[:1]) == {}


def test_parameters_are_typed_and_hold_the_common_ones():
    def wrong(notebook):
        declared = assignments(parameters(notebook)[0]["source"])
        return not (declared and all(declared.values()) and declared.items() >= COMMON.items())

    assert offenders(wrong) == {}


def test_parameters_are_literals_each_with_a_comment():
    def uncommented(notebook):
        source = parameters(notebook)[0]["source"]
        nodes = ast.parse(source).body
        for node in nodes:
            ast.literal_eval(node.value)  # raises ValueError for anything but a literal
        return [ast.unparse(node) for node in nodes if "#" not in source.splitlines()[node.end_lineno - 1]]

    assert offenders(uncommented) == {}


def test_sources_carry_no_outputs():
    def executed(notebook):
        return [cell["id"] for cell in code(notebook) if cell["outputs"] or cell["execution_count"]]

    assert offenders(executed) == {}


def test_kernel_is_python3():
    assert offenders(lambda notebook: notebook["metadata"]["kernelspec"]["name"] != "python3") == {}


def test_a_notebook_opens_with_a_question():
    def wrong(notebook):
        first = notebook["cells"][0]
        title = first["source"].splitlines()[0]
        return not (first["cell_type"] == "markdown" and title.startswith("# ") and title.rstrip().endswith("?"))

    assert offenders(wrong) == {}


def test_the_opening_says_where_the_answer_appears():
    def wrong(notebook):
        opening, *rest = prose(notebook)
        named = "**The answer**" in opening and "*Conclusion*" in opening
        return not (named and any(text.startswith("## Conclusion") for text in rest))

    assert offenders(wrong) == {}


def test_the_opening_says_how_long_the_notebook_takes():
    def silent(notebook):
        return not re.search(r"takes\s+(about|under)\s+\S+\s+(seconds|minutes?)", prose(notebook)[0])

    assert offenders(silent) == {}


def test_a_report_opens_with_its_answer_and_one_figure():
    """Three sentences and a figure come right after the start of the run."""

    def wrong(notebook):
        before = re.split(FIRST_FIGURE, "\n".join(sources(notebook)[2:]))[0]
        return not (prose(notebook)[2].startswith("## The answer") and ANSWERS.search(before))

    assert [name for name in REPORTS if wrong(NOTEBOOKS[name])] == []


def test_a_report_has_at_most_six_figures_each_with_a_title():
    found = {}
    for name in REPORTS:
        calls = [node for source in sources(NOTEBOOKS[name]) for node in ast.walk(ast.parse(source)) if is_figure(node)]
        own = [call for call in calls if not of_library(call)]
        untitled = [call for call in own if call.func.attr == "figure" and len(call.args) < 3]
        if not 1 <= len(calls) <= MOST_FIGURES or untitled:
            found[name] = [ast.unparse(call) for call in calls]
    assert found == {}


def test_a_report_shows_every_table_that_it_makes():
    """A notebook shows the last expression of a cell alone."""
    found = {}
    for name in REPORTS:
        bodies = [ast.parse(source).body[:-1] for source in sources(NOTEBOOKS[name])]
        calls = [node.value for body in bodies for node in body if isinstance(node, ast.Expr)]
        hidden = [ast.unparse(call) for call in calls if not ast.unparse(call).startswith(KEPT)]
        if hidden:
            found[name] = hidden
    assert found == {}


def test_a_report_does_not_count_its_figures_in_advance():
    """A study without mini-Depth has fewer of them."""
    count = r"(two|three|four|five|six)\s+more\s+figures|[Ff]igure 1\b|the second figure"
    assert [name for name in REPORTS if re.search(count, "\n".join(prose(NOTEBOOKS[name])), re.I)] == []


def test_the_report_on_arms_shows_every_row_on_easy_vqa():
    study = read_experiments()
    scored = [row for row in select(study, "mini", "easy") if study.rows[row].parameters.get("model")]
    shown = "\n".join(sources(NOTEBOOKS["04_ablations"]))
    assert len(scored) == 4 and [row for row in scored if f'"{row}"' not in shown] == []


def is_figure(node):
    """Return whether a node calls a method of a report, or a function of `o1lib.analysis.figures`, that makes one."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return called and (node.func.attr in FIGURES or of_library(node))


def of_library(call):
    """Return whether a node calls a function of `o1lib.analysis.figures`, which titles its figures itself."""
    return isinstance(call.func.value, ast.Name) and call.func.value.id == "figures"


def test_a_report_has_a_parameter_that_changes_its_first_figure():
    def unused(notebook):
        own = assignments(parameters(notebook)[0]["source"]).keys() - COMMON.keys() - {"root"}
        before = re.split(FIRST_FIGURE, "\n".join(sources(notebook)[2:]))[0]
        return not any(re.search(rf"\b{name}\b", before) for name in own)

    assert [name for name in REPORTS if unused(NOTEBOOKS[name])] == []


def test_a_notebook_ends_with_a_record():
    assert offenders(lambda notebook: not any("finish(" in source for source in sources(notebook)[-2:])) == {}


def test_definitions_live_in_the_library():
    def defined(notebook):
        nodes = [node for source in sources(notebook) for node in ast.walk(ast.parse(source))]
        return [node.name for node in nodes if isinstance(node, DEFINITIONS)]

    assert offenders(defined) == {}


def test_code_cells_are_short():
    def long(notebook):
        return [source for source in sources(notebook)[1:] if len(working_lines(source)) > LONGEST_CELL]

    assert offenders(long) == {}


def test_a_report_has_no_cell_that_fills_the_screen():
    found = {
        name: [source for source in sources(NOTEBOOKS[name]) if len(source.splitlines()) > MOST_LINES]
        for name in REPORTS
    }
    assert found == dict.fromkeys(REPORTS, [])


def test_lines_fit_the_screen():
    def long(notebook):
        every = [line for cell in notebook["cells"] for line in cell["source"].splitlines()]
        return [line for line in every if len(line) > LONGEST_LINE]

    assert offenders(long) == {}


def test_code_is_explained():
    def wrong(notebook):
        words = sum(len(text.split()) for text in prose(notebook))
        code_lines = sum(len(lines(source)) for source in sources(notebook))
        return words <= code_lines or len(prose(notebook)) < len(code(notebook)) / 2

    assert offenders(wrong) == {}


def test_start_checks_the_parameters_right_after_them():
    def wrong(notebook):
        starts = [k for k, source in enumerate(sources(notebook)) if "start(globals()" in source]
        return starts != [1]

    assert offenders(wrong) == {}


def test_no_shell_and_no_magic():
    def commands(notebook):
        return [line for source in sources(notebook) for line in lines(source) if line.lstrip().startswith(("!", "%"))]

    assert offenders(commands) == {}
