"""The console in headless Chromium: what a person does there, what is refused, and how it looks."""
import json
import os
import time
from urllib.parse import quote

import pytest
from .browser import Chromium, axe, fits
from conftest import ROOT, TRUST, ControlPlane, make_role

DEMO = "/console/clusters/us-east-1/demo"
ADMIN = "arn:aws:iam::111122223333:user/admin"
PAYMENTS = "arn:aws:iam::111122223333:role/payments/payments-dev"
# A run that is to renew the pictures of the docs says so; others leave the checkout as it is.
IMAGES = ROOT / ("docs/images" if os.environ.get("CONSOLE_IMAGES") else "target/images")


@pytest.fixture(scope="module")
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane with the sample's company."""
    plane = ControlPlane(tmp_path_factory.mktemp("console") / "data", "--sample")
    yield plane
    plane.stop()


def link(plane):
    return plane.entryway("console", "--data", plane.data).ok().out.strip()


@pytest.fixture
def page(chromium, plane):
    """A page of somebody who signed in by link."""
    page = chromium.page()
    page.goto(link(plane))
    yield page
    problems = page.problems
    page.context.close()
    assert problems == []


def open_page(page, plane, path):
    page.goto(plane.api + path)
    return page


def sign_in(page, plane, key, secret):
    open_page(page, plane, "/console/sign-in")
    page.get_by_label("Access key id").fill(key)
    page.get_by_label("Secret access key").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def test_ready_line_names_the_console(plane):
    assert plane.ready["console"] == plane.api + "/console"


def test_a_link_signs_in_once(chromium, plane):
    url = link(plane)
    page = chromium.page()
    page.goto(url)
    page.get_by_role("heading", name="Clusters").wait_for()
    assert "token" not in page.url
    cookie = next(c for c in page.context.cookies() if c["name"].startswith("entryway_session"))
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    other = chromium.page()
    other.goto(url)
    other.get_by_text("has been used").wait_for()
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto(plane.api + "/console")
    page.get_by_role("heading", name="Sign in").wait_for()
    page.context.close(), other.context.close()


def test_an_access_key_signs_in(chromium, plane):
    page = chromium.page()
    sign_in(page, plane, plane.exports["AWS_ACCESS_KEY_ID"], "wrong")
    page.get_by_role("alert").wait_for()
    sign_in(page, plane, plane.exports["AWS_ACCESS_KEY_ID"], plane.exports["AWS_SECRET_ACCESS_KEY"])
    page.get_by_role("link", name="demo").click()
    page.get_by_role("heading", name="Access entries").wait_for()
    assert page.problems == []
    page.context.close()


def test_create_preview_associate_disassociate_delete(page, plane):
    role = make_role(plane, "console-dev", describe=False)
    open_page(page, plane, DEMO + "/access")
    page.get_by_role("link", name="Create access entry").click()
    page.get_by_label("IAM principal ARN").fill(role)
    page.get_by_label("Kubernetes groups").fill("system:masters")
    page.get_by_role("button", name="See what it means").click()
    page.get_by_text("cannot start with system:").wait_for()
    assert page.get_by_label("IAM principal ARN").input_value() == role
    page.get_by_label("Kubernetes groups").fill("developers")
    page.get_by_label("Access policy", exact=True).select_option(label="AmazonEKSViewPolicy")
    page.get_by_label("Some namespaces").check()
    page.get_by_label("Namespaces", exact=True).fill("web")
    page.get_by_role("button", name="See what it means").click()
    page.get_by_text("gets in").wait_for()
    assert plane.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", role).code != 0
    page.get_by_role("button", name="Create").click()
    page.get_by_text("was created").wait_for()
    entry = plane.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", role).ok().json["accessEntry"]
    assert entry["kubernetesGroups"] == ["developers"]

    page.get_by_role("link", name="Associate policy").click()
    page.get_by_label("Access policy", exact=True).select_option(label="AmazonEKSClusterAdminPolicy")
    page.get_by_role("button", name="See what it means").click()
    page.locator(".gains").get_by_text("everything").wait_for()
    page.get_by_role("button", name="Associate").click()
    page.get_by_role("link", name="Disassociate AmazonEKSClusterAdminPolicy").click()
    page.locator(".loses").first.wait_for()
    page.get_by_role("button", name="Disassociate").click()
    page.get_by_role("button", name="Undo").click()
    page.locator(".gains").first.wait_for()
    page.get_by_role("button", name="Associate").click()
    listed = plane.aws("eks", "list-associated-access-policies", "--cluster-name", "demo", "--principal-arn", role).ok().json
    assert sorted(p["policyArn"].rsplit("/")[-1] for p in listed["associatedAccessPolicies"]) == ["AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"]

    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_text("is shut out").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("was deleted").wait_for()
    assert plane.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", role).code != 0


