#!/usr/bin/env python3
"""Plots the output of `swin plan --compare --measure --json`, cost over pixels, as an SVG.

    swin plan --compare --measure --json configs/vit_small_224.json configs/swin_tiny_224.json > cost.json
    python3 scripts/plot_compare.py cost.json docs/vit_against_swin.svg

Linear cost is a straight line, quadratic cost a parabola.
"""
import argparse
import html
import json
import pathlib

COLORS = ["#c2410c", "#1d4ed8", "#15803d", "#7e22ce"]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 420, 320, 62, 44, 16, 46


def ticks(largest, wanted=5):
    """Round numbers from 0 to at least `largest`."""
    step = 1e-9
    while largest / step > wanted:
        for factor in (2, 2.5, 2):
            step *= factor
            if largest / step <= wanted:
                break
    return [i * step for i in range(int(largest / step) + 2)]


def panel(title, unit, megapixels, series, left):
    """One pair of axes. `series` holds (name, values) with one value per size."""
    x_ticks = ticks(max(megapixels))
    y_ticks = ticks(max(max(values) for _, values in series))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_at(value):
        return left + LEFT + width * value / x_ticks[-1]

    def y_at(value):
        return TOP + height * (1 - value / y_ticks[-1])

    parts = [f'<text x="{left + LEFT}" y="24" class="title">{html.escape(title)}</text>']
    for value in y_ticks:
        parts.append(f'<line x1="{left + LEFT}" x2="{left + LEFT + width}" y1="{y_at(value):.1f}" '
                     f'y2="{y_at(value):.1f}" class="grid"/>')
        parts.append(f'<text x="{left + LEFT - 6}" y="{y_at(value) + 4:.1f}" '
                     f'text-anchor="end">{value:g}</text>')
    for value in x_ticks:
        parts.append(f'<text x="{x_at(value):.1f}" y="{TOP + height + 18}" '
                     f'text-anchor="middle">{value:g}</text>')
    parts.append(f'<text x="{left + LEFT + width / 2}" y="{HEIGHT - 8}" '
                 f'text-anchor="middle">megapixels of the image</text>')
    parts.append(f'<text x="{left + LEFT}" y="38" class="unit">{html.escape(unit)}</text>')
    for index, (name, values) in enumerate(series):
        color = COLORS[index % len(COLORS)]
        points = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in zip(megapixels, values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" '
                     f'stroke-width="2"/>')
        parts += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3.5" fill="{color}"/>'
                  for x, y in zip(megapixels, values)]
        label = TOP + 14 + 17 * index
        parts.append(f'<rect x="{left + LEFT + 10}" y="{label - 9}" width="14" height="4" '
                     f'fill="{color}"/>')
        parts.append(f'<text x="{left + LEFT + 30}" y="{label - 3}">{html.escape(name)}</text>')
    return parts


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cost", type=pathlib.Path)
    parser.add_argument("svg", type=pathlib.Path)
    arguments = parser.parse_args()
    cost = json.loads(arguments.cost.read_text())
    megapixels = [row["image_size"] ** 2 / 1e6 for row in cost["sizes"]]

    def series(key, factor):
        return [(name, [row["models"][i][key] * factor for row in cost["sizes"]])
                for i, name in enumerate(cost["models"])]

    panels = [("Counted", "multiply-adds of a forward, 10⁹", series("macs", 1e-9))]
    if cost["sizes"][0]["models"][0]["seconds"] is not None:
        panels.append(("Measured", f"seconds of a forward, {cost['cpu']}, "
                       f"{cost['threads']} thread{'s' if cost['threads'] > 1 else ''}",
                       series("seconds", 1)))
    body = []
    for i, (title, unit, lines) in enumerate(panels):
        body += panel(title, unit, megapixels, lines, i * WIDTH)
    total = WIDTH * len(panels)
    arguments.svg.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{HEIGHT}" '
        f'viewBox="0 0 {total} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">\n'
        "<style>.title{font-size:15px;font-weight:bold}.unit{fill:#666}"
        ".grid{stroke:#ddd}</style>\n"
        f'<rect width="{total}" height="{HEIGHT}" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n")


if __name__ == "__main__":
    main()
