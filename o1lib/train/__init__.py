"""Training: phases of chat examples through TRL's SFTTrainer, at every scale.

log = fit(model, processor, [phase_1, phase_2], "work/run", learning_rate=1e-3, batch=48, seed=0)

python -m o1lib.train --scale paper --dry-run       # what it would take, from the model's config alone
python -m o1lib.train --scale gpu --data data       # one arm; several processes where the scale needs them
"""

from .fit import fit, spans, supervised
from .kept import last_complete
from .order import Grouped, Lazy
from .recipes import RECIPES, Lora, Recipe

__all__ = ["RECIPES", "Grouped", "Lazy", "Lora", "Recipe", "fit", "last_complete", "spans", "supervised"]
