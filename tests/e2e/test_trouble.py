"""What goes wrong half-way: Ctrl-C, throttling, credentials that end, one call refused, a cluster that is gone. Each says
what was done, what was not and what to do, and running it again finishes."""
import json
import os
import signal
import subprocess
import threading

from conftest import entryway_binary, make_role
from stand_in import Trouble, stand_in

ROLES = [f"r{n}" for n in range(6)]
EXPIRED = Trouble(403, "ExpiredTokenException", "The security token included in the request is expired")


def declared(up, cluster="demo"):
    path = up.home / "access.yaml"
    entries = "".join(f"      - {{principal: role/{role}, policies: [View]}}\n" for role in ROLES)
    path.write_text(f"clusters:\n  - name: {cluster}\n    access:\n{entries}")
    return path


def roles(up):
    for role in ROLES:
        make_role(up, role, describe=False)


def entries(up):
    return [arn for arn in up.aws("eks", "list-access-entries", "--cluster-name", "demo").ok().json["accessEntries"]
            if "/r" in arn]


def is_create(method, path):
    return method == "POST" and path.endswith("/access-entries")


def finishes(up, file):
    up.entryway("apply", file, "--yes").ok()
    up.entryway("plan", file).ok()
    assert len(entries(up)) == len(ROLES)


