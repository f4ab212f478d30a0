//! The containers that aws-auth comes in, and those that only look like one.

use entryway_formats::{ReadOptions, Source, read};

use crate::common::{read_as, said, same};
use crate::{lines, problems};

const DATA: &str = "data:\n  mapRoles: |\n    - rolearn: arn:aws:iam::111122223333:role/Admin\n      username: admin\n      groups: [system:masters]\n";
const META: &str = "metadata: {name: aws-auth, namespace: kube-system}\n";

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

const ADMIN: &str = "arn:aws:iam::111122223333:role/Admin admin [system:masters]";

#[test]
fn alone_in_many_documents_and_in_lists() {
    let map = format!("{DATA}kind: ConfigMap\napiVersion: v1\n{META}");
    for (text, place) in [
        (map.clone(), "3:7"),
        (
            format!(
                "# Source: chart/templates/a.yaml\n---\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{x: \"{{{{ $labels.instance }}}}\"}}\n---\n{map}---\n"
            ),
            "11:7",
        ),
        (format!("apiVersion: v1\nkind: List\nitems:\n-\n{}", indented(&map, 2)), "7:9"),
        (format!("apiVersion: v1\nkind: ConfigMapList\nitems:\n-\n{}", indented(&format!("{DATA}{META}"), 2)), "7:9"),
        (
            format!(
                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  -\n{}",
                indented(&map, 4)
            ),
            "10:11",
        ),
    ] {
        let read = read_as("a.yaml", &text);
        same(said(&read), &[]);
        assert_eq!(lines(&read), [format!("{place} {ADMIN}")], "{text}");
        assert_eq!(problems(&read), Vec::<String>::new());
    }
}

#[test]
fn the_cluster_is_the_callers() {
    let options = ReadOptions { cluster: Some("demo".parse().unwrap()), ..ReadOptions::default() };
    let read = read(&Source::new("a.yaml", format!("kind: ConfigMap\napiVersion: v1\n{META}{DATA}")), &options);
    assert!(format!("{:?}", read.value.clusters[0].selector.value).contains("demo"));
}

#[test]
fn config_maps_that_eks_does_not_read() {
    let map = |meta: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {meta}\n{DATA}");
    let of = |meta: &str| {
        let read = read_as("a.yaml", &map(meta));
        assert!(read.value.clusters.is_empty());
        said(&read)
    };
    same(of("{name: other, namespace: kube-system}"), &[]);
    same(
        of("{name: aws-auth, namespace: default}"),
        &["3:39 warning `default/aws-auth` is not used: EKS reads `kube-system/aws-auth` alone"],
    );
    same(
        of("{name: aws-auth-6ct58987ht, namespace: kube-system}"),
        &["3:18 warning `aws-auth-6ct58987ht` is not used: EKS reads the ConfigMap named `aws-auth` alone"],
    );
    let read = read_as("a.yaml", &map("{name: aws-auth}"));
    same(said(&read), &["3:18 note no namespace is named; it is taken to be `kube-system`, where EKS reads it"]);
    assert_eq!(lines(&read).len(), 1);
    let twice = format!(
        "{}---\n{}",
        map("{name: aws-auth, namespace: kube-system}"),
        map("{name: aws-auth, namespace: kube-system}")
    );
    let read = read_as("a.yaml", &twice);
    same(said(&read), &["10:1 error aws-auth is there twice, and a cluster has one"]);
    assert_eq!(read.diagnostics[0].related[0].0.line_and_column(), (1, 1));
    let read = read_as(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\nmapRoles: x\nbinaryData: {mapRoles: eA==}\ndata:\n  mapRoles: {rolearn: a}\n  mapUsers: true\n",
    );
    same(
        said(&read),
        &[
            "4:1 warning `mapRoles` is ignored here",
            "5:1 warning `binaryData` is ignored: EKS reads `data` alone",
            "7:13 error `mapRoles` must be a text that holds a list, not a mapping",
        ],
    );
}

