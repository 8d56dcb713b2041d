"""The texts that a model reads and writes: the four stages, the chat formats of both papers, the judge prompts.

from o1lib.formats.stages import parse
parse("<SUMMARY> Count. </SUMMARY> <CONCLUSION> 3 </CONCLUSION>").stages["conclusion"]     # "3"
"""