def test_a_lock_out_is_refused(chromium, up):
    page = chromium.page()
    page.goto(link(up))
    open_page(page, up, f"{DEMO}/access/entry?principal={ADMIN}")
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_text("it would lock people out").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Tick the box").wait_for()
    up.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", ADMIN).ok()
    page.get_by_label("I know, and want it all the same").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("was deleted").wait_for()
    page.context.close()


def test_who_may_little_sees_little(chromium, plane):
    plane.aws("iam", "create-user", "--user-name", "console-reader").ok()
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["eks:Describe*", "eks:List*"], "Resource": "*"}]})
    plane.aws("iam", "put-user-policy", "--user-name", "console-reader", "--policy-name", "read", "--policy-document", policy).ok()
    key = plane.aws("iam", "create-access-key", "--user-name", "console-reader").ok().json["AccessKey"]
    page = chromium.page()
    sign_in(page, plane, key["AccessKeyId"], key["SecretAccessKey"])
    open_page(page, plane, DEMO + "/access")
    page.get_by_role("link", name="platform-admin").first.wait_for()
    assert page.get_by_role("link", name="Create access entry").count() == 0
    open_page(page, plane, DEMO + "/resources?kind=secrets")
    page.get_by_text("No access entry or aws-auth line lets you into this cluster").wait_for()
    open_page(page, plane, "/console/audit")
    page.get_by_text("not authorized to perform: cloudtrail:LookupEvents").wait_for()
    # The key is deleted: the session ends at the next step.
    plane.aws("iam", "delete-access-key", "--user-name", "console-reader", "--access-key-id", key["AccessKeyId"]).ok()
    page.reload()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.context.close()


def test_a_role_reads_with_its_own_rights(page, plane):
    open_page(page, plane, "/console/role")
    page.get_by_label("Role").fill(PAYMENTS)
    page.get_by_role("button", name="Act as this role").click()
    page.get_by_text("assumed-role/payments-dev/admin").first.wait_for()
    open_page(page, plane, DEMO + "/resources?kind=configmaps&namespace=payments")
    page.get_by_role("link", name="kube-root-ca.crt").wait_for()
    open_page(page, plane, DEMO + "/resources?kind=secrets&namespace=web")
    page.get_by_text("Error from server (Forbidden): secrets is forbidden: User").wait_for()
    page.get_by_text("An access policy that would open it").wait_for()


def test_secrets_are_hidden_until_asked_for(page, plane):
    plane.aws("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", plane.kubeconfig).ok()
    plane.kubectl("create", "secret", "generic", "safe", "-n", "payments", "--from-literal=word=open-sesame").ok()
    open_page(page, plane, DEMO + "/resources?kind=secrets&namespace=payments")
    page.get_by_role("link", name="safe").click()
    page.get_by_text("Values are hidden").wait_for()
    assert "b3Blbi1zZXNhbWU" not in page.content()
    page.get_by_role("link", name="Show them").click()
    page.get_by_text("b3Blbi1zZXNhbWU").wait_for()


def test_changes_made_elsewhere_appear_within_a_second(page, plane):
    role = make_role(plane, "console-live", describe=False)
    open_page(page, plane, DEMO + "/access")
    page.wait_for_timeout(500)  # the stream opens after the page
    client = plane.client("eks")
    client.create_access_entry(clusterName="demo", principalArn=role)
    begun = time.monotonic()
    page.get_by_role("link", name="console-live").wait_for(timeout=5000)
    took = time.monotonic() - begun
    client.delete_access_entry(clusterName="demo", principalArn=role)
    page.get_by_role("link", name="console-live").wait_for(state="detached", timeout=5000)
    assert took < float(os.environ.get("CONSOLE_LIVE_SECONDS", "1.5")), took

    open_page(page, plane, DEMO + "/resources?kind=configmaps&namespace=web")
    page.wait_for_timeout(500)
    plane.aws("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", plane.kubeconfig).ok()
    plane.kubectl("create", "configmap", "fresh", "-n", "web").ok()
    page.get_by_role("link", name="fresh").wait_for(timeout=5000)


