"""What is said to a model and what it should say back: the four stages, the chat formats of both papers, judge prompts.

from o1lib.formats.stages import parse
parse("<SUMMARY> Count. </SUMMARY> <CONCLUSION> 3 </CONCLUSION>").stages["conclusion"]     # "3"
"""