#[test]
fn templates_are_named_as_such() {
    let helm = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n  namespace: kube-system\ndata:\n  mapRoles: |\n{{- range .Values.roles }}\n    - rolearn: {{ .arn }}\n{{- end }}\n";
    same(
        said(&read_as("templates/aws-auth.yaml", helm)),
        &["8:1 error this is a Helm template, which only Helm can read"],
    );
    let read = read_as(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata:\n  mapRoles: |\n    - rolearn: arn:aws:iam::111122223333:role/A\n      username: \"{{ \"{{\" }}SessionName{{ \"}}\" }}\"\n",
    );
    same(said(&read), &["7:18 error this is a Helm template, which only Helm can read"]);
    let terraform = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata:\n  mapRoles: |\n    # roles\n    - rolearn: ${node_role}\n      username: system:node:{{EC2PrivateDNSName}}\n";
    same(
        said(&read_as("aws-auth.yaml.tpl", terraform)),
        &["7:16 error this is a template of Terraform's, which only Terraform can read"],
    );
    let directive = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata:\n  mapRoles: |\n%{ for role in roles ~}\n    - rolearn: ${role}\n%{ endfor ~}\n";
    same(
        said(&read_as("aws-auth.yaml.tftpl", directive)),
        &["6:1 error this is a template of Terraform's, which only Terraform can read"],
    );
    // An error of YAML that has nothing to do with templates stays one.
    same(
        said(&read_as("a.yaml", "apiVersion: v1\nkind: [\n")),
        &["3:1 error not valid YAML: while parsing a node, did not find expected node content"],
    );
}

#[test]
fn kustomizations() {
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
    let patch = format!(
        "{head}patches:\n- path: other.yaml\n- target: {{kind: Deployment, name: a}}\n  patch: |\n    kind: ConfigMap\n- patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: aws-auth\n    data:\n      mapRoles: |\n        - rolearn: arn:aws:iam::111122223333:role/x/A\n          username: a\n"
    );
    let read = read_as("kustomization.yaml", &patch);
    same(said(&read), &["15:9 warning this is a patch of aws-auth: what it is laid over is not known here"]);
    same(lines(&read), &["15:11 arn:aws:iam::111122223333:role/x/A a []"]);
    same(
        problems(&read),
        &[
            "15:20 dropped `arn:aws:iam::111122223333:role/x/A`: STS never tells a role's path, so this line matches nobody; write `arn:aws:iam::111122223333:role/A`",
        ],
    );
    let old = format!(
        "{head}patchesStrategicMerge:\n- a.yaml\n- |\n  kind: ConfigMap\n  metadata: {{name: aws-auth}}\n  data: {{mapUsers: \"- userarn: arn:aws:iam::111122223333:user/A\\n  username: a\"}}\n"
    );
    let read = read_as("kustomization.yaml", &old);
    same(said(&read), &["8:20 warning this is a patch of aws-auth: what it is laid over is not known here"]);
    same(lines(&read), &["8:23 arn:aws:iam::111122223333:user/A a []"]);
    let json = format!(
        "{head}patchesJson6902:\n- target: {{version: v1, kind: ConfigMap, name: aws-auth}}\n  patch: |-\n    - op: replace\n      path: /data/mapRoles\n      value: |\n        - rolearn: arn:aws:iam::111122223333:role/A\n          username: a\n    - {{op: remove, path: /data/mapUsers}}\n"
    );
    let read = read_as("kustomization.yaml", &json);
    same(
        said(&read),
        &[
            "9:9 warning this is a patch of aws-auth: what it is laid over is not known here",
            "11:7 warning the operation `remove` on `mapUsers` is not carried out",
        ],
    );
    same(lines(&read), &["9:11 arn:aws:iam::111122223333:role/A a []"]);
    let alone = "- op: add\n  path: /data/mapRoles\n  value: |\n    - rolearn: arn:aws:iam::111122223333:role/A\n      username: a\n";
    let read = read_as("patch.yaml", alone);
    same(said(&read), &["4:5 warning this is a patch of aws-auth: what it is laid over is not known here"]);
    same(lines(&read), &["4:7 arn:aws:iam::111122223333:role/A a []"]);
    let generator = "configMapGenerator:\n- name: aws-auth\n  namespace: kube-system\n  literals:\n  - \"mapRoles=[{rolearn: 'arn:aws:iam::111122223333:role/A', username: 'a'}]\"\n  files: [mapUsers=users.yaml, dir/mapAccounts]\n- name: b\n  files: [mapRoles]\n";
    let read = read_as("kustomization.yaml", generator);
    same(
        said(&read),
        &[
            "2:9 warning kustomize adds a hash to the name, and EKS reads the ConfigMap named `aws-auth` alone",
            "5:5 warning this is a patch of aws-auth: what it is laid over is not known here",
            "6:11 warning `mapUsers` stands in a file that is not read from here",
            "6:32 warning `mapAccounts` stands in a file that is not read from here",
        ],
    );
    same(lines(&read), &["5:16 arn:aws:iam::111122223333:role/A a []"]);
    same(
        said(&read_as("kustomization.yaml", &format!("{head}resources: [aws-auth.yaml]\n"))),
        &["1:1 note the kustomization itself holds no aws-auth"],
    );
    let broken = format!("{head}patches:\n- patch: |\n    kind: ConfigMap\n    metadata: [\n");
    same(
        said(&read_as("kustomization.yaml", &broken)),
        &[
            "1:1 note the kustomization itself holds no aws-auth",
            "6:16 error not valid YAML: while parsing a node, did not find expected node content",
        ],
    );
}

