"""The released procedure: candidates are generated one by one, and each encodes the picture and the text before again.

It is the reference for the batched decoder's results and the baseline of its speed: the library's own `generate` at
batch 1, one call per stage and candidate, one comparison per call, no cache kept between calls (LLaVA-o1's
`simple_inference.py`). It uses the same random keys, so it draws the same tokens in float32. It can also search with
models whose cache cannot be forked.

    decoder = make_decoder("one_at_a_time", model, processor, seed=0)       # or "batched": Decoder
    [[candidate]] = decoder.propose([GenerationRequest(task, None, task.stages)])
"""

import time
import warnings
from dataclasses import replace

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from o1lib.inference.candidate import CandidateDecoding, nucleus_sample
from o1lib.inference.chat import ChatTokenizer, ends_of
from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import RowState
from o1lib.inference.model_runner import CannotFork, context_of
from o1lib.inference.plain import grown, plain_logits
from o1lib.inference.prefill import too_long
from o1lib.models.presets import plain_generation
from o1lib.records import UserError, choose
from o1lib.search.segments import StageSpec
from o1lib.search.types import Candidate, Conversation, GenerationRequest, Usage


class SequentialDecoder:
    """Generates candidates and replies, and weighs options, as `Decoder` does, but one at a time.

    Arguments and attributes are those of `Decoder`. `why` says why it replaces the batched engine, "" if it was asked
    for. There is no token beam search. Raises UserError for a prompt longer than the model's context.
    """

    engine = "one_at_a_time"

    def __init__(self, model, processor, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, why="", **ignored):
        self.chat, self.model = ChatTokenizer(processor, ends_of(model)), model.eval()
        self.seed, self.temperature, self.top_p = seed, temperature, top_p
        self.max_new_tokens, self.context = max_new_tokens, context_of(model)
        self.has_output, self.why = False, why
        self._prompts = {}  # the processor's tensors by question: only the model's work is repeated

    @property
    def short(self) -> bool:
        """Whether the model is asked to judge in the short form of the prompts."""
        return self.chat.short

    def propose(self, requests: list[GenerationRequest]) -> list[list[Candidate]]:
        """Return the candidates of each request, drawn one after another."""
        return [[self._candidate(request, k) for k in range(request.n)] for request in requests]

    def reply(
        self, conversations: list[Conversation], keys: list[str], greedy: bool = False, most: int | None = None,
        stages: int = 1,
    ) -> list[Candidate]:  # fmt: skip
        """Return one reply to each conversation, drawn under its key or `greedy`; the cost counts as judging.

        `stages` and `most` bound it as in `Decoder`.
        """
        found, spec = [], StageSpec("judge", length_factor=stages)
        for conversation, key in zip(conversations, keys):
            inputs, task = self._inputs(conversation), conversation.task
            keyed = replace(task, qid=f"{task.qid}/{key}")
            request = GenerationRequest(keyed, None, (spec,), greedy=greedy)
            row = CandidateDecoding(self, request, 0, RowState(tuple(inputs["input_ids"][0].tolist())), room=most)
            self._decode(row, inputs)
            cost = Usage(0, inputs["input_ids"].shape[1] + row.generated, 0, int(conversation.picture), 1, row.seconds)
            found.append(replace(row.candidate(), cost=cost))
        return found

    def likelihoods(
        self, conversations: list[Conversation], options: list[list[str]]
    ) -> list[tuple[list[float], Usage]]:
        """Return each option's summed log-probability as the next words of its conversation, and the cost."""
        return [self._weigh(one, [self.chat.ids(text) for text in own]) for one, own in zip(conversations, options)]

    def forget(self, qids=None) -> None:
        """Drop the processor's tensors of these questions (None: of all)."""
        for qid in list(self._prompts) if qids is None else qids:
            self._prompts.pop(qid, None)

    def _candidate(self, request, k):
        if request.beams > 1:
            remedy = f"choose another method ({self.why})" if self.why else "use engine='batched' for token_beam"
            raise UserError(f"engine 'one_at_a_time' has no beams over tokens: {remedy}")
        prompt, state = self._prompt(request.task), request.state
        state = state or RowState(tuple(prompt["input_ids"][0].tolist()))
        if len(state.ids) >= self.context:
            raise too_long(request.task, len(state.ids), self.context)
        room = max(1, (request.budget - len(state.ids)) // request.n) if request.budget else None
        row = CandidateDecoding(self, request, request.first + k, state, room=room)
        while row.at is not None:
            row.ids, row.extra = row.ids + row.extra, []
            row.prefilled, row.images = row.prefilled + len(row.ids), row.images + 1
            self._decode(row, grown(self.model, prompt, row.ids))
        row.state = RowState(tuple(row.ids))
        return row.candidate()

    def _prompt(self, task):
        if task.qid not in self._prompts:
            self._prompts[task.qid] = self.chat.inputs([task]).to(self.model.device)
        return self._prompts[task.qid]

    @torch.inference_mode()
    def _decode(self, row, inputs):
        """Let the library generate until the candidate's stage (or turn) ends."""
        start, drawn = time.perf_counter(), _Drawn(row)
        most = row.limit * len(row.request.stages)
        with plain_generation(self.model):
            self.model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=most,
                pad_token_id=self.chat.tokenizer.pad_token_id or 0,
                logits_processor=LogitsProcessorList([drawn]),
                stopping_criteria=StoppingCriteriaList([_Ended(drawn)]),
            )
        row.seconds += time.perf_counter() - start

    def _inputs(self, conversation):
        text = self.chat.render(conversation.users, conversation.replies, conversation.picture)
        text += self.chat.unmarked(conversation.prefix)
        if conversation.picture:
            return self.chat.batch([conversation.task.image], [text]).to(self.model.device)
        return self.chat.tokenizer([text], add_special_tokens=False, return_tensors="pt").to(self.model.device)

    @torch.inference_mode()
    def _weigh(self, conversation, options):
        """Return the options' log-probabilities and the cost; options of one token share one forward pass."""
        start, inputs, scores, read = time.perf_counter(), self._inputs(conversation), {}, 0
        passes, prompt = 0, inputs["input_ids"][0].tolist()
        for option in sorted(options, key=len, reverse=True):
            before = tuple(option[:-1])
            if before not in scores:
                read_alone = plain_logits(self.model, inputs, [*prompt, *before], len(option))
                scores[before] = read_alone.float().log_softmax(-1)
                passes, read = passes + 1, read + len(prompt) + len(before)
        found = [
            sum(float(rows[-len(option) + k, token]) for k, token in enumerate(option))
            for option in options
            for rows in [scores[tuple(option[:-1])]]
        ]
        return found, Usage(0, read, 0, passes * conversation.picture, passes, time.perf_counter() - start)


