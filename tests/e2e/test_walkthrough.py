"""The walkthrough: every step of it, with the real AWS CLI and the real kubectl, in order."""
import json

from conftest import DESCRIBE, TRUST

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
EDIT = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def test_walkthrough(up):
    # who am I
    me = up.aws("sts", "get-caller-identity").ok().json
    assert me["Account"] == "111122223333" and me["Arn"] == "arn:aws:iam::111122223333:user/admin"

    # policies are listed
    names = {p["name"] for p in up.aws("eks", "list-access-policies").ok().json["accessPolicies"]}
    assert {"AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy", "AmazonEKSSecretReaderPolicy"} <= names
    assert len(names) == 33

    # a role is made
    role = up.aws("iam", "create-role", "--role-name", "ops", "--assume-role-policy-document", TRUST).ok().json["Role"]["Arn"]
    assert role == "arn:aws:iam::111122223333:role/ops"

    # its access entry
    entry = up.aws("eks", "create-access-entry", "--cluster-name", "demo", "--principal-arn", role, "--type", "STANDARD").ok().json["accessEntry"]
    assert entry["username"] == "arn:aws:sts::111122223333:assumed-role/ops/{{SessionName}}"
    assert entry["kubernetesGroups"] == [] and entry["type"] == "STANDARD" and entry["tags"] == {}
    assert entry["accessEntryArn"].startswith("arn:aws:eks:us-east-1:111122223333:access-entry/demo/role/111122223333/ops/")

    # a policy is associated
    associated = up.aws("eks", "associate-access-policy", "--cluster-name", "demo", "--principal-arn", role,
                        "--policy-arn", ADMIN, "--access-scope", "type=cluster").ok().json
    assert associated["associatedAccessPolicy"]["accessScope"] == {"type": "cluster", "namespaces": []}

    # entries are viewed
    listed = up.aws("eks", "list-access-entries", "--cluster-name", "demo").ok().json["accessEntries"]
    assert listed == sorted(listed) and role in listed and "arn:aws:iam::111122223333:user/admin" in listed
    described = up.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", role).ok().json["accessEntry"]
    assert described == entry
    policies = up.aws("eks", "list-associated-access-policies", "--cluster-name", "demo", "--principal-arn", role).ok().json
    assert [p["policyArn"] for p in policies["associatedAccessPolicies"]] == [ADMIN]

    # without eks:DescribeCluster a kubeconfig can't be written as the role, with EKS's own words
    session = up.aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "jo").ok().json["Credentials"]
    as_role = up.env(AWS_ACCESS_KEY_ID=session["AccessKeyId"], AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"], AWS_SESSION_TOKEN=session["SessionToken"])
    up.aws("eks", "update-kubeconfig", "--name", "demo", env=as_role).fails(
        255, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/ops/jo is not authorized to perform: eks:DescribeCluster on resource: "
        "arn:aws:eks:us-east-1:111122223333:cluster/demo because no identity-based policy allows the eks:DescribeCluster action")

    # the kubeconfig for the role, written by one who may
    up.aws("iam", "put-role-policy", "--role-name", "ops", "--policy-name", "describe", "--policy-document", DESCRIBE).ok()
    up.aws("eks", "update-kubeconfig", "--name", "demo", env=as_role).ok()
    up.kubeconfig.unlink()
    written = up.aws("eks", "update-kubeconfig", "--name", "demo", "--role-arn", role).ok()
    assert "Added new context arn:aws:eks:us-east-1:111122223333:cluster/demo" in written.out

    # the cluster is reached
    info = up.kubectl("cluster-info").ok().out
    assert "Kubernetes control plane" in info and "https://127.0.0.1:" in info
    who = up.kubectl("auth", "whoami", "-o", "json").ok().json["status"]["userInfo"]
    assert who["username"].startswith("arn:aws:sts::111122223333:assumed-role/ops/EKSGetTokenAuth")
    assert who["uid"].startswith("aws-iam-authenticator:111122223333:AROA") and who["groups"] == ["system:authenticated"]

    # rights are asked
    assert up.kubectl("auth", "can-i", "delete", "pods", "-A").ok().out == "yes\n"
    assert up.kubectl("auth", "can-i", "get", "configmap/aws-auth", "-n", "kube-system").ok().out == "yes\n"

    # config maps and secrets are read, a secret comes and goes
    assert "kube-root-ca.crt" in up.kubectl("get", "configmaps", "-A").ok().out
    up.kubectl("get", "secrets", "-A").ok()
    assert up.kubectl("-n", "kube-system", "create", "secret", "generic", "testsecret", "--from-literal=a=b").ok().out == "secret/testsecret created\n"
    assert up.kubectl("-n", "kube-system", "get", "secret", "testsecret", "-o", "jsonpath={.data.a}").ok().out == "Yg=="
    assert up.kubectl("-n", "kube-system", "delete", "secret", "testsecret").ok().out.startswith('secret "testsecret" deleted')
    up.kubectl("-n", "kube-system", "get", "secret", "testsecret").fails(1, 'Error from server (NotFound): secrets "testsecret" not found')

    # the same principal, scoped to a namespace, is refused elsewhere; at once
    up.kubectl("create", "namespace", "team-a").ok()
    up.aws("eks", "associate-access-policy", "--cluster-name", "demo", "--principal-arn", role, "--policy-arn", EDIT,
           "--access-scope", "type=namespace,namespaces=team-*").ok()
    up.aws("eks", "disassociate-access-policy", "--cluster-name", "demo", "--principal-arn", role, "--policy-arn", ADMIN).ok()
    up.kubectl("-n", "team-a", "create", "secret", "generic", "s", "--from-literal=a=b").ok()
    up.kubectl("-n", "kube-system", "get", "secrets").fails(
        1, 'Error from server (Forbidden): secrets is forbidden: User "arn:aws:sts::111122223333:assumed-role/ops/EKSGetTokenAuth" '
        'cannot list resource "secrets" in API group "" in the namespace "kube-system"')
    up.kubectl("get", "secrets", "-A").fails(1, 'cannot list resource "secrets" in API group "" at the cluster scope')
    up.kubectl("auth", "can-i", "delete", "pods", "-A").fails(1, "no")

    # and with the entry gone, nobody: 401, not 403
    up.aws("eks", "delete-access-entry", "--cluster-name", "demo", "--principal-arn", role).ok()
    up.kubectl("get", "pods", "-n", "team-a").fails(1, "You must be logged in to the server (Unauthorized)")


def test_restart_keeps_everything(up):
    from conftest import kubeconfig_for, make_role
    role = make_role(up, "keeper")
    up.aws("eks", "create-access-entry", "--cluster-name", "demo", "--principal-arn", role).ok()
    up.aws("eks", "associate-access-policy", "--cluster-name", "demo", "--principal-arn", role, "--policy-arn", ADMIN, "--access-scope", "type=cluster").ok()
    env = kubeconfig_for(up, role)
    up.kubectl("create", "secret", "generic", "kept", "--from-literal=a=b", env=env).ok()
    endpoint = up.ready["clusters"][0]["endpoint"]
    import signal
    up.stop(signal.SIGKILL)
    up.start()
    assert up.ready["clusters"][0]["endpoint"] == endpoint
    env = {**env, **up.exports}
    assert up.kubectl("get", "secret", "kept", "-o", "jsonpath={.data.a}", env=env).ok().out == "Yg=="
    assert json.loads(up.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", role).ok().out)["accessEntry"]["principalArn"] == role
