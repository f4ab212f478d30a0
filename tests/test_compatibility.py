"""The page of compatibility tells what was tried, and only that."""
import pytest

import compatibility


@pytest.fixture
def record(monkeypatch):
    monkeypatch.setattr(compatibility, "TRIED", set())
    return lambda *lines: compatibility.TRIED.update(lines)


def rows():
    return [line for line in compatibility.page().splitlines() if line.startswith("| ")][2:]


def test_versions_that_did_the_same_share_a_line(record):
    record(("kubectl", "1.9.1", "get", "works"), ("kubectl", "1.10.0", "get", "works"), ("kubectl", "1.10.0", "apply", "works"))
    assert rows() == ["| kubectl | 1.10.0 | apply | works |", "| kubectl | 1.9.1, 1.10.0 | get | works |"]


def test_clients_are_in_the_order_of_their_names(record):
    record(("b", "1", "x", "works"), ("C", "1", "x", "works, but slowly"), ("A", "1", "x", "works"))
    assert [row.split(" | ")[0] for row in rows()] == ["| A", "| b", "| C"]


def test_every_file_that_records_is_known():
    names = {path.name for path in compatibility.recorders()}
    assert {"test_kubectl.py", "test_helm.py", "test_libraries.py", "test_aws_cli.py", "test_manifests.py", "test_scenarios.py", "test_eks_api.py"} <= names


def test_a_page_that_says_something_else_fails_the_run(pytester):
    pytester.makepyfile(compatibility=open(compatibility.__file__).read().replace(
        "ROOT = Path(__file__).resolve().parent.parent", "ROOT = Path(__file__).resolve().parent"))
    pytester.makeconftest('pytest_plugins = ["compatibility"]')
    (pytester.mkdir("tests") / "test_one.py").write_text('def test_one(tried):\n    tried("kubectl", "1.0", "get")\n')
    pytester.mkdir("docs")
    run = ["-q", "-p", "no:cacheprovider", "--rootdir", str(pytester.path), "tests"]
    missing = pytester.runpytest_subprocess(*run)
    assert missing.ret == 1
    missing.stdout.fnmatch_lines(["*is not what the tests have seen*", "+ | kubectl | 1.0 | get | works |"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTRYWAY_WRITE_COMPATIBILITY", "1")
        assert pytester.runpytest_subprocess(*run).ret == 0
    assert pytester.runpytest_subprocess(*run).ret == 0
    page = pytester.path / "docs" / "compatibility.md"
    page.write_text(page.read_text().replace("1.0", "1.1"))
    assert pytester.runpytest_subprocess(*run).ret == 1
