"""Models that are built by a rule, so that it is known what their answers follow.

replies = Built(drawn_items(60), "tags", looks=0.0)         # only copies its chain
replies = Chained(drawn_items(60), "tags", looks=1.0)       # writes whole chains, and ignores them
"""

import random
import re

from o1lib.formats.special_tags import from_special, to_special
from o1lib.formats.stages import render


class Built:
    """A model that is right by the picture in a share `looks` of its replies, and otherwise by its chain or caption.

    It knows nothing else: without what it goes by, its answer cannot be read. Captions say only what their question
    needs, so it reads a caption together with its question.
    """

    def __init__(self, drawn, format, looks, salt=0):
        items, partners = drawn
        self.known = {one.qid: one for one in (*items, *partners.values())}
        self.captions = {(one.question, one.stages["caption"]): one.answer for one in self.known.values()}
        self.format, self.looks, self.salt = format, looks, salt

    def __call__(self, requests):
        return [self.written(self.answer(request), request) for request in requests]

    def answer(self, request):
        if random.Random(f"{self.salt}/{self.looks}/{request}").random() < self.looks:
            return "" if request.gray or request.masked or not request.shown else self.known[request.shown].answer
        text = "\n".join((*request.users, *request.replies, from_special(request.prefix)))
        stated = re.findall(r"so the answer is ([^.,]+?)(?:, which is ([A-D]))?\.", text)
        if stated:
            return stated[-1][1] or stated[-1][0]
        told = [found for found in self.captions if all(part in text for part in found)]
        # the longest: a question without options is the start of the one with them, a caption may be part of another
        return self.captions[max(told, key=lambda found: tuple(map(len, found)))] if told else ""

    def written(self, answer, request):
        if self.format not in ("tags", "special_tags"):
            return answer
        prefix = from_special(request.prefix)
        text = f" {answer} </CONCLUSION>" if prefix.endswith("<CONCLUSION>") else render({"conclusion": answer})
        text = text if answer else ""
        return to_special(text) if self.format == "special_tags" else text


class Chained(Built):
    """A built model that answers a free question with a whole chain and the answer in it.

    With `wrong` the chain and the answer are those of another picture.
    """

    def __init__(self, drawn, format, looks, salt=0, wrong=False):
        super().__init__(drawn, format, looks, salt)
        self.own = {qid: one.stages for qid, one in self.known.items()}
        if wrong:
            pairs = [(item.qid, partner.qid) for item in drawn[0] if (partner := drawn[1].get(item.qid))]
            swapped = {qid: self.known[other].stages for a, b in pairs for qid, other in ((a, b), (b, a))}
            self.own |= swapped

    def __call__(self, requests):
        return [self.free(one) if self.is_free(one) else self.written(self.answer(one), one) for one in requests]

    @staticmethod
    def is_free(request):
        return not request.prefix and not request.replies and request.shown and not request.gray

    def free(self, request):
        return render(self.own[request.shown])