def test_a_form_is_not_taken_away(page, plane):
    role = make_role(plane, "console-form", describe=False)
    open_page(page, plane, DEMO + "/access/change?do=create")
    page.get_by_label("Kubernetes username").fill("half:typed")
    page.wait_for_timeout(500)
    plane.client("eks").create_access_entry(clusterName="demo", principalArn=role)
    page.get_by_text("Somebody changed something here").wait_for(timeout=5000)
    assert page.get_by_label("Kubernetes username").input_value() == "half:typed"
    plane.client("eks").delete_access_entry(clusterName="demo", principalArn=role)


def test_markup_in_names_is_text(page, plane):
    bad = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    trust = json.loads(TRUST)
    plane.aws("iam", "create-role", "--role-name", "hostile", "--assume-role-policy-document", json.dumps(trust)).ok()
    role = "arn:aws:iam::111122223333:role/hostile"
    client = plane.client("eks")
    client.create_access_entry(clusterName="demo", principalArn=role, username="x:" + bad, kubernetesGroups=[bad], tags={"note": bad})
    plane.aws("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", plane.kubeconfig).ok()
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hostile", "namespace": "web", "annotations": {"note": bad}}, "data": {"x": bad}}
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(manifest)).ok()
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "hostile"},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
               "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": bad}]}
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(binding)).ok()
    for path in (
        "/access", f"/access/entry?principal={role}", f"/access/change?do=delete&principal={role}", "/matrix?namespace=web",
        "/who-can?verb=get&resource=pods", f"/explain?subject={role}", "/resources/object?kind=configmaps&namespace=web&name=hostile",
        f"/access/change?do=create&username={quote(bad)}&tags={quote(bad)}", f"/resources?kind={quote(bad)}",
        "/findings?check=read-secrets", f"/findings?q={quote(bad)}&all=on", "/paths", f"/paths?q={quote(bad)}&direct=on",
    ):
        open_page(page, plane, DEMO + path)
        assert page.locator("img, main script").count() == 0, path
    # It is there, as text.
    open_page(page, plane, f"{DEMO}/findings?check=read-secrets&q={quote(bad)}")
    assert page.locator("tbody th", has_text=bad).count() == 1
    open_page(page, plane, "/console/audit?q=hostile&kind=all")
    assert page.locator("img, main script").count() == 0
    client.delete_access_entry(clusterName="demo", principalArn=role)
    plane.kubectl("delete", "clusterrolebinding", "hostile").ok()
    # A dialog would be among the page's problems.


LONG = "x" * 63
RIGHT_TO_LEFT = "مدير-المنصة"


def test_long_names_and_right_to_left_text_keep_the_layout(chromium, page, plane):
    path = "/" + "very-long-path-of-a-division/" * 16
    name = "role-with-a-long-name-" + "y" * 42
    plane.aws("iam", "create-role", "--path", path, "--role-name", name, "--assume-role-policy-document", TRUST).ok()
    role = f"arn:aws:iam::111122223333:role{path}{name}"
    client = plane.client("eks")
    client.create_access_entry(clusterName="demo", principalArn=role, username=f"{RIGHT_TO_LEFT}:" + "u" * 200,
                               kubernetesGroups=[RIGHT_TO_LEFT, "g" * 200], tags={RIGHT_TO_LEFT: "شركة " * 20, "k" * 128: "v" * 256})
    client.associate_access_policy(clusterName="demo", principalArn=role, policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
                                   accessScope={"type": "namespace", "namespaces": [LONG, "a-*"]})
    plane.aws("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", plane.kubeconfig).ok()
    plane.kubectl("create", "namespace", LONG).ok()
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n" * 253, "namespace": LONG, "annotations": {"note": RIGHT_TO_LEFT + "\u202e evil"}}, "data": {"text": "ب" * 400}}
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(manifest)).ok()
    cookies = page.context.cookies()
    about = quote(role, safe="")
    try:
        for width in (1280, 390):
            shown = chromium.page(width, "light", cookies)
            for path in (
                "/access", f"/access/entry?principal={about}", f"/access/change?do=update&principal={about}", f"/access/change?do=tags&principal={about}",
                f"/access/change?do=delete&principal={about}", f"/explain?kind=principal&subject={about}", f"/matrix?namespace={LONG}",
                f"/who-can?verb=get&resource=pods&namespace={LONG}", f"/resources?kind=configmaps&namespace={LONG}", "/resources?kind=configmaps&q=nnn",
                f"/resources/object?kind=configmaps&namespace={LONG}&name={'n' * 253}", f"/access/history?principal={about}",
                f"/findings?q={about}&all=on", f"/paths?q={about}&direct=on",
            ):
                open_page(shown, plane, DEMO + path)
                assert fits(shown), (path, width)
                assert axe(shown) == [], (path, width)
            open_page(shown, plane, f"{DEMO}/access/entry?principal={about}")
            # A name written from right to left does not move what stands beside it.
            username = shown.locator("dd code", has_text=RIGHT_TO_LEFT).first
            assert username.evaluate("e => getComputedStyle(e).unicodeBidi") == "isolate"
            assert shown.problems == []
            shown.context.close()
    finally:
        client.delete_access_entry(clusterName="demo", principalArn=role)
        plane.kubectl("delete", "namespace", LONG).ok()


