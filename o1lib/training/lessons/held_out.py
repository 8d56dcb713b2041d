"""What no lesson of the base contains: the words, letter sets, relations and phrasings of its gate.

The gate (o1lib.training.gate) asks with these alone, so that passing it means reading and not remembering. A test draws
lessons and checks that none of this occurs in them. The tokens of the words do occur in lessons: a token that was never
learned cannot be said, whatever was read.

    allowed({"A", "B", "C", "D"})       # True: this set of letters may be used in lessons
"""

WORDS = (  # noqa: SIM905
    "baka befa belo bene bifa bimi bofe bofi boto dadi dake dalo davi deko deni deno difi dira doma fabi fava favi "
    "feka fene fepo foma foro gide givo goki gote kavo kemi kibi kife kini kita koba laki lata lefo lege lero lete "
    "lopo loto mavo meba mefe meva moda neli nelo neto nibe nigo niko nila nipe pebi pifo pipa poke popa rena reti "
    "rofi roka roko tame tami tate tedo tepe teto tibi tino tone topi vabe vaga vako vapa varo vave vele vive voma "
    "vore vori"
).split()  # fmt: skip
LETTER_SETS = ("EGQT", "BFVY", "CJUW", "DINS", "FOQU", "GJTV", "ENWY", "BIQS")
RELATIONS = ("rhymes with", "borders", "hides", "replaces")
# {x} is the key of a statement, {v} its relation, {y} its end, {l} a letter, {w} the text of an option.
FROM_END = "the part that {v} {y} is"
OPTION_OF_LETTER = ("Please quote option {l}.", "Under {l} you read?", "Copy the words beside {l}.")
LETTER_OF_OPTION = (
    "Under which letter do you read {w}?",
    "{w} goes with which letter?",
    "Quote the letter beside {w}.",
)


def allowed(letters) -> bool:
    """Return whether lessons may use this set of letters together."""
    return not any(set(held) <= set(letters) for held in LETTER_SETS)
