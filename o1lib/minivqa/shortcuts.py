"""draft"""

FORMS = ("letter", "yes/no", "number", "word")


def form_of(example):
    """Return the form of an answer, one of FORMS. `example` is an Example or the text of an answer."""
    answer = example if isinstance(example, str) else "A" if example.options else example.answer
    if not isinstance(example, str) and example.options:
        return "letter"
    return "yes/no" if answer in ("yes", "no") else "number" if answer.isdigit() else "word"
