//! The fake Homer responds as the recorded Homer did.

use bytes::Bytes;
use fake_homer::{API_TOKEN, JWT};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use host_test::calls::homer;

/// Status and body of the response to a recorded request, or `None` if the connection is closed.
async fn replay(url: &str, request: &Value) -> Option<(u64, Bytes)> {
    let mut builder = http::Request::builder()
        .method(request["method"].as_str().unwrap())
        .uri(format!("{url}{}", request["path"].as_str().unwrap()));
    for field in request["headers"].as_array().unwrap() {
        let value = field[1]
            .as_str()
            .unwrap()
            .replace("<AUTH_TOKEN>", API_TOKEN)
            .replace("<JWT>", JWT);
        builder = builder.header(field[0].as_str().unwrap(), value);
    }
    let body = request["body_as_sent"]
        .as_str()
        .unwrap_or_default()
        .to_string();
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client
        .request(builder.body(Full::from(body)).unwrap())
        .await
        .ok()?;
    let status = response.status().as_u16().into();
    Some((
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    ))
}

#[tokio::test]
async fn fake_homer_responds_as_recorded() {
    let (_homer, url) = homer().await;
    let data = format!("{}/../tests/data", env!("CARGO_MANIFEST_DIR"));
    for name in [
        "auth-malformed-json",
        "auth-no-content-type",
        "auth-unknown-user",
        "auth-wrong-password",
        "authz-auth-token-wrong",
        "authz-garbage-bearer",
        "authz-none",
        "export-b2bua-a",
        "export-b2bua-b",
        "export-b2bua-both",
        "export-bad-profile",
        "export-callid-awkward-1",
        "export-callid-awkward-2",
        "export-callid-string",
        "export-content-type-text",
        "export-float-ts",
        "export-ipv6",
        "export-long-call-end-only",
        "export-long-call-start-only",
        "export-malformed-json",
        "export-many-calls",
        "export-mixed-v4-v6",
        "export-ok-auth-token",
        "export-ok-bearer",
        "export-profile-options",
        "export-profile-registration",
        "export-rtcp-log",
        "export-tcp",
        "export-two-probes",
        "export-unknown-callid",
        "export-window-between",
        "http-404-api-authorized",
        "http-404-outside",
    ] {
        let recording: Value =
            serde_json::from_str(&std::fs::read_to_string(format!("{data}/{name}.json")).unwrap())
                .unwrap();
        let response = &recording["response"];
        let expected = response["status"].as_u64().map(|status| {
            let body = match response["body_file"].as_str() {
                Some(file) => std::fs::read(format!("{data}/{file}")).unwrap(),
                None => response["body_text"].as_str().unwrap().as_bytes().to_vec(),
            };
            (status, Bytes::from(body))
        });
        assert_eq!(
            replay(&url, &recording["request"]).await,
            expected,
            "{name}"
        );
    }
}
