"""Datasets of questions about pictures: sources, the format on disk, benchmarks, annotation by a teacher.

splits = load_splits("minivqa", n_train=400, n_validation=60, n_test=32)       # o1lib.data.sources
items = read_items(write_items(splits.train, "work/data/train"))                # o1lib.data.dataset
"""
