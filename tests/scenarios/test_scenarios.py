"""Call sequences of other people's tools, replayed call by call.

Each YAML file here is the sequence of calls that a tool makes, written down by reading its source (`source` names it); the
tool itself is not run. A file holds:

    client, what            for docs/compatibility.md
    source                  repository, commit and files it was read from
    variables               names for `${…}` below; `${unique}`, `${account}` and `${region}` are there
    steps                   in order

A step is one of

    call: SERVICE:Operation   a call through boto3, with the members of `with`
    kubernetes: VERB PATH     a request to the cluster `cluster` as the administrator, with the JSON of `with`

and says what comes of it:

    expect                  members the answer must have (a list whole, an object by the members that are named)
    absent                  paths the answer must not have
    refused                 code and part of the message of the refusal that must come
    until                   repeat until these members are there; `pending` names the only statuses that may come before
    until_refused           repeat until this refusal comes
    retry                   a refusal after which the tool asks again; `meanwhile` are steps that happen in between
    keep                    variables from paths of the answer
"""
import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import ClientError

HERE = Path(__file__).resolve().parent
FILES = sorted(HERE.glob("*.yaml"))
OF_FILE = {"client", "what", "source", "variables", "steps"}
OF_STEP = {"phase", "call", "kubernetes", "cluster", "with", "expect", "absent", "refused", "until", "pending", "until_refused", "retry", "meanwhile", "keep"}
ABSENT = object()


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message

    def fits(self, wanted):
        return self.code == wanted["code"] and wanted.get("message", "") in self.message


def at(value, path):
    """The member at a dotted path; numbers are places in lists."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return ABSENT
    return value


def has(value, wanted):
    """An object has the members that are named, anything else is equal; `~text` is a regular expression."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(name in value and has(value[name], member) for name, member in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(has, value, wanted))
    if isinstance(wanted, str) and wanted.startswith("~"):
        return isinstance(value, str) and re.fullmatch(wanted[1:], value) is not None
    return value == wanted


class Replay:
    def __init__(self, plane, variables):
        self.plane, self.clients = plane, {}
        self.variables = {"unique": uuid.uuid4().hex[:8], "account": "111122223333", "region": plane.exports["AWS_REGION"]}
        for name, value in (variables or {}).items():
            self.variables[name] = self.filled(value)

    def filled(self, value):
        if isinstance(value, dict):
            return {self.filled(name): self.filled(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.filled(member) for member in value]
        if isinstance(value, str):
            return re.sub(r"\$\{(\w+)\}", lambda m: self.variables[m[1]], value)
        return value

    def step(self, raw):
        assert set(raw) <= OF_STEP, f"unknown members {set(raw) - OF_STEP}"
        meanwhile, raw = raw.get("meanwhile", []), {name: member for name, member in raw.items() if name != "meanwhile"}
        step = self.filled(raw)
        answer = self.outcome(step, meanwhile)
        where = f"{step.get('phase', '')} {step.get('call') or step.get('kubernetes')}: {json.dumps(answer, default=str)}"
        assert has(answer, step.get("expect", {})), f"{where}\nlacks\n{json.dumps(step['expect'])}"
        for path in step.get("absent", []):
            assert at(answer, path) is ABSENT, f"{where}\nhas {path}"
        for name, path in step.get("keep", {}).items():
            assert at(answer, path) is not ABSENT, f"{where}\nlacks {path}"
            self.variables[name] = at(answer, path)

    def outcome(self, step, meanwhile):
        """The answer that a step ends with; empty when it had to be refused."""
        deadline, asked_again = time.monotonic() + 60, False
        while True:
            assert time.monotonic() < deadline, f"{step} did not come to its end within a minute"
            try:
                answer = self.ask(step)
            except Refused as refusal:
                wanted = step.get("refused") or step.get("until_refused")
                if wanted and refusal.fits(wanted):
                    return {}
                assert step.get("retry") and refusal.fits(step["retry"]), f"{step}\nwas refused with {refusal}"
                assert not asked_again, f"{step}\nis still refused with {refusal}"
                asked_again = True
                for inner in meanwhile:
                    self.step(inner)
                continue
            assert "refused" not in step, f"{step}\nwas not refused: {answer}"
            assert asked_again or not step.get("retry"), f"{step}\nwas not refused at first: {answer}"
            if "until_refused" not in step and has(answer, step.get("until", {})):
                return answer
            status = next((at(answer, path) for path in ("cluster.status", "update.status") if at(answer, path) is not ABSENT), None)
            assert status in step["pending"], f"{step}\nanswered with status {status}: {answer}"
            time.sleep(0.05)

    def ask(self, step):
        return self.aws(step) if "call" in step else self.kubernetes(step)

    def aws(self, step):
        service, operation = step["call"].split(":")
        if service not in self.clients:
            self.clients[service] = self.plane.client(service)
        client = self.clients[service]
        try:
            answer = getattr(client, xform_name(operation))(**step.get("with", {}))
        except ClientError as error:
            raise Refused(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
        answer.pop("ResponseMetadata")
        return answer

    def kubernetes(self, step):
        verb, path = step["kubernetes"].split(" ")
        cluster = self.plane.client("eks").describe_cluster(name=step["cluster"])["cluster"]
        token = self.plane.aws("eks", "get-token", "--cluster-name", step["cluster"]).ok().json["status"]["token"]
        trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificateAuthority"]["data"]).decode())
        body = json.dumps(step["with"]).encode() if "with" in step else None
        request = urllib.request.Request(cluster["endpoint"] + path, data=body, method=verb,
                                         headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        try:
            return json.load(urllib.request.urlopen(request, context=trust, timeout=30))
        except urllib.error.HTTPError as error:
            status = json.load(error)
            raise Refused(status["reason"], status["message"]) from error


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(shared_up, tried, file):
    scenario = yaml.safe_load(file.read_text())
    assert set(scenario) <= OF_FILE and {"repository", "commit", "files"} == set(scenario["source"])
    replay = Replay(shared_up, scenario.get("variables"))
    for step in scenario["steps"]:
        replay.step(step)
    tried(scenario["client"], f"commit {scenario['source']['commit'][:8]}", scenario["what"], "works; its calls are replayed, itself is not run")


def test_all_scenarios_are_here():
    assert len(FILES) == 8
