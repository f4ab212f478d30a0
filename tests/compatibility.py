"""The record of which clients were tried: `docs/compatibility.md` is written from it, and held against it.

A test takes the fixture `tried` and calls it when all of it has worked, so a line of the page is a test that passed. A run
of every such test compares the page with what it has seen and fails on any difference; with ENTRYWAY_WRITE_COMPATIBILITY
set it writes the page instead. A run of some of them says nothing.
"""
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
TRIED = set()  # (client, version, what was tried, result)
RUN = {"recording": 0, "left out": False}

HEAD = """# Compatibility

Each line is a test that drove the unmodified client against a running `entryway up` and passed. The tests write this page
(`ENTRYWAY_WRITE_COMPATIBILITY=1 ./test clients`), and `./test` fails when it says anything else than what they have seen.

| client | version | what was tried | result |
| --- | --- | --- | --- |
"""

FOOT = """
Terraform, eksctl and ACK are not run: their calls, read from their sources, are replayed from the files in
[tests/scenarios](../tests/scenarios), each of which names what it was read from.

No registry of packages was found to carry the manifests of cert-manager, ingress-nginx, Argo CD or kube-prometheus, which
their projects publish on GitHub and in chart repositories. What you have downloaded (a folder of YAML, charts rendered with
`helm template`) is applied, read back, compared, applied again and diffed by `ENTRYWAY_MANIFESTS=FOLDER ./test clients -k own_folder`.

What no client finds here: pods that run (`logs` of one is empty and `exec`, `attach` and `port-forward` are refused, as of
any pod that no node has taken); admission webhooks and policies in force (they are stored); CEL rules of
CustomResourceDefinitions (`x-kubernetes-validations` are stored and not evaluated: Kubernetes checks their types and bounds
their cost, and no Rust library does either); the objects that an API server keeps about itself (FlowSchemas,
PriorityLevelConfigurations, APIServices, the endpoints of the Service `kubernetes`); the comparison that Kubernetes prints
below a refused change of a pod; node groups, add-ons and the other parts of EKS, whose operations are refused by name.
"""


@pytest.fixture
def tried():
    """Called with (client, version, what) when all of it has worked; `result` says what there is to say beyond that."""
    return lambda client, version, what, result="works": TRIED.add((client, version, what, result))


def by_number(version):
    """Versions in the order of their numbers: 1.9 before 1.10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", version)]


def page():
    """The page: one line for all versions of a client that the same was tried with."""
    lines = {}
    for client, version, what, result in TRIED:
        lines.setdefault((client, what, result), []).append(version)
    rows = [f"| {client} | {', '.join(sorted(versions, key=by_number))} | {what} | {result} |"
            for (client, what, result), versions in sorted(lines.items(), key=lambda line: (line[0][0].lower(), line[0]))]
    return HEAD + "\n".join(rows) + "\n" + FOOT


def pytest_deselected(items):
    RUN["left out"] = RUN["left out"] or any("tried" in item.fixturenames for item in items)


def pytest_collection_finish(session):
    RUN["recording"] = {Path(item.fspath) for item in session.items if "tried" in getattr(item, "fixturenames", ())}


def recorders():
    """All test files that record something."""
    return {path for path in (ROOT / "tests").rglob("test_*.py") if re.search(r"^def test_.*\btried\b", path.read_text(), re.M)}


def pytest_sessionfinish(session, exitstatus):
    named = any("::" in argument for argument in session.config.args)
    whole = RUN["recording"] == recorders() and not RUN["left out"] and not named
    if exitstatus != 0 or not whole:
        return
    if os.environ.get("ENTRYWAY_WRITE_COMPATIBILITY"):
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        RUN["differs"] = True


def pytest_terminal_summary(terminalreporter):
    if RUN.get("differs"):
        terminalreporter.section("docs/compatibility.md is not what the tests have seen", red=True)
        terminalreporter.write_line("Renew it: ENTRYWAY_WRITE_COMPATIBILITY=1 ./test clients")
        for sign, lines, others in (("-", PAGE.read_text() if PAGE.exists() else "", page()), ("+", page(), PAGE.read_text() if PAGE.exists() else "")):
            for line in lines.splitlines():
                if line not in others.splitlines():
                    terminalreporter.write_line(f"{sign} {line}")
