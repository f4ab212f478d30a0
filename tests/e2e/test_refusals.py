"""What must be refused, and how."""
import base64
import json
import time

from conftest import kubeconfig_for, make_role

UNAUTHORIZED = "You must be logged in to the server (Unauthorized)"
POLICY = "arn:aws:eks::aws:cluster-access-policy/"


def grant(up, role, policy, scope="type=cluster", cluster="demo"):
    up.aws("eks", "create-access-entry", "--cluster-name", cluster, "--principal-arn", role).ok()
    up.aws("eks", "associate-access-policy", "--cluster-name", cluster, "--principal-arn", role, "--policy-arn", POLICY + policy, "--access-scope", scope).ok()


def token(up, role, cluster="demo"):
    return up.aws("eks", "get-token", "--cluster-name", cluster, "--role-arn", role).ok().json["status"]["token"]


def with_token(up, bearer, *args, cluster="demo"):
    """kubectl with a bearer token, without any kubeconfig of the role."""
    import tempfile
    c = next(c for c in up.ready["clusters"] if c["name"] == cluster)
    ca = up.aws("eks", "describe-cluster", "--name", cluster).ok().json["cluster"]["certificateAuthority"]["data"]
    with tempfile.NamedTemporaryFile(suffix=".pem") as f:
        f.write(base64.b64decode(ca))
        f.flush()
        return up.kubectl(*args, "--server", c["endpoint"], "--certificate-authority", f.name, "--token", bearer, env=up.env(KUBECONFIG="/dev/null"))


def test_disassociating_takes_effect_on_the_next_request(up):
    role = make_role(up, "viewer")
    grant(up, role, "AmazonEKSViewPolicy")
    env = kubeconfig_for(up, role)
    for _ in range(3):
        up.kubectl("get", "pods", "-n", "default", env=env).ok()
        up.aws("eks", "disassociate-access-policy", "--cluster-name", "demo", "--principal-arn", role, "--policy-arn", POLICY + "AmazonEKSViewPolicy").ok()
        up.kubectl("get", "pods", "-n", "default", env=env).fails(1, "Forbidden")
        up.aws("eks", "associate-access-policy", "--cluster-name", "demo", "--principal-arn", role, "--policy-arn", POLICY + "AmazonEKSViewPolicy", "--access-scope", "type=cluster").ok()


def test_view_reads_and_does_not_write(up):
    role = make_role(up, "viewer")
    grant(up, role, "AmazonEKSViewPolicy")
    env = kubeconfig_for(up, role)
    up.kubectl("get", "configmaps", "-A", env=env).ok()
    up.kubectl("get", "secrets", "-A", env=env).fails(1, "Forbidden")
    up.kubectl("create", "configmap", "x", env=env).fails(1, "configmaps is forbidden", 'cannot create resource "configmaps"')


def test_mode_config_map_refuses_the_api(up):
    up.aws("eks", "create-cluster", "--name", "old", "--role-arn", "arn:aws:iam::111122223333:role/cluster",
           "--resources-vpc-config", "subnetIds=subnet-1,subnet-2").ok()
    role = make_role(up, "dev")
    up.aws("eks", "create-access-entry", "--cluster-name", "old", "--principal-arn", role).fails(
        255, "InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
    up.aws("eks", "update-cluster-config", "--name", "old", "--access-config", "authenticationMode=API").fails(
        255, "InvalidParameterException", "Unsupported authentication mode update from CONFIG_MAP to API")


def test_aws_auth_works_and_an_entry_overrides_it(up):
    lines = make_role(up, "lines")
    grant(up, make_role(up, "boss"), "AmazonEKSClusterAdminPolicy")
    boss = kubeconfig_for(up, "arn:aws:iam::111122223333:role/boss")
    up.kubectl("create", "clusterrolebinding", "readers", "--clusterrole=view", "--group=readers", env=boss).ok()
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
              "data": {"mapRoles": f"- rolearn: {lines}\n  username: line:{{{{SessionName}}}}\n  groups: [readers]\n"}}
    up.kubectl("apply", "-f", "-", stdin=json.dumps(config), env=boss).ok()
    env = kubeconfig_for(up, lines)
    assert up.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", env=env).ok().out == "line:EKSGetTokenAuth"
    up.kubectl("get", "pods", "-A", env=env).ok()

    # the entry wins, whole: the line's groups are not merged
    up.aws("eks", "create-access-entry", "--cluster-name", "demo", "--principal-arn", lines).ok()
    up.kubectl("get", "pods", "-A", env=env).fails(1, "Forbidden", 'User "arn:aws:sts::111122223333:assumed-role/lines/EKSGetTokenAuth"')
    up.aws("eks", "delete-access-entry", "--cluster-name", "demo", "--principal-arn", lines).ok()
    up.kubectl("get", "pods", "-A", env=env).ok()

    # in mode API the line is out of force
    update = up.aws("eks", "update-cluster-config", "--name", "demo", "--access-config", "authenticationMode=API").ok().json["update"]
    assert update["type"] == "AccessConfigUpdate"
    up.aws("eks", "wait", "cluster-active", "--name", "demo").ok()
    up.kubectl("get", "pods", "-A", env=env).fails(1, UNAUTHORIZED)