class _Drawn(LogitsProcessor):
    """Draws the candidate's next token under its own key, and masks all other tokens."""

    def __init__(self, row):
        self.row, self.left = row, False

    def __call__(self, input_ids, scores):
        """Return scores that are minus infinity for all tokens except the drawn one."""
        row, decoder = self.row, self.row.decoder
        greedy, nucleus = [row.request.greedy], (decoder.temperature, decoder.top_p)
        [token], [logprob] = nucleus_sample(scores, [row.uniform()], greedy, *nucleus)
        self.left = row.push(token, logprob)
        scores.fill_(float("-inf"))[0, token] = 0.0
        return scores


class _Ended(StoppingCriteria):
    """Stops the library when the candidate's stage, or turn, has ended."""

    def __init__(self, drawn):
        self.drawn = drawn

    def __call__(self, input_ids, scores, **kwargs):
        """Return whether to stop, a tensor of one element."""
        return torch.tensor([self.drawn.left], device=input_ids.device)


ENGINES = {kind.engine: kind for kind in (Decoder, SequentialDecoder)}


def make_decoder(engine: str, model, processor, **settings):
    """Return a decoder by the name of its engine, with `Decoder`'s settings.

    A model that the batched engine would not run as its own forward pass does gets the other engine. A warning says
    why, and so does the decoder's `why`. Raises UserError for an unknown name, and for a model that cannot read a
    question about a picture.
    """
    kind = choose(engine, ENGINES, "engine")
    try:
        return kind(model, processor, **settings)
    except CannotFork as error:
        why = f"{error.reason}; its candidates are drawn one at a time instead, which is slower"
    warnings.warn(why, stacklevel=2)
    return SequentialDecoder(model, processor, **settings, why=why)


def placed(decoder) -> dict[str, str]:
    """Return {"device", "dtype"} for a record: where a decoder's model is, and in which dtype it multiplies.

    A decoder without a model has "endpoint" and "".
    """
    model = getattr(getattr(decoder, "runner", decoder), "model", None)
    if model is None:
        return {"device": "endpoint", "dtype": ""}
    dtype = getattr(decoder, "dtype", None) or model.dtype
    return {"device": model.device.type, "dtype": str(dtype).removeprefix("torch.")}


def engines_that_ran(decoder, judge_decoder=None) -> dict[str, dict[str, str]]:
    """Return {"engine": {"name", "why"}} for a record, with the same for "judge_engine" if another model judges.

    `why` says why the engine replaces the one that was asked for, "" if it does not.
    """
    made = {"engine": decoder, "judge_engine": judge_decoder}
    return {role: {"name": one.engine, "why": one.why} for role, one in made.items() if one}
