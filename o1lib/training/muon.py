"""Muon for a model's matrices and AdamW for its other weights, as one optimizer that a trainer can save and resume.

Muon moves a matrix along the orthogonalized momentum of its gradient (https://kellerjordan.github.io/posts/muon/;
`torch.optim.Muon`). Embeddings, position tables, the output head and vectors are not maps between features, so AdamW
keeps them.

    optimizer = MuonAdamW(model.named_parameters(), lr=3e-3)
    optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"]        # 0.003 for Muon, 0.001 for AdamW
"""

from collections.abc import Iterable

import torch

MOMENTUM = 0.95
BETAS = (0.9, 0.95)
ADAMW_SHARE = 1 / 3  # AdamW's learning rate over Muon's
_TABLES = ("embed", "lm_head", "position")  # words in the names of two-dimensional weights that AdamW keeps


class MuonAdamW(torch.optim.Optimizer):
    """Muon with learning rate `lr` on matrices, AdamW with a third of it on the rest; no weight decay.

    Weights are given as (name, parameter). `param_groups` are those of the two optimizers, so that a scheduler changes
    both. Muon's steps are scaled to the size of AdamW's (`adjust_lr_fn="match_rms_adamw"`, arXiv:2502.16982).
    """

    def __init__(self, named_parameters: Iterable[tuple[str, torch.nn.Parameter]], lr: float):
        trained = [(name, weight) for name, weight in named_parameters if weight.requires_grad]
        matrices = [weight for name, weight in trained if is_matrix(name, weight)]
        rest = [weight for name, weight in trained if not is_matrix(name, weight)]
        super().__init__([{"params": matrices}, {"params": rest}], {"lr": lr})
        self.parts = (
            torch.optim.Muon(matrices, lr=lr, momentum=MOMENTUM, weight_decay=0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=lr * ADAMW_SHARE, betas=BETAS, weight_decay=0),
        )
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure=None):
        """Take one step with both optimizers. A `closure` is not supported, as in `torch.optim.Muon`'s trainers."""
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True):
        """Clear the gradients of all weights."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self):
        """Return {"parts": the state dicts of Muon and AdamW}."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict):
        """Restore both optimizers."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def is_matrix(name: str, weight: torch.Tensor) -> bool:
    """Return whether Muon trains this weight: a matrix that is not an embedding, a position table or the output head."""
    return weight.dim() == 2 and not any(word in name for word in _TABLES)
