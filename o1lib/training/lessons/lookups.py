"""Lessons in looking a word up in the context: raw text first, then chats.

Some statements or options are given, and at most half of them are asked for: forward (what does x say?) or backward
(who says y?), because the last ones could be guessed if all were. Raw texts ask for all from the time of invented words
on, when questions are no longer guessed. All words are new draws, so no weight can know them. Only the words that
are looked up are learned.

The order matters (results/LOG.md). Lists, pairs and forward questions come first: a small model that starts with
everything at once learns nothing for long. Then come lists said backward, from any of their words: said from the last
word alone, they are learned by counting places, which finds nothing in statements. Backward questions are first asked
with the end as the last word ("back : 7"). Questions with words after it ("the one with 7 is") were learned only when
lists were said with words between, because then the model must fetch what it looks up from some tokens before.
Forward questions whose relation is between key and answer ("egg costs") were learned only when others had the key
as their last word ("next : egg"). They carry over to other relations only if the relations of lessons are of any kind.

    lookup_lesson(random.Random(0), progress=0.0)      # raw: " cup jar egg . cup" then " jar egg." is learned
    lookup_lesson(random.Random(0), progress=1.0)      # often a chat about "cup costs 7. jar costs 3."
"""

from random import Random

from o1lib.training.lessons.form import chat, raw
from o1lib.training.lessons.words import any_relation, distinct_words, letters, small_words

# {x} is the key of a statement, {v} its relation, {y} its end, {l} a letter, {w} the text of an option.
FORWARD_QUESTIONS = (
    "{x}?", "{x} {v}?", "What {v} {x}?", "What does {x} {v}?", "Tell me what {x} {v}.", "{x} {v} what?", "And {x}?",
    "Say what {x} {v}.", "Look at {x}: what is it that it {v}?", "In the text, {x} {v} which word?", "What of {x}?",
)  # fmt: skip
BACKWARD_QUESTIONS = (
    "Who {v} {y}?", "What {v} {y}?", "Which one {v} {y}?", "Tell me who {v} {y}.", "Which thing {v} {y}?",
    "Find the one that {v} {y}.", "{y}: who {v} it?", "Name what {v} {y}.", "The one that {v} {y}?",
)  # fmt: skip
OPTION_OF = (
    "What is option {l}?", "Option {l}?", "{l}?", "What stands at {l}?", "Read option {l}.", "The text of {l}?",
    "Which word has letter {l}?", "What does {l} say?", "Say the word at {l}.",
)  # fmt: skip
LETTER_OF = (
    "Which option is {w}?", "Which letter has {w}?", "Find {w}.", "Give the letter of {w}.", "Where is {w}?",
    "The answer is {w}. Which letter?", "{w} is which option?", "Letter of {w}?", "Choose {w}.",
)  # fmt: skip
IN_FULL = ("Answer in a sentence.", "In full.")

# Shares of the lookups after which the forms of a name join.
STATEMENTS_FROM, REVERSED_FROM, SPACED_FROM, INVENTED_FROM, CHATS_FROM = 0.02, 0.04, 0.13, 0.18, 0.36
BACKWARD, INVENTED = 0.5, 0.8  # shares of backward questions, and of lists of words that hold invented ones
KEY_LAST = 0.6  # share of forward questions to a statement that end with its key
LOOSE = 0.25  # share of chat questions that are the key among random small words
NOUNS = ("one", "thing", "name", "word", "place", "piece", "row")
BETWEEN = (" ,", " then", " is", " :", " and so", " .", " , which is", " =")  # said between the words of a list


def lookup_lesson(rng: Random, progress: float) -> dict:
    """Return a lesson (o1lib.training.lessons.form). `progress` in 0..1 is the share of lookups that are done."""
    if progress < STATEMENTS_FROM:
        return rng.choice((repeated_list, pairs))(rng)
    if progress < CHATS_FROM:
        return _raw_lesson(rng, progress)
    ease = (progress - CHATS_FROM) / (1 - CHATS_FROM)
    kind = rng.random()
    if kind < 0.35:
        makers = (reversed_list, spaced_list, pairs, statements, statements, statements, options, options)
        return rng.choice(makers)(rng, INVENTED, BACKWARD, noise=True)
    if kind < 0.5:
        return distant(rng, ease)
    return rng.choice((chat_about_statements, chat_about_statements, chat_about_options))(rng, ease)


