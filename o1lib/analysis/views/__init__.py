"""Show predictions with pictures, searches and a teacher's annotations as HTML.

HTML(show_tree(result, gold="3"))     # o1lib.analysis.views.search_tree
"""
