#!/usr/bin/env python3
"""Draws docs/images/walkthrough.svg from the README's own console blocks (which a test runs), so that it can't say anything else.

usage: docs/images/picture.py   (from the top of the repository)
"""
import html
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH, SIZE, LINE = 118, 14, 20
SHOWN = ["aws eks create-access-entry", "aws eks update-kubeconfig", "kubectl auth can-i delete", "entryway access grant", "entryway access revoke",
         "kubectl get secrets -n", "entryway explain"]


def lines():
    text = (ROOT / "README.md").read_text()
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.S | re.M):
        shown = False
        for line in block.splitlines():
            if line.startswith("$ "):
                shown = any(line[2:].startswith(s) for s in SHOWN)
            if shown and line.strip() != "…":
                yield line


def wrapped(line):
    while len(line) > WIDTH:
        yield line[:WIDTH]
        line = "    " + line[WIDTH:]
    yield line


def main():
    rows = [row for line in lines() for row in wrapped(line)]
    height = (len(rows) + 3) * LINE
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1020 {height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="{SIZE}">',
           f'<title>The walkthrough in a terminal</title><rect width="1020" height="{height}" rx="10" fill="#14181f"/>',
           *(f'<circle cx="{x}" cy="18" r="6" fill="{c}"/>' for x, c in ((22, "#ff5f56"), (42, "#ffbd2e"), (62, "#27c93f")))]
    for i, row in enumerate(rows):
        color = "#e6edf3" if row.startswith(("$ ", "> ")) else "#ff9a8d" if row.startswith("Error") else "#9fb3c8"
        out.append(f'<text x="18" y="{(i + 2) * LINE + 8}" fill="{color}" xml:space="preserve">{html.escape(row)}</text>')
    out.append("</svg>")
    (ROOT / "docs/images/walkthrough.svg").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