def test_ends_and_tags_in_fields(page, plane):
    role = make_role(plane, "console-ends", describe=False)
    open_page(page, plane, DEMO + "/access/change?do=create")
    page.get_by_label("IAM principal ARN").fill(role)
    page.get_by_label("Access policy", exact=True).select_option(label="AmazonEKSViewPolicy")
    page.get_by_role("button", name="Add another policy").click()
    assert page.get_by_label("IAM principal ARN").input_value() == role
    second = page.get_by_role("group", name="Access policy 2")
    second.get_by_label("Access policy", exact=True).select_option(label="AmazonEKSEditPolicy")
    second.get_by_label("Ends").fill("2031-05-06T07:08")
    page.get_by_label("The entry ends").fill("2032-05-06T07:08")
    page.get_by_role("button", name="See what it means").click()
    page.get_by_text("AmazonEKSEditPolicy in the whole cluster, until 2031-05-06 07:08 UTC").wait_for()
    page.get_by_role("button", name="Create").click()
    page.get_by_text("was created").wait_for()
    entry = plane.client("eks").describe_access_entry(clusterName="demo", principalArn=role)["accessEntry"]
    assert entry["tags"] == {"entryway:expires-at": "2032-05-06T07:08:00Z", "entryway:expires/AmazonEKSEditPolicy": "2031-05-06T07:08:00Z"}
    page.get_by_role("link", name="Tags and ends").click()
    assert axe(page) == []
    page.get_by_label("The entry ends").fill("")
    page.get_by_label("Tags", exact=True).fill("team=payments")
    page.get_by_role("button", name="See what it means").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("tags and ends of console-ends were changed").wait_for()
    tags = plane.client("eks").describe_access_entry(clusterName="demo", principalArn=role)["accessEntry"]["tags"]
    assert tags == {"team": "payments", "entryway:expires/AmazonEKSEditPolicy": "2031-05-06T07:08:00Z"}
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("tags and ends of console-ends were changed").wait_for()
    tags = plane.client("eks").describe_access_entry(clusterName="demo", principalArn=role)["accessEntry"]["tags"]
    assert tags == entry["tags"]
    plane.client("eks").delete_access_entry(clusterName="demo", principalArn=role)


def test_namespaces_are_suggested_while_typing(page, plane):
    open_page(page, plane, DEMO + "/matrix")
    assert page.locator("#namespace-options option").count() == 0
    page.get_by_label("Namespace (empty").press_sequentially("pay")
    page.locator('#namespace-options option[value="payments"]').wait_for(state="attached")


def test_a_cluster_deleted_meanwhile(chromium, plane):
    page = chromium.page()
    page.goto(link(plane))
    plane.entryway("clusters", "create", "passing").ok()
    gone = "/console/clusters/us-east-1/passing"
    open_page(page, plane, gone + "/access")
    page.get_by_role("heading", name="Access entries").wait_for()
    form = page.context.new_page()
    form.goto(f"{plane.api}{gone}/access/change?do=create")
    form.get_by_label("IAM principal ARN").fill(PAYMENTS)
    page.wait_for_timeout(500)
    plane.aws("eks", "delete-cluster", "--name", "passing").ok()
    page.get_by_text("No cluster found for name: passing").wait_for(timeout=5000)
    form.get_by_role("button", name="See what it means").click()
    form.get_by_text("No cluster found for name: passing").wait_for()
    form.get_by_role("heading", name="What you sent").wait_for()
    assert form.get_by_text(PAYMENTS).is_visible()
    assert page.problems == []
    page.context.close()


