"""Training: phases of chat examples through TRL's SFTTrainer, at every scale.

log = fit(model, processor, [phase_1, phase_2], "work/run", learning_rate=1e-3, batch=48, seed=0)

python -m o1lib.train --scale paper --dry-run       # memory, hours and loss mask, from the model's config alone
python -m o1lib.train --scale gpu --data data       # one arm, in as many processes as the scale needs
"""

from o1lib.training.batch_order import Grouped, Lazy
from o1lib.training.checkpoints import last_complete
from o1lib.training.collator import spans, supervised
from o1lib.training.fit import fit
from o1lib.training.recipes import RECIPES, Lora, Recipe

__all__ = ["RECIPES", "Grouped", "Lazy", "Lora", "Recipe", "fit", "last_complete", "spans", "supervised"]
