//! A plan of 100 MB is read within four times its size of memory, its own text included. A process of its own,
//! since the system counts memory by process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::fmt::Write;

use entryway_formats::{ReadOptions, Source, read};

/// The most memory that this process has had, in bytes; nothing where the system does not tell.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}

/// A plan as Terraform writes it: on one line, every resource twice, most of them not about access. Made in one
/// text of its final size, so that making it takes no more than holding it.
fn plan(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 100_000);
    text.push_str(r#"{"format_version":"1.2","planned_values":{"root_module":{"resources":["#);
    rows(&mut text, bytes * 2 / 5, |values| format!(r#""values":{values}"#));
    text.push_str(r#"]}},"resource_changes":["#);
    rows(&mut text, bytes, |values| {
        format!(r#""change":{{"actions":["create"],"before":null,"after":{values},"after_unknown":{{"id":true}}}}"#)
    });
    text.push_str(r#"],"configuration":{"root_module":{}}}"#);
    text
}

fn rows(text: &mut String, until: usize, body: impl Fn(&str) -> String) {
    let filler = r#"{"bucket":"b","acl":null,"content":"lorem ipsum dolor sit amet, consectetur","tags":{"a":"1","b":"2"},"list":[1,2,3,4,5,6,7,8,9,10],"nested":[{"x":{"y":[{"z":"w"}]}}]}"#;
    let mut number = 0;
    while text.len() < until {
        let entry = format!(r#"{{"cluster_name":"demo","principal_arn":"arn:aws:iam::111122223333:role/r{number}"}}"#);
        let (kind, values) =
            if number % 1000 == 0 { ("aws_eks_access_entry", entry.as_str()) } else { ("aws_s3_object", filler) };
        let separator = if number == 0 { "" } else { "," };
        let body = body(values);
        let _ = write!(
            text,
            r#"{separator}{{"address":"{kind}.this[{number}]","mode":"managed","type":"{kind}","name":"this","index":{number},{body}}}"#
        );
        number += 1;
    }
}

#[test]
fn a_plan_of_100_megabytes_takes_at_most_four_times_its_size() {
    const SIZE: usize = 100 << 20;
    let text = plan(SIZE);
    let length = text.len();
    let source = Source::new("plan.json", text);
    let Some(before) = peak() else { return };
    let read = read(&source, &ReadOptions::default());
    assert!(read.value.clusters[0].entries.len() > 100);
    let added = peak().unwrap().saturating_sub(before);
    assert!(length + added <= 4 * length, "reading {length} bytes added {added}");
    println!("{} MB of plan, {} MB more to read it", length >> 20, added >> 20);
}
