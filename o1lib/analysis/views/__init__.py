"""Pictures with answers, search trees and a teacher's work, as HTML.

HTML(show(tree, gold="3"))                                          # o1lib.analysis.views.search_tree
"""
