"""Twelve things as silhouettes a few pixels wide that differ by their outlines alone.

An icon is a tuple of marks (kind, points, tone) in a square from -1 to 1, y down. The points of "poly" and "line" are
corners, those of "oval" its bounding box. Tone "own" is the color of the thing.

Example:
    >>> from o1lib.minivqa.canvas import Canvas
    >>> icon(Canvas("white"), "fish", 20, 20, 9, "red")
"""

_CAR_WHEELS = (("oval", ((-0.8, 0.25), (-0.2, 0.85)), "ink"), ("oval", ((0.2, 0.25), (0.8, 0.85)), "ink"))
ICONS = {
    "fish": (
        ("poly", ((0.2, 0), (1, -0.8), (1, 0.8)), "own"),
        ("oval", ((-1, -0.65), (0.5, 0.65)), "own"),
        ("oval", ((-0.7, -0.3), (-0.5, -0.1)), "ink"),
    ),
    "bird": (
        ("poly", ((-0.5, 0.0), (-1.1, -0.5), (-1.1, 0.3)), "own"),
        ("oval", ((-0.8, -0.3), (0.5, 0.6)), "own"),
        ("oval", ((0.05, -0.95), (0.75, -0.2)), "own"),
        ("poly", ((0.7, -0.8), (1.15, -0.55), (0.7, -0.4)), "ink"),
        ("line", ((-0.2, 0.6), (-0.2, 1)), "ink"),
        ("line", ((0.1, 0.6), (0.1, 1)), "ink"),
    ),
    "cat": (
        ("poly", ((-0.8, 0.1), (-0.8, -1), (-0.05, -0.4)), "own"),
        ("poly", ((0.8, 0.1), (0.8, -1), (0.05, -0.4)), "own"),
        ("oval", ((-0.85, -0.5), (0.85, 0.9)), "own"),
        ("oval", ((-0.45, -0.1), (-0.2, 0.15)), "ink"),
        ("oval", ((0.2, -0.1), (0.45, 0.15)), "ink"),
        ("line", ((-0.25, 0.5), (0.25, 0.5)), "ink"),
    ),
    "tree": (
        ("poly", ((-0.2, 0.2), (0.2, 0.2), (0.2, 1), (-0.2, 1)), "ink"),
        ("oval", ((-0.8, -1), (0.8, 0.45)), "own"),
    ),
    "flower": (
        ("line", ((0, 0.2), (0, 1)), "ink"),
        ("oval", ((-0.35, -1), (0.35, -0.3)), "own"),
        ("oval", ((-0.85, -0.6), (-0.1, 0.05)), "own"),
        ("oval", ((0.1, -0.6), (0.85, 0.05)), "own"),
        ("oval", ((-0.35, -0.25), (0.35, 0.45)), "own"),
        ("oval", ((-0.3, -0.55), (0.3, 0.0)), "white"),
    ),
    "cactus": (
        (
            "poly",
            (
                (-0.25, 1),
                (-0.25, 0.45),
                (-0.9, 0.45),
                (-0.9, -0.45),
                (-0.55, -0.45),
                (-0.55, 0.1),
                (-0.25, 0.1),
                (-0.25, -1),
                (0.25, -1),
                (0.25, -0.15),
                (0.55, -0.15),
                (0.55, -0.7),
                (0.9, -0.7),
                (0.9, 0.2),
                (0.25, 0.2),
                (0.25, 1),
            ),
            "own",
        ),
    ),
    "car": (
        ("poly", ((-0.6, -0.1), (-0.35, -0.7), (0.35, -0.7), (0.6, -0.1)), "white"),
        ("poly", ((-1, -0.15), (1, -0.15), (1, 0.5), (-1, 0.5)), "own"),
        *_CAR_WHEELS,
    ),
    "boat": (
        ("line", ((0, -1), (0, 0.4)), "ink"),
        ("poly", ((0.1, -1), (0.1, 0.15), (0.9, 0.15)), "white"),
        ("poly", ((-1, 0.35), (1, 0.35), (0.55, 0.95), (-0.55, 0.95)), "own"),
    ),
    "plane": (
        ("poly", ((-1, 0.35), (-1, 0.1), (0, -0.45), (1, 0.1), (1, 0.35), (0, 0.1)), "own"),
        ("poly", ((-0.5, 1), (-0.5, 0.8), (0, 0.5), (0.5, 0.8), (0.5, 1)), "own"),
        ("oval", ((-0.22, -1), (0.22, 0.95)), "own"),
    ),
    "cup": (
        ("oval", ((0.1, -0.4), (1, 0.45)), "own"),
        ("oval", ((0.3, -0.15), (0.75, 0.2)), "white"),
        ("poly", ((-0.75, -0.7), (0.45, -0.7), (0.3, 0.8), (-0.6, 0.8)), "own"),
    ),
    "key": (
        (
            "poly",
            (
                (-0.1, -0.15),
                (1, -0.15),
                (1, 0.6),
                (0.75, 0.6),
                (0.75, 0.15),
                (0.5, 0.15),
                (0.5, 0.45),
                (0.3, 0.45),
                (0.3, 0.15),
                (-0.1, 0.15),
            ),
            "own",
        ),
        ("oval", ((-1.05, -0.55), (0.05, 0.55)), "own"),
        ("oval", ((-0.75, -0.25), (-0.25, 0.25)), "white"),
    ),
    "lamp": (
        ("poly", ((-0.12, 0.0), (0.12, 0.0), (0.12, 0.9), (-0.12, 0.9)), "ink"),
        ("poly", ((-0.55, 0.8), (0.55, 0.8), (0.55, 1), (-0.55, 1)), "ink"),
        ("poly", ((-0.4, -1), (0.4, -1), (0.9, 0.15), (-0.9, 0.15)), "own"),
    ),
}
THINGS = tuple(ICONS)


def icon(canvas, thing, x, y, radius, colour):
    """Paint one of THINGS in a square of 2 * radius pixels centered on (x, y)."""
    for kind, points, tone in ICONS[thing]:
        pixels = [(x + radius * across, y + radius * down) for across, down in points]
        fill = colour if tone == "own" else tone
        if kind == "line":
            canvas.line(pixels, fill)
        elif kind == "oval":
            canvas.oval(*pixels[0], *pixels[1], fill)
        else:
            canvas.polygon(pixels, fill)
