"""Runs every command of the README and of docs/, in order, against a running `entryway up`.

A block of kind `console` holds commands after `$ ` (continued lines after `> `) and what they print; `…` in the print
stands for anything, a line of `…` alone for any lines. A block of kind `sh` holds commands alone, which must succeed.
Commands of one page share one shell. What can't be run inside a test is replaced by what it stands for (REPLACED).
"""
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, ControlPlane

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# Command in the page: what the test runs in its place.
REPLACED = {
    "cargo run --release -- up": "true # the control plane that this test has started already",
    "cargo install --path crates/cli": "true # the binary under test is on the PATH",
    "cargo build": "true",
    'export PATH="$PWD/target/release:$PATH"': "true # the binary under test is on the PATH",
    "./test": "true # this very run",
}


def stand_in(command):
    """What is run in a command's place: itself, for most. A benchmark takes minutes: only that it exists is checked."""
    command = command.strip()
    if not command.startswith("cargo bench "):
        return REPLACED.get(command, command)
    words = shlex.split(command)
    package, bench = words[words.index("-p") + 1], words[words.index("--bench") + 1]
    listed = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1", "--locked"], cwd=ROOT,
                            capture_output=True, text=True, check=True)
    benches = {(p["name"], t["name"]) for p in json.loads(listed.stdout)["packages"] for t in p["targets"]
               if "bench" in t["kind"]}
    return "true" if (package, bench) in benches else f"echo there is no benchmark {bench} in {package}; false"


def blocks(page):
    for m in re.finditer(r"^```(console|sh)\n(.*?)^```$", page.read_text(), re.S | re.M):
        yield m.group(1), m.group(2)


def commands(page):
    """Commands in order: (text, expected print or None)."""
    for kind, text in blocks(page):
        if kind == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                if line.strip() and not line.startswith("#"):
                    yield line, None
            continue
        command, printed = None, []
        for line in text.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, printed
                command, printed = line[2:], []
            elif line.startswith("> ") and not printed:
                command += "\n" + line[2:]  # as typed at the shell's second prompt
            else:
                printed.append(line)
        if command is not None:
            yield command, printed


def pattern(printed):
    def words(line):
        return r"\s+".join(re.escape(w).replace("…", ".*?") for w in line.split())
    lines = [line for line in printed if line.strip()]
    return r"\s*".join(r"[\s\S]*?" if line.strip() == "…" else words(line) + r"[ \t]*(?:\n|$)" for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_page(page, tmp_path):
    todo = list(commands(page))
    if not todo:
        pytest.skip("no commands in this page")
    plane = ControlPlane(tmp_path / "home" / ".local" / "share" / "entryway", home=tmp_path / "home")
    try:
        # Pages beyond the README take its profile as given.
        script = "set -o pipefail\nexport AWS_PAGER=\n"
        if page.name != "README.md":
            script += "entryway env --write-profile entryway --yes >/dev/null 2>&1; export AWS_PROFILE=entryway\n"
        for i, (command, _) in enumerate(todo):
            run = stand_in(command)
            script += f"{{ {run}\n}} 2>&1 </dev/null\necho; echo __END_{i}_$?__\n"
        env = {k: v for k, v in plane.base_env().items() if not k.startswith("AWS_")}
        env["XDG_DATA_HOME"] = str(tmp_path / "home" / ".local" / "share")
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=170)
        rest, failures = done.stdout, []
        for i, (command, printed) in enumerate(todo):
            got, code, rest = re.split(rf"\n__END_{i}_(\d+)__\n", rest, maxsplit=1)
            if printed is None and code != "0":
                failures.append(f"$ {command}\nexit {code}\n{got}")
            if printed and not re.fullmatch(r"\s*" + pattern(printed) + r"\s*", got):
                failures.append(f"$ {command}\n--- the page says\n" + "\n".join(printed) + f"\n--- it printed\n{got}")
        assert not failures, "\n\n".join(failures)
    finally:
        plane.stop()
