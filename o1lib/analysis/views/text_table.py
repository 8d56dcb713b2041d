"""Show a table of long texts, with their line breaks and with every text as it was written.

HTML(text_table({"direct": "7", "tags": "<SUMMARY> ..."}, "How many dots?"))
HTML(text_table(frame))             # a table of pandas, without its index
"""

from collections.abc import Mapping

from o1lib.records.html import render


def text_table(table, column: str = "") -> str:
    """Return a frame, or {name: text} as one column under the header `column`, as HTML."""
    if isinstance(table, Mapping):
        columns, rows = [column], [(name, [text]) for name, text in table.items()]
    else:
        columns, rows = list(table.columns), [("", list(cells)) for cells in table.itertuples(index=False)]
    return render("analysis/text_table.html.j2", columns=columns, rows=rows, named=isinstance(table, Mapping))
