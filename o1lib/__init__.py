"""o1lib: which ingredient of step-by-step vision-language models does the work?

A small library behind the notebooks of this study of LLaVA-o1 (later LLaVA-CoT, arXiv:2411.10440) and LlamaV-o1
(arXiv:2501.06186): staged answers, fine-tuning arms, searches over stages, and what each is worth and costs.
Nothing is imported here, so that `import o1lib` is free; take what you need from its modules:

    from o1lib.formats.stages import parse
    parse("<SUMMARY> Count. </SUMMARY> <CONCLUSION> 3 </CONCLUSION>").stages["conclusion"]     # "3"

A module imports only modules named before it: stages, records, minivqa, answers, steps, stats, data, curriculum,
model, train, decode, judge, search, plots, study, cli.
"""

__version__ = "0.1.0"
