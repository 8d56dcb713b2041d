"""Searches over an OpenAI-compatible endpoint: a decoder whose model is behind an address.

decoder = ServedDecoder(endpoint, seed=0)                               # o1lib.inference.served.decoder
[result] = run_searches([search(task, 4, seed=0)], decoder, judge)      # as with a model in this process
"""
