"""Questions with pictures, from anywhere to the released form and back: Mini-VQA, LLaVA-CoT-100k, benchmarks, a teacher.

splits = load("minivqa", "", n_train=400, n_validation=60, n_test=32)       # o1lib.data.sources
items = read(write(splits.train, "work/data/train"))                        # o1lib.data.dataset
"""
