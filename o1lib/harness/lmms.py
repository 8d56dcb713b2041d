"""Tell lmms-eval that this library brings the model `o1lib`, without importing lmms-eval or a model.

lmms-eval calls `manifest` through the entry point `lmms_eval.models` of this package (pyproject.toml):

    python -m lmms_eval --model o1lib --model_args checkpoint=results/checkpoints/mini-structured,n=4 --tasks mmstar
"""

MODEL = "o1lib.harness.lmms_model.StagedSearch"


def manifest():
    """Return lmms-eval's description of the model."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(model_id="o1lib", simple_class_path=MODEL)
