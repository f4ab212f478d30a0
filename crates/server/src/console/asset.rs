//! The style sheet and the script: in the binary, under names that hold their hash, so that browsers may keep them.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::security;

/// A file.
pub(super) struct Asset {
    /// `NAME.HASH.EXT`.
    name: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, content: &'static str) -> Asset {
        let digest = hex::encode(Sha256::digest(content.as_bytes()));
        let hash = digest.get(..12).unwrap_or_default();
        Asset { name: format!("{stem}.{hash}.{extension}"), kind, content }
    }

    /// Its URL.
    pub(super) fn url(&self) -> String {
        format!("/console/assets/{}", self.name)
    }
}

/// The style sheet.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", "text/css; charset=utf-8", include_str!("../../assets/console.css")));
/// The script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("../../assets/console.js"))
});
/// The icon.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")));

/// Answers a request for a file.
pub(super) fn answer(name: &str) -> Response {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let mut response = match all.into_iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let mut response = Response::new(Body::from(asset.content));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
            response
        }
        None => {
            let mut response = Response::new(Body::from("there is no such file\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    };
    security::harden(&mut response);
    response
}