def test_a_token_for_another_cluster_is_refused(up):
    up.aws("eks", "create-cluster", "--name", "other", "--role-arn", "arn:aws:iam::111122223333:role/cluster", "--resources-vpc-config", "subnetIds=subnet-1",
           "--access-config", "authenticationMode=API").ok()
    role = make_role(up, "both")
    grant(up, role, "AmazonEKSClusterAdminPolicy")
    with_token(up, token(up, role), "get", "ns").ok()
    with_token(up, token(up, role, "other"), "get", "ns").fails(1, UNAUTHORIZED)


def test_tampered_and_expired_tokens_are_refused(up):
    role = make_role(up, "ops")
    grant(up, role, "AmazonEKSClusterAdminPolicy")
    good = token(up, role)
    with_token(up, good, "get", "ns").ok()
    url = base64.urlsafe_b64decode(good.removeprefix("k8s-aws-v1.") + "==").decode()
    wrong = [url.replace("Expires=60", "Expires=61"), url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("GetCallerIdentity", "GetSessionToken"), url + "&X-Extra=1",
             url.replace("http://", "https://"), url.replace("/?", "/x?")]
    old = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - 3600))
    import re
    wrong.append(re.sub(r"X-Amz-Date=\w+", "X-Amz-Date=" + old, url))
    for bad in wrong:
        assert bad != url
        with_token(up, "k8s-aws-v1." + base64.urlsafe_b64encode(bad.encode()).decode().rstrip("="), "get", "ns").fails(1, UNAUTHORIZED)
    with_token(up, "k8s-aws-v1." + "A" * 5000, "get", "ns").fails(1, UNAUTHORIZED)
    with_token(up, "nonsense", "get", "ns").fails(1, UNAUTHORIZED)


def test_an_expired_token_is_refused(up):
    """Signed by botocore with its clock an hour back: the signature is right, the time is not."""
    import datetime
    from unittest import mock

    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    role = make_role(up, "ops")
    grant(up, role, "AmazonEKSClusterAdminPolicy")
    c = up.client("sts").assume_role(RoleArn=role, RoleSessionName="late")["Credentials"]
    for minutes, good in ((0, True), (14, True), (16, False), (60, False), (-20, False)):
        now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
        request = AWSRequest("GET", up.api + "/?Action=GetCallerIdentity&Version=2011-06-15", headers={"x-k8s-aws-id": "demo"})
        with mock.patch.object(botocore.auth, "get_current_datetime", lambda *a, **k: now.replace(tzinfo=None)):
            botocore.auth.SigV4QueryAuth(Credentials(c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"]), "sts", "us-east-1", expires=60).add_auth(request)
        bearer = "k8s-aws-v1." + base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")
        done = with_token(up, bearer, "get", "ns")
        done.ok() if good else done.fails(1, UNAUTHORIZED)


def test_impersonation_leaves_policies_behind(up):
    role = make_role(up, "ops")
    grant(up, role, "AmazonEKSClusterAdminPolicy")
    env = kubeconfig_for(up, role)
    up.kubectl("get", "secrets", "-A", env=env).ok()
    me = up.kubectl("auth", "whoami", "-o", "json", env=env).ok().json["status"]["userInfo"]
    up.kubectl("get", "secrets", "-A", "--as", me["username"], "--as-uid", me["uid"], env=env).fails(1, "Forbidden")


def test_a_role_made_again_is_another_principal(up):
    role = make_role(up, "again")
    grant(up, role, "AmazonEKSClusterAdminPolicy")
    env = kubeconfig_for(up, role)
    up.kubectl("get", "ns", env=env).ok()
    up.aws("iam", "delete-role-policy", "--role-name", "again", "--policy-name", "describe").ok()
    up.aws("iam", "delete-role", "--role-name", "again").ok()
    make_role(up, "again")
    up.kubectl("get", "ns", env=env).fails(1, UNAUTHORIZED)
