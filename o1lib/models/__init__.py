"""Models: built from a scale's preset, saved and loaded as a checkpoint, or served at an address.

model, processor = load("results/checkpoints/mini-structured")      # o1lib.models.checkpoint
endpoint = Endpoint("http://127.0.0.1:8000/v1", "qwen2.5-vl", log="replies.jsonl")      # o1lib.models.endpoint
"""
