//! The signature of a request: method, path, query and headers, a line each.
#![no_main]
use entryway_iam::sigv4::{Authorization, RequestParts};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let (method, path, query) = (lines.next().unwrap_or("GET"), lines.next().unwrap_or("/"), lines.next().unwrap_or(""));
    let headers: Vec<(&str, &[u8])> = lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n, v.as_bytes())).collect();
    let _ = Authorization::parse(&RequestParts { method, path, query, headers: &headers });
});
