"""The small Mllama models of the scales smoke and mini: sizes, random weights, open gates.

Parts and token ids are laid out as in Llama-3.2-11B-Vision-Instruct, a few thousand times smaller. Cross-attention
gates start open. In the release they start at zero, and a model trained from scratch would never see the picture.

    model = small_mllama(SCALES["mini"], tokenizer, seed=0)         # SCALES: o1lib.models.presets
"""

WEIGHT_SPREAD = 0.07  # standard deviation of the random matrices of the vision tower and of cross-attention
HEAD_SPREAD = 0.02  # of the output head
POSITION_GAIN = 5.0  # of the vision tower's position embeddings over the library's


def small_mllama(sizes, tokenizer, seed: int):
    """Return a small Mllama with random weights, for the `sizes` of a ModelPreset; the seed fixes the weights."""
    import torch
    from transformers import MllamaForConditionalGeneration

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MllamaForConditionalGeneration(_config(sizes, tokenizer))
        _widen(model)
        _let_words_match(model)
    _open_gates(model)
    return model


def _config(sizes, tokenizer):
    from transformers import MllamaConfig
    from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

    picture = tokenizer.convert_tokens_to_ids(tokenizer.image_token)
    text = MllamaTextConfig(
        vocab_size=picture,
        hidden_size=sizes.text_width,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        intermediate_size=3 * sizes.text_width,
        cross_attention_layers=list(sizes.cross_attention),
        max_position_embeddings=sizes.context,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vision = MllamaVisionConfig(
        hidden_size=sizes.vision_width,
        num_hidden_layers=sizes.vision_layers[0],
        num_global_layers=sizes.vision_layers[1],
        attention_heads=sizes.heads,
        intermediate_size=3 * sizes.vision_width,
        image_size=sizes.image_size,
        patch_size=sizes.patch,
        max_num_tiles=1,
        supported_aspect_ratios=[[1, 1]],
        intermediate_layers_indices=list(sizes.vision_taps),
        vision_output_dim=sizes.vision_width * (1 + len(sizes.vision_taps)),
    )
    return MllamaConfig(vision_config=vision, text_config=text, image_token_index=picture)


def _open_gates(model):
    """Set every gate to 1. At the library's initial zero the picture has no effect, and gates move slowly."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name and parameter.numel() == 1 and "embedding" not in name:
                parameter.fill_(1.0)


def _widen(model):
    """Draw weights again with a spread that suits a hundred channels, and strengthen the positions in the picture.

    The library's spread of 0.02 suits thousands of channels. Here it leaves the picture two orders of magnitude weaker
    than the text, and after 7,000 captions the model still described pictures that it could not see (results/LOG.md).
    """
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2 and "embedding" not in name:
                parameter.normal_(0.0, WEIGHT_SPREAD)
            elif name.endswith("gated_positional_embedding.embedding"):
                parameter.mul_(POSITION_GAIN)


def _let_words_match(model):
    """Draw the text tower's weights so that a word stays recognizable in the layers that look for it.

    Embeddings have a spread of 1, matrices one over the root of their inputs, and those that write to the residual
    stream less by the root of their number, as in GPT-2 (section 2.3 of Radford et al., 2019). With small embeddings
    and wide matrices a word is soon far weaker than what is written over it, and lookups are not learned
    (results/LOG.md). The output head starts as the embeddings, scaled down: a word that attention copies is then the
    likeliest output.
    """
    import torch

    tower = model.model.language_model
    own = [layer for layer in tower.layers if hasattr(layer, "self_attn")]
    with torch.no_grad():
        tower.embed_tokens.weight.normal_(0.0, 1.0)
        for layer in own:
            for name, matrix in layer.named_parameters():
                if matrix.dim() == 2:
                    writes = name.endswith(("o_proj.weight", "down_proj.weight"))
                    matrix.normal_(0.0, (matrix.shape[1] * (2 * len(own) if writes else 1)) ** -0.5)
        model.lm_head.weight.copy_(HEAD_SPREAD * tower.embed_tokens.weight[: len(model.lm_head.weight)])
