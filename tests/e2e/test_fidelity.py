"""What a real kube-apiserver answered, step by step, against the sandbox cluster of `entryway up`."""
import os
import re
import subprocess
import sys

import pytest

from conftest import BIN, ROOT

# Steps that can't be as on the real server, with the reason. Never more than five.
EXCEPTIONS = {}


@pytest.mark.timeout(1200)
def test_fidelity(up):
    # The recorded caller is an IAM *user* whom an access policy allows everything. Entryway's own command gives the
    # tokens: the AWS CLI takes a second for each, and a `kubectl wait --timeout=1s` would run out of time before it asks.
    up.entryway("update-kubeconfig", "--name", "demo").ok()
    run = subprocess.run([sys.executable, str(ROOT / "tests/fidelity/fidelity.py"), "check", str(ROOT / "tests/fidelity/cases.json")],
                         env={**up.env(), "KUBECTL": str(BIN / "kubectl")}, capture_output=True, text=True, timeout=1100)
    print(run.stdout, run.stderr)
    counted = re.search(r"(\d+) of (\d+) steps as on the real server", run.stdout)
    assert counted, run.stderr
    good, all_steps = map(int, counted.groups())
    assert all_steps >= 273
    assert all_steps - good <= len(EXCEPTIONS), run.stdout
