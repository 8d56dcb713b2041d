"""Processors of released models, for pictures and words alone.

The stock ones of Qwen2.5-VL and SmolVLM2 also want a video processor, and that wants torchvision, which nothing here
needs. What `load_processor` returns saves as the stock class does, and loads with or without torchvision.

    processor = load_processor("Qwen/Qwen2.5-VL-3B-Instruct", "qwen2_5_vl")
"""

from types import SimpleNamespace

WITH_VIDEO = {"qwen2_5_vl": "Qwen2_5_VLProcessor", "smolvlm": "SmolVLMProcessor"}


def load_processor(place, model_type: str, **options):
    """Return the processor kept at `place` (a folder or a hub's name) for a model of that type."""
    from transformers import AutoProcessor

    loader = still(WITH_VIDEO[model_type]) if model_type in WITH_VIDEO else AutoProcessor
    return loader.from_pretrained(place, **options)


def still(name: str) -> type:
    """Return transformers' processor class of that name without its part for videos."""
    import transformers

    stock = getattr(transformers, name)

    def get_attributes(cls):
        return ["image_processor", "tokenizer"]

    def from_args_and_dict(cls, args, known, **options):
        return stock.from_args_and_dict.__func__(cls, [*args, None], known, **options)

    no_video = SimpleNamespace(num_frames=0, fps=1)  # SmolVLM's chat template asks it for both
    return type(
        name,
        (stock,),
        {
            "get_attributes": classmethod(get_attributes),
            "video_processor": no_video,
            "from_args_and_dict": classmethod(from_args_and_dict),
        },
    )
