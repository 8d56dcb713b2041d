"""The site: pages and an explorer, made from published records.

build_site("site")      # what `make site` does; o1lib.site.build
"""
