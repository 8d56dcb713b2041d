"""Twelve things as silhouettes a few pixels wide, told apart by outline alone.

An icon is a tuple of marks in a square from -1 to 1, y down: (kind, points, tone). Kinds: "poly" and "line" take
corners, "oval" takes its box. Tone "own" is the thing's colour.

Example:
    >>> from o1lib.minivqa.canvas import Canvas
    >>> icon(Canvas("white"), "fish", 20, 20, 9, "red")
"""
_CAR_WHEELS = (("oval", ((-.8, .25), (-.2, .85)), "ink"), ("oval", ((.2, .25), (.8, .85)), "ink"))
ICONS = {
    "fish": (("poly", ((.2, 0), (1, -.8), (1, .8)), "own"), ("oval", ((-1, -.65), (.5, .65)), "own"),
             ("oval", ((-.7, -.3), (-.5, -.1)), "ink")),
    "bird": (("poly", ((-.5, .0), (-1.1, -.5), (-1.1, .3)), "own"), ("oval", ((-.8, -.3), (.5, .6)), "own"),
             ("oval", ((.05, -.95), (.75, -.2)), "own"), ("poly", ((.7, -.8), (1.15, -.55), (.7, -.4)), "ink"),
             ("line", ((-.2, .6), (-.2, 1)), "ink"), ("line", ((.1, .6), (.1, 1)), "ink")),
    "cat": (("poly", ((-.8, .1), (-.8, -1), (-.05, -.4)), "own"), ("poly", ((.8, .1), (.8, -1), (.05, -.4)), "own"),
            ("oval", ((-.85, -.5), (.85, .9)), "own"), ("oval", ((-.45, -.1), (-.2, .15)), "ink"),
            ("oval", ((.2, -.1), (.45, .15)), "ink"), ("line", ((-.25, .5), (.25, .5)), "ink")),
    "tree": (("poly", ((-.2, .2), (.2, .2), (.2, 1), (-.2, 1)), "ink"), ("oval", ((-.8, -1), (.8, .45)), "own")),
    "flower": (("line", ((0, .2), (0, 1)), "ink"), ("oval", ((-.35, -1), (.35, -.3)), "own"),
               ("oval", ((-.85, -.6), (-.1, .05)), "own"), ("oval", ((.1, -.6), (.85, .05)), "own"),
               ("oval", ((-.35, -.25), (.35, .45)), "own"), ("oval", ((-.3, -.55), (.3, .0)), "white")),
    "cactus": (("poly", ((-.25, 1), (-.25, .45), (-.9, .45), (-.9, -.45), (-.55, -.45), (-.55, .1), (-.25, .1), (-.25, -1),
                         (.25, -1), (.25, -.15), (.55, -.15), (.55, -.7), (.9, -.7), (.9, .2), (.25, .2), (.25, 1)), "own"),),
    "car": (("poly", ((-.6, -.1), (-.35, -.7), (.35, -.7), (.6, -.1)), "white"),
            ("poly", ((-1, -.15), (1, -.15), (1, .5), (-1, .5)), "own"), *_CAR_WHEELS),
    "boat": (("line", ((0, -1), (0, .4)), "ink"), ("poly", ((.1, -1), (.1, .15), (.9, .15)), "white"),
             ("poly", ((-1, .35), (1, .35), (.55, .95), (-.55, .95)), "own")),
    "plane": (("poly", ((-1, .35), (-1, .1), (0, -.45), (1, .1), (1, .35), (0, .1)), "own"),
              ("poly", ((-.5, 1), (-.5, .8), (0, .5), (.5, .8), (.5, 1)), "own"), ("oval", ((-.22, -1), (.22, .95)), "own")),
    "cup": (("oval", ((.1, -.4), (1, .45)), "own"), ("oval", ((.3, -.15), (.75, .2)), "white"),
            ("poly", ((-.75, -.7), (.45, -.7), (.3, .8), (-.6, .8)), "own")),
    "key": (("poly", ((-.1, -.15), (1, -.15), (1, .6), (.75, .6), (.75, .15), (.5, .15), (.5, .45), (.3, .45), (.3, .15),
                      (-.1, .15)), "own"), ("oval", ((-1.05, -.55), (.05, .55)), "own"), ("oval", ((-.75, -.25), (-.25, .25)), "white")),
    "lamp": (("poly", ((-.12, .0), (.12, .0), (.12, .9), (-.12, .9)), "ink"), ("poly", ((-.55, .8), (.55, .8), (.55, 1), (-.55, 1)), "ink"),
             ("poly", ((-.4, -1), (.4, -1), (.9, .15), (-.9, .15)), "own")),
}
THINGS = tuple(ICONS)


def icon(canvas, thing, x, y, radius, colour):
    """Paint one of THINGS in a square of 2 * radius pixels centred on (x, y)."""
    for kind, points, tone in ICONS[thing]:
        pixels = [(x + radius * across, y + radius * down) for across, down in points]
        fill = colour if tone == "own" else tone
        if kind == "line":
            canvas.line(pixels, fill)
        elif kind == "oval":
            canvas.oval(*pixels[0], *pixels[1], fill)
        else:
            canvas.polygon(pixels, fill)