def _raw_lesson(rng, progress):
    """Return a raw lesson of the time before chats."""
    lists, backward, short = {}, BACKWARD, 0.15
    if progress < REVERSED_FROM:
        backward = 0.0
    elif progress < SPACED_FROM:
        lists, short = {reversed_list: 0.6}, 0.9
    elif progress < INVENTED_FROM:
        lists, short = {reversed_list: 0.1, spaced_list: 0.5}, 0.3
    else:
        lists = {reversed_list: 0.1, spaced_list: 0.2}
    makers = (repeated_list, pairs, statements, statements, statements, options, options)
    rest = (1 - sum(lists.values())) / len(makers)
    maker = rng.choices([*lists, *makers], [*lists.values(), *[rest] * len(makers)])[0]
    return maker(rng, INVENTED if progress >= INVENTED_FROM else 0.0, backward, short=short)


def repeated_list(rng, invented=0.0, backward=0.0, noise=False, short=0.0) -> dict:
    """Return a list of words of which all but the first are learned when it is repeated."""
    first, *rest = distinct_words(rng, rng.randint(3, 10), invented)
    return raw([(f" {first} {' '.join(rest)} . {first}", False), (f" {' '.join(rest)}.", True)])


def reversed_list(rng, invented=0.0, backward=0.0, noise=False, short=0.0) -> dict:
    """Return a list of words that is said backward from any of its words; those before that word are learned."""
    words = distinct_words(rng, rng.randint(3, 9), invented)
    start = rng.randint(1, len(words) - 1)
    return raw([(f" {' '.join(words)} . back : {words[start]}", False), (f" {' '.join(words[:start][::-1])}.", True)])


def spaced_list(rng, invented=0.0, backward=0.0, noise=False, short=0.0) -> dict:
    """Return a list that is said on, or mostly backward, from any of its words, with the same words between any two."""
    words, between = distinct_words(rng, rng.randint(3, 9), invented), rng.choice(BETWEEN)
    if noise and rng.random() < 0.5:
        between = f" {small_words(rng, 1, 5)}"
    if rng.random() < 0.75:
        start, cue = rng.randint(1, len(words) - 1), rng.choice((" . back :", " . back"))
        said = words[:start][::-1]
    else:
        start, cue = rng.randint(0, len(words) - 2), rng.choice((" .", " next :"))
        said = words[start + 1 :]
    parts = [part for word in said for part in ((between, False), (f" {word}", True))]
    parts[0] = f" {' '.join(words)}{cue} {words[start]}{between}", False
    parts[-1] = f" {said[-1]}.", True
    return raw(parts)


def pairs(rng, invented=0.0, backward=0.0, noise=False, short=0.0) -> dict:
    """Return pairs of words that are asked for."""
    return statements(rng, invented, backward, noise, short, relation="")


def statements(rng, invented=0.0, backward=0.0, noise=False, short=0.0, relation=None) -> dict:
    """Return statements "x is y" that are completed from their key or from their end."""
    relation = f" {any_relation(rng, invented)}" if relation is None else relation
    found = _statements(rng, rng.randint(3, 6), invented)
    text = "".join(f" {x}{relation} {y}." for x, y in found)
    return _completed(
        rng,
        text,
        [_statement_asked(rng, *one, relation, backward, short) for one in _raw_questions(rng, found, invented)],
        noise,
    )


def options(rng, invented=0.0, backward=0.0, noise=False, short=0.0) -> dict:
    """Return options that are completed from their letter, or whose letter is asked for."""
    count = rng.randint(3, 6)
    found = list(zip(letters(rng, count), distinct_words(rng, count, invented), strict=True))
    asked = [
        (_letter_asked(rng, word, short), letter) if rng.random() < backward else (f" {letter} is", word)
        for letter, word in _raw_questions(rng, found, invented)
    ]
    return _completed(rng, "".join(f" {letter}. {word}" for letter, word in found), asked, noise)


def distant(rng, ease) -> dict:
    """Return statements that are completed after a gap of changing length, as a chat puts marks before an answer."""
    found, relation = _statements(rng, rng.randint(3, 3 + int(3 * min(1, 2 * ease))), INVENTED), any_relation(rng)
    parts, backward = [("".join(f" {x} {relation} {y}." for x, y in found), False)], rng.random() < 0.5
    for x, y in _half(rng, found):
        key, answer = (f"who {relation} {y}", x) if backward else (rng.choice((x, f"{x} {relation}")), y)
        gap = rng.choice(("", " ?", "?", " :")) + " ." * rng.randint(0, 1 + int(11 * min(1, 3 * ease)))
        parts += [(f"\n{key}{gap} =", False), (f" {answer}.", True)]
    return raw(parts)