def test_a_session_that_ends_in_the_middle_of_a_form(chromium, plane):
    page = chromium.page()
    page.goto(link(plane))
    open_page(page, plane, DEMO + "/access/change?do=create")
    page.get_by_label("IAM principal ARN").fill(PAYMENTS)
    page.get_by_label("Kubernetes username").fill("half:typed")
    page.context.clear_cookies()
    page.get_by_role("button", name="See what it means").click()
    page.get_by_text("what you typed is still there").wait_for()
    page.get_by_label("Access key id").fill(plane.exports["AWS_ACCESS_KEY_ID"])
    page.get_by_label("Secret access key").fill(plane.exports["AWS_SECRET_ACCESS_KEY"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("half:typed").wait_for()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Who gains, who loses").wait_for()
    page.get_by_text("half:typed").first.wait_for()
    assert page.problems == []
    page.context.close()


def test_somebody_elses_change_is_shown_beside(page, plane):
    role = make_role(plane, "console-both", describe=False)
    client = plane.client("eks")
    client.create_access_entry(clusterName="demo", principalArn=role)
    open_page(page, plane, f"{DEMO}/access/change?do=update&principal={role}")
    page.get_by_label("Kubernetes groups").fill("mine")
    client.update_access_entry(clusterName="demo", principalArn=role, kubernetesGroups=["theirs"])
    page.get_by_role("button", name="See what it means").click()
    page.get_by_role("heading", name="As it is now").wait_for()
    assert page.get_by_text("theirs").first.is_visible() and page.get_by_text("mine").first.is_visible()
    assert axe(page) == [] and fits(page)
    page.get_by_role("button", name="Go on with mine").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("was changed").wait_for()
    assert client.describe_access_entry(clusterName="demo", principalArn=role)["accessEntry"]["kubernetesGroups"] == ["mine"]
    client.delete_access_entry(clusterName="demo", principalArn=role)


def test_keyboard_alone(page, plane):
    open_page(page, plane, DEMO + "/access")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("details.account summary").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Sign out").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name="Sign out").is_visible()


def test_an_entry_is_made_by_keyboard_alone(page, plane):
    role = make_role(plane, "console-keys", describe=False)
    open_page(page, plane, DEMO + "/access")
    tab_to(page, "Create access entry")
    page.keyboard.press("Enter")
    page.get_by_label("IAM principal ARN").wait_for()
    tab_to(page, "IAM principal ARN")
    page.keyboard.type(role)
    tab_to(page, "Access policy")
    page.keyboard.type("AmazonEKSView")
    tab_to(page, "See what it means")
    # Where the focus is can be seen.
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Who gains, who loses").wait_for()
    tab_to(page, "Create")
    page.keyboard.press("Enter")
    page.get_by_text("was created").wait_for()
    client = plane.client("eks")
    policies = client.list_associated_access_policies(clusterName="demo", principalArn=role)["associatedAccessPolicies"]
    assert [one["policyArn"].rsplit("/", 1)[1] for one in policies] == ["AmazonEKSViewPolicy"]
    client.delete_access_entry(clusterName="demo", principalArn=role)


def tab_to(page, name):
    """Presses Tab until the focus is on what is called so."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(e => (e.labels && e.labels[0] || e).textContent.trim())(document.activeElement)").startswith(name):
            return
    raise AssertionError(f"the keyboard does not come to {name}")


def test_the_matrix_leads_from_areas_to_an_explanation(page, plane):
    open_page(page, plane, DEMO + "/matrix?namespace=payments")
    areas = page.locator("thead th").count()
    page.locator("thead a").first.click()
    page.locator("thead a").first.wait_for()
    assert page.locator("thead th").count() != areas or "area=" in page.url
    page.locator("thead a").first.click()
    page.wait_for_load_state()
    page.locator("tbody td a").first.click()
    page.wait_for_url("**/explain?**")


def test_a_question_can_be_shared(chromium, page, plane):
    open_page(page, plane, DEMO + "/who-can")
    page.get_by_label("Verb").select_option("get")
    page.get_by_label("Resource", exact=False).first.fill("secrets")
    page.get_by_label("Namespace", exact=False).first.fill("web")
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**/who-can?**verb=get**")
    page.get_by_role("link", name="platform-admin").first.wait_for()
    other = chromium.page()
    other.goto(link(plane))
    other.goto(page.url)
    other.get_by_role("link", name="platform-admin").first.wait_for()
    other.context.close()


def test_the_mode_is_changed_with_its_effect_in_view(chromium, up):
    page = chromium.page()
    page.goto(link(up))
    role = make_role(up, "console-mode", describe=False)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
              "data": {"mapRoles": json.dumps([{"rolearn": role, "username": "mode", "groups": ["system:masters"]}])}}
    up.aws("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", up.kubeconfig).ok()
    up.kubectl("apply", "-f", "-", stdin=json.dumps(config)).ok()
    open_page(page, up, DEMO + "/access/change?do=mode")
    page.get_by_role("button", name="See what it means").click()
    page.get_by_role("heading", name="Who gains, who loses").wait_for()
    page.get_by_text("console-mode").first.wait_for()
    page.get_by_text("is shut out").wait_for()
    assert axe(page) == [] and fits(page)
    page.context.close()


def test_what_iam_lets_people_do_is_found(page, plane):
    """A role that is gone, and a user who may give himself access: found as soon as they are so."""
    role = make_role(plane, "console-gone", describe=False)
    client = plane.client("eks")
    client.create_access_entry(clusterName="demo", principalArn=role)
    open_page(page, plane, f"{DEMO}/findings?check=stale-entry")
    page.wait_for_timeout(500)
    assert page.get_by_text("console-gone").count() == 0
    plane.aws("iam", "delete-role", "--role-name", "console-gone").ok()
    page.reload()
    page.get_by_text("IAM has no such user or role").first.wait_for()
    assert axe(page) == [] and fits(page)
    client.delete_access_entry(clusterName="demo", principalArn=role)
    # The page follows.
    page.get_by_text("console-gone").first.wait_for(state="detached", timeout=5000)


def test_colours_can_be_chosen(page, plane):
    open_page(page, plane, "/console")
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("data-theme") == "dark"


PAGES = {
    "clusters": "/console",
    "access": DEMO + "/access",
    "entry": f"{DEMO}/access/entry?principal={PAYMENTS}",
    "create": DEMO + "/access/change?do=create",
    "tags": f"{DEMO}/access/change?do=tags&principal={PAYMENTS}",
    "history": f"{DEMO}/access/history?principal={PAYMENTS}",
    "preview": f"{DEMO}/access/change?do=delete&principal={PAYMENTS}",
    "mode": DEMO + "/access/change?do=mode",
    "policies": DEMO + "/policies",
    "policy": DEMO + "/policies?policy=View&with=Edit",
    "who-can": DEMO + "/who-can?verb=delete&resource=pods&namespace=payments",
    "explain": f"{DEMO}/explain?kind=principal&subject={PAYMENTS}&verb=get&resource=secrets&namespace=web",
    "matrix": DEMO + "/matrix?namespace=payments",
    "findings": DEMO + "/findings",
    "finding": DEMO + "/findings?check=read-secrets&all=on",
    "paths": DEMO + "/paths?direct=on",
    "resources": DEMO + "/resources?kind=namespaces",
    "found": DEMO + "/resources?kind=configmaps&q=kube&sort=newest",
    "object": DEMO + "/resources/object?kind=configmaps&namespace=kube-system&name=aws-auth",
    "audit": "/console/audit",
    "role": "/console/role",
    "missing": "/console/none",
}
# What the README and docs show.
SHOWN = {"access", "preview", "who-can", "matrix"}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_for_everybody(chromium, plane, page, name):
    cookies = page.context.cookies()
    for width, scheme in ((1280, "light"), (390, "dark"), (320, "light")):
        shown = chromium.page(width, scheme, cookies)
        open_page(shown, plane, PAGES[name])
        assert axe(shown) == [], (name, scheme, width)
        assert fits(shown), (name, scheme, width)
        assert shown.problems == []
        assert len(shown.content().encode()) < 100_000
        if width in (1280, 390):
            folder = IMAGES if name in SHOWN else ROOT / "target/images"
            folder.mkdir(parents=True, exist_ok=True)
            shown.screenshot(path=folder / f"console-{name}-{width}.png")
        shown.context.close()


def test_the_sign_in_page_is_for_everybody(chromium, plane):
    for scheme in ("light", "dark"):
        page = chromium.page(320, scheme)
        open_page(page, plane, "/console/sign-in")
        assert axe(page) == [] and fits(page)
        page.context.close()
