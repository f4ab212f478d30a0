//! Untrusted texts: no reader panics, whatever it is given, and what is large or made to explode stays bounded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::time::{Duration, Instant};

use entryway_formats::{Format, ReadOptions, Source, Target, export, read, read_all, update};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 5] = ["a.yaml", "a.json", "main.tf", "x.auto.tfvars", "a.tfstate"];

/// Reads a text in every way there is, and does with the result what a caller would.
fn read_in_every_way(text: &str) {
    let formats = [None].into_iter().chain(Format::ALL.map(Some));
    for (name, format) in NAMES.into_iter().flat_map(|name| formats.clone().map(move |format| (name, format))) {
        let source = Source::new(name, text);
        let options = ReadOptions { format, ..ReadOptions::default() };
        let read = read(&source, &options);
        for said in &read.diagnostics {
            let places = said.place.iter().chain(said.related.iter().map(|(place, _)| place));
            for place in places {
                let (line, column) = place.line_and_column();
                assert!(line >= 1 && column >= 1 && !place.line_text().contains('\n'));
            }
        }
        for target in Target::ALL {
            let _ = export(&read.value, target);
        }
        let _ = update(&source, &read.value, &options);
    }
}

/// Pieces that the formats are made of, so that chance finds its way in.
fn pieces() -> impl Strategy<Value = String> {
    let words = vec![
        "clusters:",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "name: a",
        "access:",
        "principal: role/A",
        "policies: [View]",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "\"",
        "'",
        "&a ",
        "*a",
        "<<: *a",
        "!Ref x",
        "!!str ",
        "|\n  x",
        ">-\n  y",
        "# c",
        "---\n",
        "...\n",
        "\t",
        "\r\n",
        "é",
        "😀",
        "\u{feff}",
        "\u{2028}",
        "\0",
        "apiVersion: v1\nkind: ConfigMap\n",
        "kind: List\nitems:\n",
        "metadata: {name: aws-auth, namespace: kube-system}\n",
        "data:\n  mapRoles: |\n",
        "    - rolearn: arn:aws:iam::111122223333:role/A\n",
        "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n",
        "accessConfig:\n  accessEntries:\n",
        "Resources:\n  A:\n    Type: AWS::EKS::AccessEntry\n    Properties:\n",
        "\"format_version\":\"1.2\"",
        "\"version\":4",
        "\"resources\":[",
        "\"resource_changes\":[",
        "\"type\":\"aws_eks_access_entry\"",
        "resource \"aws_eks_access_entry\" \"a\" {\n",
        "module \"eks\" {\n source = \"terraform-aws-modules/eks/aws\"\n",
        "access_entries = {",
        "locals {\n",
        "a = local.a\n",
        "${",
        "%{",
        "$${",
        "<<EOT\n",
        "EOT\n",
        "for_each = ",
        "each.value",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "\\u",
        "\\",
        "expires: 2026-01-01T00:00Z",
        "for: 8h",
        "grants:",
    ];
    prop_oneof![8 => prop::sample::select(words).prop_map(str::to_owned), 1 => "\\PC{0,6}", 1 => "[ -~]{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        read_in_every_way(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn pieces_of_formats_never_panic(pieces in vec(pieces(), 0..40)) {
        read_in_every_way(&pieces.concat());
    }

    #[test]
    fn damaged_files_never_panic(at in 0usize..4000, length in 0usize..40, with in "\\PC{0,4}") {
        for text in [OWN, STATE, HCL] {
            let mut start = at % text.len();
            while !text.is_char_boundary(start) { start -= 1; }
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(end) { end += 1; }
            read_in_every_way(&format!("{}{with}{}", &text[..start], &text[end..]));
        }
    }
}

const OWN: &str = include_str!("golden/entryway.yaml");
const HCL: &str = include_str!("golden/terraform.tf");
const STATE: &str = r#"{"version": 4, "terraform_version": "1.9.0", "resources": [{"mode": "managed", "type": "aws_eks_access_entry", "name": "a",
 "instances": [{"index_key": "x", "attributes": {"cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/A",
 "kubernetes_groups": ["a"], "type": "STANDARD", "tags": {"k": "v"}}}]}]}"#;

/// Reads within a time that leaves room for a slow machine and a debug build, and no room for anything that grows
/// faster than its text.
fn read_soon(name: &str, text: String) -> usize {
    let start = Instant::now();
    let source = Source::new(name, text);
    let read = read_all(&[source], &ReadOptions::default());
    assert!(start.elapsed() < Duration::from_secs(120), "{name} took {:?}", start.elapsed());
    read.diagnostics.len()
}

#[test]
fn large_and_malicious_texts_come_to_an_end() {
    let deep = "[".repeat(200_000);
    for name in NAMES {
        assert!(read_soon(name, deep.clone()) > 0);
        assert!(read_soon(name, "{\"a\":".repeat(100_000)) > 0);
        read_soon(name, "a: ".repeat(50_000));
        read_soon(name, "- ".repeat(50_000));
    }
    // One key many times, one anchor many times, one long line.
    read_soon("keys.yaml", "a: 1\n".repeat(20_000));
    read_soon("anchors.yaml", format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(1000), "*a,".repeat(10_000)));
    let merges: String = (1..5000).map(|n| format!("k{n}: &k{n}\n  <<: *k{}\n  m{n}: 1\n", n - 1)).collect();
    assert!(read_soon("merges.yaml", format!("k0: &k0 {{}}\n{merges}")) > 0);
    read_soon("line.yaml", format!("clusters: [{}]", "x, ".repeat(100_000)));
    assert!(read_soon("long.yaml", " ".repeat(65 * 1024 * 1024)) > 0);
}

#[test]
fn many_entries_are_read_in_time_that_grows_with_their_number() {
    let entries: String = (0..20_000)
        .map(|n| format!("  - principal: arn:aws:iam::111122223333:role/r{n}\n    policies: [View]\n"))
        .collect();
    read_soon("many.yaml", format!("clusters:\n- name: a\n  access:\n{entries}"));
}
