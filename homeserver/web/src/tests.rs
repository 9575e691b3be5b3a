use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

async fn ask(path: &str, encoding: &str) -> Response {
    let request = Request::get(path).header("Accept-Encoding", encoding).body(Body::empty()).unwrap();
    router::<()>().with_state(()).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn the_root_is_the_client_or_says_how_to_build_it() {
    let response = ask("/", "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = response.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert_eq!(FILES.is_empty(), page.contains("cargo xtask web"));
}

#[tokio::test]
async fn the_admin_page_speaks_to_its_own_server_alone() {
    assert_eq!(ask("/_hearth/admin", "").await.headers()["location"], "/_hearth/admin/");
    let response = ask("/_hearth/admin/", "").await;
    assert_eq!(response.status(), 200);
    if !FILES.is_empty() {
        assert_eq!(response.headers()["cross-origin-opener-policy"], "same-origin");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("connect-src 'self';") && !policy.contains("unsafe-inline"), "{policy}");
    }
}

#[tokio::test]
async fn what_a_release_has_is_kept_and_what_it_has_not_is_not_found() {
    for file in FILES.iter().filter(|file| file.path[1..].contains('/')) {
        let response = ask(&format!("{RELEASES}{}", file.path), "gzip, br").await;
        assert_eq!(response.status(), 200, "{}", file.path);
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(response.headers().contains_key("content-encoding"), file.brotli.is_some());
        let plain = ask(&format!("{RELEASES}{}", file.path), "gzip").await;
        assert_eq!(plain.into_body().collect().await.unwrap().to_bytes(), file.plain);
    }
    for absent in ["/_hearth/web/index.html", "/_hearth/web/0/app.js", "/_hearth/web/../Cargo.toml"] {
        assert_eq!(ask(absent, "br").await.status(), 404, "{absent}");
    }
}

#[test]
fn brotli_is_given_only_to_who_takes_it() {
    let takes = |value: &'static str| {
        takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    };
    assert!(takes("gzip, deflate, br") && takes("BR;q=0.5"));
    assert!(!takes("gzip") && !takes("br;q=0, gzip") && !takes("brotli"));
}
