"""The released procedure: one candidate after another, picture and everything before it encoded again every time.

The oracle that the batched decoder is tested against, and the baseline of its speed: the library's own `generate` at
batch 1, one call a stage and candidate, one match a call, no past kept between calls (LLaVA-o1's
`simple_inference.py`). It draws under the same keys, hence the same tokens in float32. Models whose past cannot be
forked can be searched with it.

    decoder = make("one_at_a_time", model, processor, seed=0)           # or "batched": decode.Decoder
    [[candidate]] = decoder.propose([Propose(task, None, task.stages)])
"""

import time
from dataclasses import replace

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from o1lib.inference.candidate import CandidateDecoding, nucleus_sample
from o1lib.inference.chat import ChatTokenizer, ends_of
from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import RowState
from o1lib.records import UserError
from o1lib.search.segments import StageSpec
from o1lib.search.types import Candidate, Conversation, GenerationRequest, Usage


class SequentialDecoder(ChatTokenizer):
    """Proposes, replies and weighs options as `Decoder` does, one at a time. Arguments are those of `Decoder`.

    It has no beams over tokens. Raises UserError for a prompt longer than the model's context.
    """

    def __init__(self, model, processor, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, **ignored):
        super().__init__(processor, ends_of(model))
        self.model, self.seed, self.temperature, self.top_p = model.eval(), seed, temperature, top_p
        self.max_new_tokens, self.context = max_new_tokens, model.config.get_text_config().max_position_embeddings
        self._prompts = {}  # the processor's tensors by question: only the model's work is done again

    def propose(self, requests: list[GenerationRequest]) -> list[list[Candidate]]:
        """Return the candidates of each request, drawn one after another."""
        return [[self._candidate(request, k) for k in range(request.n)] for request in requests]

    def reply(self, contexts: list[Conversation], keys: list[str]) -> list[Candidate]:
        """Return one sampled reply to each context, drawn under its key; the cost counts as judging."""
        found = []
        for context, key in zip(contexts, keys):
            inputs = self._inputs(context)
            asked = GenerationRequest(
                replace(context.task, qid=f"{context.task.qid}/{key}"), None, (StageSpec("judge"),)
            )
            row = CandidateDecoding(self, asked, 0, RowState(tuple(inputs["input_ids"][0].tolist())))
            self._decode(row, inputs)
            cost = Usage(0, inputs["input_ids"].shape[1] + row.generated, 0, int(context.picture), 1, row.seconds)
            found.append(replace(row.candidate(), cost=cost))
        return found

    def likelihoods(self, contexts: list[Conversation], options: list[list[str]]) -> list[tuple[list[float], Usage]]:
        """Return for each context every option's summed log-probability as its next words, and the cost as judging."""
        return [self._weigh(context, [self.ids(option) for option in own]) for context, own in zip(contexts, options)]

    def forget(self, qids=None) -> None:
        """Let go of the processor's tensors of these questions, or of all."""
        for qid in list(self._prompts) if qids is None else qids:
            self._prompts.pop(qid, None)

    def _candidate(self, request, k):
        if request.beams > 1:
            raise UserError("the one-at-a-time engine has no beams over tokens: use engine='batched' for token_beam")
        prompt, state = self._prompt(request.task), request.state
        state = state or RowState(tuple(prompt["input_ids"][0].tolist()))
        if len(state.ids) >= self.context:
            raise UserError(
                f"question {request.task.qid} takes {len(state.ids)} tokens but the model reads "
                f"{self.context}: shorten it, or leave the question out"
            )
        left = request.budget - len(state.ids) if request.budget else 0
        row = CandidateDecoding(
            self, request, request.first + k, state, room=max(1, left // request.n) if request.budget else None
        )
        while row.at is not None:
            row.ids, row.extra = row.ids + row.extra, []
            row.prefilled, row.images = row.prefilled + len(row.ids), row.images + 1
            self._decode(row, self._grown(prompt, row.ids))
        row.state = RowState(tuple(row.ids))
        return row.candidate()

    def _prompt(self, task):
        if task.qid not in self._prompts:
            self._prompts[task.qid] = self.inputs([task]).to(self.model.device)
        return self._prompts[task.qid]

    @torch.inference_mode()
    def _decode(self, row, inputs):
        """Let the library generate until the row's stage (or turn) ends."""
        start, drawn = time.perf_counter(), _Drawn(row)
        most = row.limit * len(row.request.stages)
        self.model.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=most,
            pad_token_id=self.tokenizer.pad_token_id or 0,
            logits_processor=LogitsProcessorList([drawn]),
            stopping_criteria=StoppingCriteriaList([_Ended(drawn)]),
        )
        row.seconds += time.perf_counter() - start

    def _grown(self, inputs, ids):
        """Return the processor's tensors for a question with `ids` in place of its prompt, which they begin with."""
        inputs, more = dict(inputs), len(ids) - inputs["input_ids"].shape[1]
        ids = torch.tensor([ids], device=self.model.device)
        if "cross_attention_mask" in inputs:
            cross = inputs["cross_attention_mask"]
            inputs["cross_attention_mask"] = torch.cat([cross, cross[:, -1:].expand(-1, more, -1, -1)], 1)
        if "mm_token_type_ids" in inputs:
            inputs["mm_token_type_ids"] = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, more))
        return inputs | {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def _inputs(self, context):
        text = self.chat(context.users, context.replies, context.picture) + context.prefix
        if context.picture:
            return self.batch([context.task.image], [text]).to(self.model.device)
        return self.tokenizer([text], add_special_tokens=False, return_tensors="pt").to(self.model.device)

    @torch.inference_mode()
    def _weigh(self, context, options):
        """Return the options' log-probabilities; options of one token are read off one pass."""
        start, inputs, scores, read = time.perf_counter(), self._inputs(context), {}, 0
        passes, prompt = 0, inputs["input_ids"][0].tolist()
        for option in sorted(options, key=len, reverse=True):
            before = tuple(option[:-1])
            if before not in scores:
                grown = self._grown(inputs, [*prompt, *before])
                scores[before] = self.model(**grown, logits_to_keep=len(option)).logits[0].float().log_softmax(-1)
                passes, read = passes + 1, read + len(prompt) + len(before)
        found = [
            sum(float(rows[-len(option) + k, token]) for k, token in enumerate(option))
            for option in options
            for rows in [scores[tuple(option[:-1])]]
        ]
        return found, Usage(0, read, 0, passes * context.picture, passes, time.perf_counter() - start)


class _Drawn(LogitsProcessor):
    """Draws the row's next token under its own key and leaves the library no other choice."""

    def __init__(self, row):
        self.row, self.left = row, False

    def __call__(self, input_ids, scores):
        """Return scores of which one is finite."""
        row, how = self.row, self.row.voice
        [token], [logprob] = nucleus_sample(scores, [row.uniform()], [row.request.greedy], how.temperature, how.top_p)
        self.left = row.push(token, logprob)
        scores.fill_(float("-inf"))[0, token] = 0.0
        return scores


class _Ended(StoppingCriteria):
    """Stops the library when the row's stage, or turn, has ended."""

    def __init__(self, drawn):
        self.drawn = drawn

    def __call__(self, input_ids, scores, **kwargs):
        """Return whether the one row is to stop."""
        return torch.tensor([self.drawn.left], device=input_ids.device)


ENGINES = {"batched": Decoder, "one_at_a_time": SequentialDecoder}


def make_decoder(engine: str, model, processor, **settings):
    """Return a decoder by the name of its engine, with `Decoder`'s settings. Raises UserError for an unknown name."""
    if engine not in ENGINES:
        raise UserError(f"unknown engine '{engine}': choose one of {', '.join(ENGINES)}")
    return ENGINES[engine](model, processor, **settings)
