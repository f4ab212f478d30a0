#!/usr/bin/env python3
"""Signs requests with botocore and writes them down: `generate.py > botocore.json`.

Keys and times are fixed, so the output changes only when botocore signs otherwise. Two kinds of cases:
`client` ones are whole calls of boto3's clients, caught on their way out; `signer` ones go to botocore's signer
with a URL of our own, for forms that the clients never make.
"""
import datetime
import json
import sys
from urllib.parse import urlsplit

import boto3
import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials

NOW = datetime.datetime(2015, 8, 30, 12, 36, 0)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGd+lo="
botocore.auth.get_current_datetime = lambda *_, **__: NOW
cases = []


def record(name, method, url, headers, body, token):
    parts = urlsplit(url)
    # What is not signed and differs from machine to machine stays out.
    headers = [(n, v) for n, v in headers if n.lower() != "user-agent" and not n.lower().startswith("amz-sdk-")]
    sent = [[n, v.decode() if isinstance(v, bytes) else str(v)] for n, v in headers]
    if not any(n.lower() == "host" for n, _ in sent):
        sent.insert(0, ["host", botocore.auth._host_from_url(url)])
    cases.append({
        "name": name, "method": method, "path": parts.path or "/", "query": parts.query, "headers": sent,
        "body": (body or b"").decode() if isinstance(body, (bytes, type(None))) else body, "session_token": token,
    })


def client(service, name, call, token=None, endpoint="http://127.0.0.1:4780"):
    made = boto3.client(service, region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id=KEY,
                        aws_secret_access_key=SECRET, aws_session_token=token)

    def catch(request, **_):
        record(f"client: {service} {name}", request.method, request.url, request.headers.items(), request.body, token)
        raise Caught

    made.meta.events.register("before-send", catch)
    try:
        call(made)
    except Caught:
        return
    raise SystemExit(f"{name} was not sent")


class Caught(Exception):
    pass


def signer(name, url, method="GET", headers=(), body=b"", token=None, service="service", presign=None, params=None):
    request = AWSRequest(method=method, url=url, data=body, params=params or {})
    for header, value in headers:
        request.headers.add_header(header, value)
    credentials = Credentials(KEY, SECRET, token)
    if presign is None:
        botocore.auth.SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    else:
        botocore.auth.SigV4QueryAuth(credentials, service, "us-east-1", expires=presign).add_auth(request)
    prepared_url = request.url
    if params:
        prepared_url = request.prepare().url
    record(f"signer: {name}", method, prepared_url, request.headers.items(), body, token)


ROLE = "arn:aws:iam::111122223333:role/team/x/Dev"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
client("eks", "ListAccessPolicies", lambda c: c.list_access_policies(maxResults=5, nextToken="a/b+c=="))
client("eks", "DescribeAccessEntry", lambda c: c.describe_access_entry(clusterName="demo", principalArn=ROLE))
client("eks", "DescribeAccessEntry https", lambda c: c.describe_access_entry(clusterName="demo", principalArn=ROLE),
       endpoint="https://entryway.example")
client("eks", "DisassociateAccessPolicy of a session",
       lambda c: c.disassociate_access_policy(clusterName="demo", principalArn=ROLE, policyArn=POLICY), token=TOKEN)
client("eks", "CreateAccessEntry", lambda c: c.create_access_entry(
    clusterName="demo", principalArn=ROLE, kubernetesGroups=["viewers", "größe"], tags={"a": "b c"},
    clientRequestToken="11111111-1111-1111-1111-111111111111"))
client("eks", "UntagResource", lambda c: c.untag_resource(
    resourceArn="arn:aws:eks:us-east-1:111122223333:cluster/demo", tagKeys=["z", "a b", "a/b", "ä"]))
client("sts", "GetCallerIdentity", lambda c: c.get_caller_identity())
client("sts", "AssumeRole", lambda c: c.assume_role(RoleArn=ROLE, RoleSessionName="jo@example.com", Policy="{}"), TOKEN)
client("iam", "CreateRole", lambda c: c.create_role(RoleName="Dev", Path="/team/x/", AssumeRolePolicyDocument="{ }"))

BASE = "https://example.amazonaws.com"
signer("get-vanilla", f"{BASE}/")
signer("post-vanilla", f"{BASE}/", "POST")
signer("get-utf8", f"{BASE}/%E1%88%B4")
signer("get-relative", f"{BASE}/example/..")
signer("get-relative-relative", f"{BASE}/example1/example2/../..")
signer("get-slash", f"{BASE}//")
signer("get-slash-dot-slash", f"{BASE}/./")
signer("get-slashes", f"{BASE}//example//")
signer("get-space", f"{BASE}/example%20space/")
signer("get-unreserved", f"{BASE}/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
signer("get-colon-plain", f"{BASE}/clusters/demo/access-entries/{ROLE}")
signer("get-colon-escaped", f"{BASE}/a/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam%2Fx%2FDev")
signer("get-lower-case-escape", f"{BASE}/a%3ab%2fc")
signer("get-vanilla-query-order-key-case", f"{BASE}/?Param2=value2&Param1=value1")
signer("get-vanilla-query-order-value", f"{BASE}/?Param1=value2&Param1=value1")
signer("get-vanilla-empty-query-key", f"{BASE}/?Param1=")
signer("get-vanilla-query-no-equals", f"{BASE}/?Param1&Param2")
signer("get-query-encoded", f"{BASE}/?a=x%20y%2Bz&b=%E1%88%B4&c=-._~")
signer("get-query-prefix-keys", f"{BASE}/?ab=1&a=2&a-b=3&a.b=4")
signer("get-query-params", f"{BASE}/", params={"k ey": "v/al=ue&", "a": "1"})
signer("get-header-key-duplicate", f"{BASE}/", headers=[("My-Header1", "value2"), ("My-Header1", "value2"),
                                                       ("My-Header1", "value1")])
signer("get-header-value-trim", f"{BASE}/", headers=[("My-Header1", "  value1"), ("My-Header2", ' "a   b   c"  ')])
signer("get-header-blanks", f"{BASE}/", headers=[("My-Header1", "a  b\t\tc"), ("x-amz-note", " n ")])
signer("post-header-key-case", f"{BASE}/", "POST", headers=[("My-Header1", "VALUE1")])
signer("post-x-www-form-urlencoded", f"{BASE}/", "POST", [("Content-Type", "application/x-www-form-urlencoded")],
       b"Param1=value1")
signer("post-sts-header", f"{BASE}/", "POST", token=TOKEN)
signer("get-port", "http://127.0.0.1:4780/x")
signer("get-default-port", "http://127.0.0.1:80/x")
signer("get-ipv6", "http://[::1]:4780/x")
signer("get-date-header", f"{BASE}/", headers=[("Date", "x")])
signer("get-body-hash", f"{BASE}/", headers=[("X-Amz-Content-SHA256", botocore.auth.EMPTY_SHA256_HASH)])
signer("presign", f"{BASE}/", presign=60)
signer("presign-sts", "http://127.0.0.1:4780/?Action=GetCallerIdentity&Version=2011-06-15", presign=60, service="sts",
       headers=[("x-k8s-aws-id", "demo")], token=TOKEN)
signer("presign-path", f"{BASE}/a/arn%3Aaws%2Fx?b=%2F&a=", presign=604800)

json.dump({"botocore": botocore.__version__, "now": "20150830T123600Z", "access_key_id": KEY, "secret": SECRET,
           "cases": cases}, sys.stdout, indent=1, ensure_ascii=False)
print()
