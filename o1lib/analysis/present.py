"""Show tables and sentences in a notebook.

html_table(frame, "training of each arm")       # HTML with a caption
bullets(["One sentence.", "Another one."])      # a Markdown list
"""

import pandas as pd
from IPython.display import HTML

from o1lib.analysis.tables import NOT_MEASURED, NOT_RUN, to_html
from o1lib.records.html import markdown, render


def html_table(frame, caption=""):
    """Return a table as HTML, with all lines and the whole text of every cell."""
    return HTML(captioned(caption, frame))


def bullets(sentences):
    """Return sentences as a Markdown list."""
    return markdown("\n".join(f"- {sentence}" for sentence in sentences))


def captioned(caption, frame):
    """Return a table with its caption as the text of an HTML element."""
    return render("analysis/table.html.j2", caption=caption, table=to_html(frame, na_rep=NOT_MEASURED))


def numbered(texts: pd.Series) -> tuple[list[str], str]:
    """Return texts of parts ("a; b") as the numbers of these parts ("1, 2"), and all parts as a numbered HTML list.

    A column of long reasons that most lines share is then as narrow as its numbers.
    """
    parts = [[part for part in text.split("; ") if part] for text in texts]
    every = list(dict.fromkeys(part for some in parts for part in some))
    numbers = [", ".join(str(every.index(part) + 1) for part in some) for some in parts]
    return numbers, render("analysis/notes.html.j2", notes=every)


def with_values(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without the columns that hold no value in any line, and the names of these columns."""
    there = ~frame.isin([NOT_MEASURED, NOT_RUN]) & frame.notna()
    lacking = [name for name in frame.columns if not there[name].any()]
    return frame.drop(columns=lacking), [str(name) for name in lacking]
