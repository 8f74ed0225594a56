//! The web client inside the binary: its page for every room, its files, and what browsers are told about both.

use std::borrow::Cow;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use rust_embed::RustEmbed;

use crate::answer::{Answer, sentence};

#[derive(RustEmbed)]
#[folder = "../../../web/dist"]
#[allow_missing = true]
struct Dist;

/// A room's page loads nothing from elsewhere, and nobody else may put it in a frame and press its buttons.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
    media-src 'self' blob: mediastream:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

pub(crate) fn exists(path: &str) -> bool {
    path != "index.html" && Dist::get(path).is_some()
}

pub(crate) fn page(request: &HeaderMap) -> Answer {
    let Some(file) = Dist::get("index.html") else {
        return sentence(
            StatusCode::NOT_FOUND,
            "this build has no web client: run \"npm run build\" in web/",
        );
    };
    let mut answer = content(request, "text/html; charset=utf-8", "no-cache", file);
    let headers = answer.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    set("content-security-policy", CONTENT_SECURITY_POLICY);
    set("permissions-policy", "camera=(self), microphone=(self), display-capture=(self), autoplay=(self)");
    // The address of a room is all that one needs to enter it.
    set("referrer-policy", "no-referrer");
    answer
}

pub(crate) fn file(request: &HeaderMap, path: &str) -> Answer {
    let Some(file) = Dist::get(path) else {
        return sentence(StatusCode::NOT_FOUND, "there is no such file");
    };
    let guessed = mime_guess::from_path(path).first_or_octet_stream();
    let kind = match guessed.type_() == mime_guess::mime::TEXT || guessed.subtype() == "javascript" {
        true => format!("{guessed}; charset=utf-8"),
        false => guessed.to_string(),
    };
    // The build puts a hash of its content into the name of everything under assets/.
    let keep = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    content(request, &kind, keep, file)
}

fn content(request: &HeaderMap, kind: &str, keep: &'static str, file: rust_embed::EmbeddedFile) -> Answer {
    let hash = file.metadata.sha256_hash();
    let tag = hash.iter().take(8).fold(String::from("W/\""), |tag, byte| format!("{tag}{byte:02x}")) + "\"";
    let is_known = request.get(IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains(&tag));
    let bytes = match file.data {
        _ if is_known => Bytes::new(),
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut answer = Answer::new(Full::new(bytes));
    if is_known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    for (name, value) in [(CONTENT_TYPE, kind), (ETAG, tag.as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    answer
}