def chat_about_statements(rng, ease) -> dict:
    """Return a chat that gives statements and asks for some of them, forward or backward."""
    found, relation = _statements(rng, rng.randint(2, 2 + int(4 * ease)), INVENTED), any_relation(rng)
    ending = rng.choice((". ", ". ", "; ", ", ", "\n"))
    text, turns = ending.join(f"{x} {relation} {y}" for x, y in found) + rng.choice((".", "")), []
    for x, y in _half(rng, found):
        wordings, answer = (BACKWARD_QUESTIONS, x) if rng.random() < 0.5 else (FORWARD_QUESTIONS, y)
        asked = _asked(rng, wordings, y if answer is x else x, x=x, y=y, v=relation)
        if rng.random() < 0.4 * (1 - ease):  # a whole sentence begins with the key: an easier fetch
            asked, answer = f"{asked} {rng.choice(IN_FULL)}", f"{x} {relation} {y}"
        turns.append((asked, answer))
    return _dialog(rng, text, turns)


def chat_about_options(rng, ease) -> dict:
    """Return a chat that gives options and asks for the letter or the text of some of them."""
    count = rng.randint(2, 2 + int(3 * ease))
    found = list(zip(letters(rng, count), distinct_words(rng, count, INVENTED), strict=True))
    style = rng.choice(("{l}. {w}", "{l}. {w}", "{l}. {w}", "{l} {w}", "({l}) {w}", "{l}: {w}"))
    text, turns = rng.choice((" ", " ", "\n")).join(style.format(l=letter, w=word) for letter, word in found), []
    for letter, word in _half(rng, found):
        wordings, answer = (LETTER_OF, letter) if rng.random() < 0.5 else (OPTION_OF, word)
        turns.append((_asked(rng, wordings, word if answer is letter else letter, l=letter, w=word), answer))
    return _dialog(rng, text, turns)


def _asked(rng, wordings, key, **names):
    """Return a question in one of the wordings, or the key alone among small words."""
    if rng.random() >= LOOSE:
        return rng.choice(wordings).format(**names)
    before, after = (small_words(rng, 1, 3) if rng.random() < 0.7 else "" for _ in range(2))
    return f"{before} {key} {after}".strip() + rng.choice(("?", "?", ".", ":", ""))


def _statements(rng, count, invented):
    words = distinct_words(rng, 2 * count, invented)
    return list(zip(words[::2], words[1::2], strict=True))


def _raw_questions(rng, found, invented):
    """Return up to half of the pairs, or all once invented words join: by then every question is looked up."""
    return rng.sample(found, len(found)) if invented else _half(rng, found)


def _half(rng, found):
    """Return up to half of the pairs, at least one, in random order."""
    return rng.sample(found, max(1, len(found) // 2))


def _letter_asked(rng, word, short):
    """Return the beginning that asks for the letter of a word, in a share `short` of cases with the word at its end."""
    if rng.random() < short:
        return rng.choice((f" back : {word}", f" the letter with {word}", f" letter of {word}"))
    return rng.choice((f" so the answer is {word}, which is", f" the letter with {word} is", f" letter of {word} is"))


def _statement_asked(rng, x, y, relation, backward, short):
    """Return (beginning, word) that asks for one statement, from its end in a share `backward` of cases."""
    if rng.random() >= backward:
        last = relation and rng.random() < KEY_LAST
        return (rng.choice((f" next : {x}", f" {x} :", f" say {x}")) if last else f" {x}{relation}"), y
    named = f" the {rng.choice(NOUNS)} " + (
        f"with {y}" if not relation or rng.random() < 0.5 else f"that{relation} {y}"
    )
    if rng.random() < short:
        return rng.choice((f" back : {y}", named)), x
    return f"{named} is", x


def _completed(rng, text, asked, noise):
    """Return the raw text with its (beginning, learned word) completions, sometimes with small words between."""
    parts = [(text, False)]
    for beginning, word in asked:
        between = f" {small_words(rng, 1, 3)}" if noise and rng.random() < 0.5 else ""
        parts += [(between + beginning, False), (f" {word}.", True)]
    return raw(parts)


def _dialog(rng, text, turns):
    """Return the chat whose first question follows the text."""
    turns = [(f"{small_words(rng, 1, 3)} {asked}" if rng.random() < 0.2 else asked, answer) for asked, answer in turns]
    (first, answer), *rest = turns
    return chat([(text + rng.choice((" ", "\n")) + first, answer), *rest])
