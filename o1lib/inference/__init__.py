"""Decoding many candidates at once: prefill a prompt once, fork it, keep the winners' KV cache, continue.

decoder = Decoder(model, processor, seed=0, temperature=0.6)        # o1lib.inference.decoder
"""
