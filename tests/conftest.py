"""A running `entryway up` and the real clients around it.

Every control plane has a data folder of its own and free ports, so tests can run beside each other. Nothing here knows
Entryway's inside: what a person types is what runs.
"""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["compatibility", "pytester"]  # the record of which clients were tried, and what tests that

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent  # the virtual environment's: aws, kubectl


def entryway_binary():
    named = os.environ.get("ENTRYWAY_BIN")
    if named:
        return named
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for profile in ("debug", "release"):
        if (target / profile / "entryway").exists():
            return str(target / profile / "entryway")
    raise FileNotFoundError(f"no entryway in {target}/debug or /release: run `cargo build` first, or set ENTRYWAY_BIN")


class Result:
    """What a command did: exit code and both streams."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.args = done.args

    @property
    def json(self):
        return json.loads(self.out)

    def ok(self):
        assert self.code == 0, f"{self.args}\nexit {self.code}\n{self.out}\n{self.err}"
        return self

    def fails(self, code, *texts):
        assert self.code == code, f"{self.args}\nexit {self.code}, not {code}\n{self.out}\n{self.err}"
        for text in texts:
            assert text in self.out + self.err, f"{self.args}\n{text!r} is not in\n{self.out}\n{self.err}"
        return self


class ControlPlane:
    """One `entryway up`."""

    def __init__(self, data, *flags, home=None):
        self.data, self.home = Path(data), Path(home or Path(data).parent / "home")
        self.home.mkdir(exist_ok=True, parents=True)
        self.flags = flags
        self.kubeconfig = self.home / "kubeconfig"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [entryway_binary(), "up", "-q", "--data", str(self.data), "--listen", "127.0.0.1:0", *self.flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.base_env())
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"entryway up did not start: {self.process.stderr.read()}")
        self.ready = json.loads(line)
        self.api = self.ready["api"]
        env = subprocess.run([entryway_binary(), "env", "--shell", "json", "--data", str(self.data)],
                             capture_output=True, text=True, env=self.base_env())
        assert env.returncode == 0, env.stderr
        self.exports = {k: v for k, v in json.loads(env.stdout).items() if v is not None}

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.process.stderr.close()
        return self.process.returncode

    def base_env(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KUBE"))}
        env["HOME"] = str(self.home)
        env["PATH"] = os.pathsep.join([str(Path(entryway_binary()).parent), str(BIN), env["PATH"]])
        env["AWS_PAGER"] = ""
        return env

    def env(self, **more):
        return {**self.base_env(), **self.exports, "KUBECONFIG": str(self.kubeconfig), **{k: v for k, v in more.items() if v is not None}}

    def run(self, *args, stdin=None, env=None, cwd=None, timeout=120):
        return Result(subprocess.run([str(a) for a in args], input=stdin, capture_output=True, text=True,
                                     env=env or self.env(), cwd=cwd, timeout=timeout))

    def aws(self, *args, **kw):
        return self.run(BIN / "aws", *args, **kw)

    def kubectl(self, *args, **kw):
        return self.run(BIN / "kubectl", *args, **kw)

    def entryway(self, *args, **kw):
        return self.run(entryway_binary(), *args, **kw)

    def client(self, service, **kw):
        import boto3
        return boto3.client(service, endpoint_url=self.api, region_name=self.exports["AWS_REGION"],
                            aws_access_key_id=self.exports["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=self.exports["AWS_SECRET_ACCESS_KEY"], **kw)


TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}]})
DESCRIBE = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}]})


def make_role(up, name, describe=True):
    """A role that the account may assume, and that may describe clusters. Returns its ARN."""
    arn = up.aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", TRUST).ok().json["Role"]["Arn"]
    if describe:
        up.aws("iam", "put-role-policy", "--role-name", name, "--policy-name", "describe", "--policy-document", DESCRIBE).ok()
    return arn


def kubeconfig_for(up, role_arn, cluster="demo"):
    """A kubeconfig for the role, written by the AWS CLI, as the environment that kubectl then needs."""
    path = up.home / ("kubeconfig-" + role_arn.rsplit("/", 1)[1])
    up.aws("eks", "update-kubeconfig", "--name", cluster, "--role-arn", role_arn, "--kubeconfig", path).ok()
    return up.env(KUBECONFIG=str(path))


@pytest.fixture(scope="session")
def shared_up(tmp_path_factory):
    """One control plane for tests that only add things of their own."""
    plane = ControlPlane(tmp_path_factory.mktemp("up") / "data")
    yield plane
    plane.stop()


@pytest.fixture
def up(tmp_path):
    """A control plane of the test's own."""
    plane = ControlPlane(tmp_path / "data")
    yield plane
    plane.stop()
