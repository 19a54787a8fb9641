#!/usr/bin/env python3
"""Looks at pages of `swin report` and `swin explain` in headless Chromium, which must be installed:

    scripts/reference/check_report.py runs/x/report.html … [--screenshots DIR]

For each page, at 390 and 1280 pixels, light and dark: nothing is wider than the window, every text has
a contrast of at least 4.5 (WCAG 2.1) to what is behind it, every picture an alternative text, and no
script, link or address leads outside. Exit code 1 if anything does not hold.
"""
import argparse
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WIDTHS = (390, 1280)
LARGEST = 10_000_000
OUTSIDE = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "background"}

# Runs in a copy of the page, without its policy, and leaves what it measured in the document's title.
PROBE = """
const rgb = text => {
  const n = (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1];
};
const luminance = c => [0.2126, 0.7152, 0.0722].reduce((sum, w, k) => {
  const s = c[k] / 255;
  return sum + w * (s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4);
}, 0);
const over = (top, below) => [0, 1, 2].map(k => top[k] * top[3] + below[k] * (1 - top[3]));
const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};
const groundOf = element => {
  for (let e = element; e; e = e.parentElement) {
    const color = rgb(getComputedStyle(e).backgroundColor);
    if (color[3] > 0) return color;
  }
  return rgb(getComputedStyle(document.documentElement).backgroundColor);
};
// What a text of a chart lies on: the shapes under its middle, from the lowest to the highest.
const groundOfSvgText = text => {
  const svg = text.ownerSVGElement, box = text.getBoundingClientRect();
  let color = groundOf(svg);
  for (const shape of svg.querySelectorAll("rect")) {
    const r = shape.getBoundingClientRect();
    const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
    if (x < r.left || x > r.right || y < r.top || y > r.bottom) continue;
    const style = getComputedStyle(shape), fill = rgb(style.fill);
    if (style.fill === "none") continue;
    fill[3] *= Number(style.fillOpacity);
    color = [...over(fill, color), 1];
  }
  return color;
};
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(d => d.open = true);
  const found = {scroll: document.documentElement.scrollWidth, width: innerWidth, low: [], least: 99,
                 texts: 0, dark: matchMedia("(prefers-color-scheme: dark)").matches};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    const e = node.parentElement;
    if (!node.data.trim() || ["STYLE", "style", "title", "SCRIPT"].includes(e.tagName)) continue;
    const in_svg = e instanceof SVGElement;
    const style = getComputedStyle(e);
    const value = contrast(rgb(in_svg ? style.fill : style.color),
                           in_svg ? groundOfSvgText(e) : groundOf(e));
    found.least = Math.min(found.least, value);
    ++found.texts;
    if (value < 4.5 && found.low.length < 5) found.low.push([node.data.slice(0, 40), value]);
  }
  document.title = "MEASURED" + JSON.stringify(found);
});
"""


class Static(html.parser.HTMLParser):
    """What can be said of the page without a browser."""

    def __init__(self):
        super().__init__()
        self.problems = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
            self.problems.append(f"<{tag}> in the page")
        if tag == "img" and not values.get("alt"):
            self.problems.append("a picture without alternative text")
        if tag == "svg" and values.get("role") != "img":
            self.problems.append("a chart without role=img")
        for name, value in attributes:
            if name.startswith("on"):
                self.problems.append(f"{tag} has {name}")
            if name in OUTSIDE and not (value or "").startswith(("data:", "#")):
                self.problems.append(f'{tag} has {name}="{value}"')


def static_problems(text):
    parser = Static()
    parser.feed(text)
    problems = parser.problems
    if len(text.encode()) > LARGEST:
        problems.append(f"{len(text.encode())} bytes, expected at most {LARGEST}")
    without = re.sub(r"base64,[A-Za-z0-9+/=]*", "", text)
    for style in re.findall(r"<style>(.*?)</style>", without, re.S):
        if re.search(r"url\(|@import", style):
            problems.append("a style that loads something")
    return problems


def chromium(executable, page, width, dark, *more):
    with tempfile.TemporaryDirectory() as profile:
        command = [executable, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                   f"--user-data-dir={profile}", f"--window-size={width},1200",
                   "--virtual-time-budget=5000"]
        command.append(f"--blink-settings=preferredColorScheme={0 if dark else 1}")
        return subprocess.run(command + list(more) + [page.resolve().as_uri()],
                              capture_output=True, text=True, timeout=300).stdout


def measure(executable, text, width, dark, folder):
    """The page in a frame of this width: Chromium's own window is never narrower than 500 pixels."""
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    page = folder / "page.html"
    page.write_text(policy.sub("", text).replace("</body>", f"<script>{PROBE}</script></body>"))
    frame = folder / "frame.html"
    frame.write_text(
        f'<iframe id=f src="page.html" style="width:{width}px;height:1200px;border:0"></iframe>'
        '<script>onload = () => setTimeout(() => document.body.append('
        'document.getElementById("f").contentDocument.title), 500)</script>')
    dom = chromium(executable, frame, max(width + 40, 600), dark, "--allow-file-access-from-files",
                   "--dump-dom")
    found = re.search(r"MEASURED(\{.*\})", dom)
    if not found:
        raise SystemExit(f"found no measurement in what {executable} printed: {dom[-300:]}")
    return json.loads(html.unescape(found.group(1)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__,
                                        formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pages", nargs="+", type=pathlib.Path)
    arguments.add_argument("--chromium", default=shutil.which("chromium"))
    arguments.add_argument("--screenshots", type=pathlib.Path, help="folder for PNGs of the pages")
    options = arguments.parse_args()
    if not options.chromium:
        raise SystemExit("found no chromium, expected it in PATH; name one with --chromium")
    failed = False
    for page in options.pages:
        text = page.read_text()
        problems = static_problems(text)
        for width in WIDTHS:
            for dark in (False, True):
                name = f"{width} pixels, {'dark' if dark else 'light'}"
                with tempfile.TemporaryDirectory() as folder:
                    found = measure(options.chromium, text, width, dark, pathlib.Path(folder))
                if found["dark"] != dark or found["width"] != width:
                    problems.append(f"{name}: found {found['width']} pixels, dark={found['dark']}")
                if found["scroll"] > found["width"]:
                    problems.append(f"{name}: {found['scroll']} pixels wide")
                problems += [f"{name}: contrast {value:.2f} of “{part}”" for part, value in found["low"]]
                print(f"{page}, {name}: {found['texts']} texts, least contrast {found['least']:.2f}, "
                      f"{found['scroll']} pixels wide")
                if options.screenshots:
                    options.screenshots.mkdir(parents=True, exist_ok=True)
                    target = options.screenshots / f"{page.stem}_{width}_{'dark' if dark else 'light'}.png"
                    with tempfile.TemporaryDirectory() as folder:
                        frame = pathlib.Path(folder) / "frame.html"
                        frame.write_text(
                            '<body style="margin:0"><iframe src="'
                            f'{page.resolve().as_uri()}" style="width:{width}px;height:6000px;border:0">')
                        chromium(options.chromium, frame, max(width, 500), dark,
                                 f"--window-size={max(width, 500)},6000",
                                 "--allow-file-access-from-files", f"--screenshot={target.resolve()}")
        for problem in problems:
            failed = True
            print(f"{page}: {problem}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