#[test]
fn lists_outside_of_config_maps() {
    for (text, place) in [
        (
            "clusterID: demo\nserver:\n  port: 21362\n  mapRoles:\n  - roleARN: arn:aws:iam::111122223333:role/Admin\n    username: admin\n    groups:\n    - system:masters\n",
            "5:5",
        ),
        ("- rolearn: arn:aws:iam::111122223333:role/Admin\n  username: admin\n  groups: [system:masters]\n", "1:3"),
        (
            "mapRoles:\n- rolearn: arn:aws:iam::111122223333:role/Admin\n  username: admin\n  groups: [system:masters]\nother: x\n",
            "2:3",
        ),
        (
            "apiVersion: iamauthenticator.k8s.aws/v1alpha1\nkind: IAMIdentityMapping\nmetadata: {name: a}\nspec:\n  arn: arn:aws:iam::111122223333:role/Admin\n  username: admin\n  groups: [system:masters]\n",
            "1:1",
        ),
        (
            "apiVersion: controlplane.cluster.x-k8s.io/v1beta2\nkind: AWSManagedControlPlane\nmetadata: {name: a}\nspec:\n  eksClusterName: demo\n  iamAuthenticatorConfig:\n    mapRoles:\n    - rolearn: arn:aws:iam::111122223333:role/Admin\n      username: admin\n      groups: [system:masters]\n",
            "8:7",
        ),
    ] {
        let read = read_as("a.yaml", text);
        same(said(&read), &[]);
        assert_eq!(lines(&read), [format!("{place} {ADMIN}")], "{text}");
    }
}

#[test]
fn identity_mappings_are_gathered_and_their_faults_are_placed() {
    let one = |arn: &str, more: &str| {
        format!(
            "---\napiVersion: iamauthenticator.k8s.aws/v1alpha1\nkind: IAMIdentityMapping\nmetadata: {{name: a}}\nspec:\n  arn: {arn}\n{more}"
        )
    };
    let read = read_as(
        "a.yaml",
        &[
            one("arn:aws:iam::111122223333:user/u", "  username: u\n"),
            one("arn:aws:iam::111122223333:role/x/r", "  username: r\n  groups: [g]\n"),
            one("arn:aws:iam::111122223333:role/s", "  groups: [g]\n"),
            one("", ""),
        ]
        .concat(),
    );
    same(said(&read), &["28:3 error `spec.arn` of IAMIdentityMapping `a` is missing"]);
    same(
        lines(&read),
        &[
            "9:1 arn:aws:iam::111122223333:role/x/r r [g]",
            "17:1 arn:aws:iam::111122223333:role/s - [g]",
            "2:1 arn:aws:iam::111122223333:user/u u []",
        ],
    );
    same(
        problems(&read),
        &[
            "13:8 dropped `arn:aws:iam::111122223333:role/x/r`: STS never tells a role's path, so this line matches nobody; write `arn:aws:iam::111122223333:role/r`",
            "17:1 dropped `arn:aws:iam::111122223333:role/s` has no username, and is mapped to nobody; add `username`",
        ],
    );
}
