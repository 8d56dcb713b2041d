"""A YAML loader that refuses repeated keys, of which YAML itself silently keeps the last.

yaml.load("a: 1\\na: 2", StrictLoader)       # ConstructorError: 'a' is there twice
"""

import yaml


class StrictLoader(yaml.SafeLoader):
    """A safe YAML loader that refuses repeated keys."""

    def construct_mapping(self, node, deep=False):
        """Build a mapping. Raises yaml.constructor.ConstructorError for a repeated key."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
