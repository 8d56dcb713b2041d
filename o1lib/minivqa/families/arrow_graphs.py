"""Arrows between neighboring places of a grid of two rows and three columns: all graphs, and paths through one.

graph = connected_graphs(5)[0]             # {place: the places that it points to}
follow(graph, 0)                           # the places on the path from 0
"""

from functools import cache
from itertools import combinations, product

BESIDE = ((0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5))  # pairs of neighboring places


@cache
def connected_graphs(size):
    """Return every connected {place: places pointed to}, different for any two parts.

    At most one part has two arrows out, so that for every number of arrows all answers of a template occur.
    """
    found = []
    for used in combinations(range(6), size):
        pairs = [pair for pair in BESIDE if set(pair) <= set(used)]
        for turns in product((None, 1, -1), repeat=len(pairs)):
            links = [pair[::turn] for pair, turn in zip(pairs, turns, strict=True) if turn]
            outs = {place: tuple(sorted(b for a, b in links if a == place)) for place in used}
            arrows = sorted(map(len, outs.values()))
            if len(set(outs.values())) == size and arrows[-2] < 2 and arrows[-1] < 3 and _connected(used, links):
                found.append(outs)
    return tuple(found)


def _connected(used, links):
    met = [used[0]]
    for place in met:
        met.extend(dict.fromkeys(b for pair in links for a, b in (pair, pair[::-1]) if a == place and b not in met))
    return len(met) == len(used)


def follow(outs, start):
    """Return the parts on the path from `start`, as long as each has one arrow out and none repeats."""
    way = [start]
    while len(found := outs[way[-1]]) == 1 and found[0] not in way:
        way.append(found[0])
    return way


def paths(outs, way, goal):
    """Return every path from the last part of `way` to `goal` without repeated parts."""
    if way[-1] == goal:
        return [way]
    return [found for letter in outs[way[-1]] if letter not in way for found in paths(outs, [*way, letter], goal)]