def interrupted(up, file, how):
    """Applies through a stand-in that holds the answer of the third entry's creation back until the signal is seen."""
    process, told = None, threading.Event()

    def after(method, path, status):
        if is_create(method, path) and it.count(method, "/access-entries") >= 3 and not told.is_set():
            process.send_signal(how)
            told.wait(30)

    with stand_in(up.api, after=after) as it:
        process = subprocess.Popen(
            [entryway_binary(), "apply", str(file), "--yes"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=up.env(AWS_ENDPOINT_URL=it.url))
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("interrupted"):
                told.set()
        process.stdout.read()
        return process.wait(timeout=60), "".join(lines)


def test_ctrl_c_finishes_what_is_under_way_and_says_what_is_left(up):
    roles(up)
    file = declared(up)
    for how in (signal.SIGINT, signal.SIGTERM):
        code, err = interrupted(up, file, how)
        assert code == 2, err
        assert "no other is begun" in err and "stopped, as you asked" in err, err
        there = entries(up)
        assert 0 < len(there) < len(ROLES), there
        # What it says is done is there, and what it says is not is not.
        for role in ROLES:
            not_done = f"not done on demo: create the entry of arn:aws:iam::111122223333:role/{role}" in err
            assert not_done == (not any(arn.endswith("/" + role) for arn in there)), (role, err)
        assert "make a new plan and apply it: it goes on from here" in err
        for arn in there:
            up.aws("eks", "delete-access-entry", "--cluster-name", "demo", "--principal-arn", arn).ok()
    interrupted(up, file, signal.SIGINT)
    finishes(up, file)


def test_a_second_ctrl_c_ends_it_at_once(up):
    roles(up)
    file, hold = declared(up), threading.Event()
    with stand_in(up.api, after=lambda method, path, _: is_create(method, path) and hold.wait(60)) as it:
        process = subprocess.Popen(
            [entryway_binary(), "apply", str(file), "--yes"], text=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=up.env(AWS_ENDPOINT_URL=it.url))
        seen = ""
        for line in process.stderr:
            seen += line
            if "create" in line or line.startswith("interrupted"):
                process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130, seen
        hold.set()
    assert "may have been carried out or not" in seen
    finishes(up, file)


def test_throttling_is_waited_out(up):
    roles(up)
    file, turn = declared(up), {}

    def meddle(method, path):
        # Each call is refused twice, in both forms that AWS has for it.
        turn[method, path] = turn.get((method, path), 0) + 1
        if turn[method, path] <= 2:
            status = 429 if turn[method, path] == 1 else 400
            return Trouble(status, "ThrottlingException", "Rate exceeded")
        return None

    few = up.home / "few.yaml"
    few.write_text("clusters: [{name: demo, access: [{principal: role/r0, policies: [View]}]}]\n")
    with stand_in(up.api, lambda method, path: meddle(method, path) if "/clusters/" in path else None) as it:
        env = up.env(AWS_ENDPOINT_URL=it.url, ENTRYWAY_ENTRIES_ONE_BY_ONE="1")
        up.entryway("apply", few, "--yes", env=env).ok()
        assert it.count("POST", "/access-entries") >= 3
    up.entryway("plan", few).ok()
    # One that never gives in is told of, with what to do.
    with stand_in(up.api, lambda method, path: Trouble(429, "ThrottlingException", "Rate exceeded")
                  if is_create(method, path) else None) as it:
        env = up.env(AWS_ENDPOINT_URL=it.url, AWS_MAX_ATTEMPTS="2")
        up.entryway("apply", file, "--yes", env=env).fails(
            2, "CreateAccessEntry: Rate exceeded (ThrottlingException)", "wait and run it again", "AWS_MAX_ATTEMPTS", "not done on demo")
        assert it.count("POST", "/access-entries") == 2
    finishes(up, file)


def test_own_calls_are_throttled_like_any(up):
    roles(up)
    file, refused = declared(up), []

    def meddle(method, path):
        if path.startswith("/entryway/") and path not in refused:
            refused.append(path)
            return Trouble(429, "ThrottlingException", "Rate exceeded")
        return None

    with stand_in(up.api, meddle) as it:
        up.entryway("plan", file, env=up.env(AWS_ENDPOINT_URL=it.url)).fails(1, "Plan: 6 to create")
    assert "/entryway/v1/clusters/demo/access-entries" in refused, refused


def test_credentials_that_end_half_way(up):
    roles(up)
    file = declared(up)
    with stand_in(up.api, lambda method, path: EXPIRED if is_create(method, path) and it.count(method, "/access-entries") > 2
                  else None) as it:
        told = up.entryway("apply", file, "--yes", env=up.env(AWS_ENDPOINT_URL=it.url))
        told.fails(2, "could not create", "is expired (ExpiredTokenException)", "get new ones", "not done on demo", "make a new plan")
    assert 0 < len(entries(up)) < len(ROLES)
    # While reading: nothing is planned, and why.
    with stand_in(up.api, lambda method, path: EXPIRED if "/access-entries" in path else None) as it:
        up.entryway("plan", file, env=up.env(AWS_ENDPOINT_URL=it.url)).fails(2, "Cluster demo could not be planned", "ExpiredTokenException", "get new ones")
    finishes(up, file)


def test_one_change_that_is_refused(up):
    """IAM lets the caller do all but one call: the rest of that cluster is left, and said."""
    roles(up)
    file, applier = declared(up), make_role(up, "applier", describe=False)
    up.aws("iam", "put-role-policy", "--role-name", "applier", "--policy-name", "p", "--policy-document", json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["eks:*", "entryway:*", "iam:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "eks:AssociateAccessPolicy", "Resource": "*",
             "Condition": {"StringEquals": {"eks:principalArn": "arn:aws:iam::111122223333:role/r3"}}}]})).ok()
    session = up.aws("sts", "assume-role", "--role-arn", applier, "--role-session-name", "ci").ok().json["Credentials"]
    env = up.env(AWS_ACCESS_KEY_ID=session["AccessKeyId"], AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
                 AWS_SESSION_TOKEN=session["SessionToken"])
    up.entryway("apply", file, "--yes", env=env).fails(
        2, "could not associate", "is not authorized to perform: eks:AssociateAccessPolicy on resource", "role/r3",
        "have an IAM policy allow this action", "make a new plan")
    finishes(up, file)


def test_a_cluster_that_is_deleted_between_plan_and_apply(up):
    roles(up)
    up.aws("eks", "create-cluster", "--name", "gone", "--role-arn", "arn:aws:iam::111122223333:role/cluster",
           "--resources-vpc-config", "subnetIds=subnet-1,subnet-2", "--access-config", "authenticationMode=API").ok()
    file, saved = declared(up, "gone"), up.home / "plan.json"
    up.entryway("plan", file, "--out", saved).fails(1, "Plan: 6 to create")
    # Half-way through its changes.
    with stand_in(up.api, lambda method, path: Trouble(404, "ResourceNotFoundException", "No cluster found for name: gone.")
                  if is_create(method, path) else None) as it:
        up.entryway("apply", file, "--yes", env=up.env(AWS_ENDPOINT_URL=it.url)).fails(
            2, "No cluster found for name: gone.", "was deleted in between", "not done on gone")
    up.aws("eks", "delete-cluster", "--name", "gone").ok()
    up.entryway("apply", saved, "--yes").fails(2, "there is no cluster `gone`", "demo", "nothing was done")
    up.entryway("apply", file, "--yes").fails(2, "there is no cluster `gone`")
    assert os.path.exists(saved)
