"""Lessons of the base: what it is asked, and what it should answer, drawn from one example at a time."""
