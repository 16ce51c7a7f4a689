//! `homer-export-tool.wasm`: one function with a text result.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fake_homer::{
    API_TOKEN, DEMO_CALL_ID, DEMO_WINDOW_MS, FakeHomer, PASSWORD, USERNAME, large_capture,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xtask::artifact::EXPORTER_TEXT;

use host_test::untyped_host::Host;

const CALL_SHA256: &str = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f";

async fn call(host: &Host, call_id: &str, from: i64, to: i64) -> Value {
    let arguments = json!({ "callid": call_id, "from-ts": from, "to-ts": to });
    host.call(None, "homer-export-pcap", arguments)
        .await
        .unwrap()
}

/// The result, which is a text, parsed as JSON.
async fn export(host: &Host, call_id: &str) -> Value {
    let result = call(host, call_id, DEMO_WINDOW_MS.0, DEMO_WINDOW_MS.1).await;
    serde_json::from_str(result["ok"].as_str().unwrap_or_else(|| panic!("{result}"))).unwrap()
}

#[tokio::test]
async fn exporter_text_returns_a_call_as_text() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    for credential in [
        &[("HOMER_API_TOKEN", API_TOKEN)][..],
        // The component logs in itself, because a gateway cannot.
        &[("HOMER_USERNAME", USERNAME), ("HOMER_PASSWORD", PASSWORD)],
    ] {
        let host = Host::new(
            EXPORTER_TEXT,
            &[&[("HOMER_URL", url.as_str())], credential].concat(),
        );
        let result = export(&host, DEMO_CALL_ID).await;
        assert_eq!(
            (&result["size_bytes"], &result["sha256"]),
            (&json!(3311), &json!(CALL_SHA256))
        );
        assert_eq!(
            (&result["delivery"], &result["filename"]),
            (&json!("base64"), &json!("udp-normal-1@192.0.2.10.pcap"))
        );
        assert_eq!(
            (&result["report"]["complete"], &result["report"]["packets"]),
            (&json!(true), &json!(7))
        );
        let capture = BASE64_STANDARD
            .decode(result["pcap_base64"].as_str().unwrap())
            .unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&Sha256::digest(capture)),
            CALL_SHA256
        );
    }
}

#[tokio::test]
async fn exporter_text_fails_with_a_message_that_names_the_case() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let (from, to) = DEMO_WINDOW_MS;
    let host = |environment: &[(&str, &str)]| Host::new(EXPORTER_TEXT, environment);
    let allowed = host(&[("HOMER_URL", &url), ("HOMER_API_TOKEN", API_TOKEN)]);
    for (host, call_id, from, beginning) in [
        (&allowed, "", from, "invalid-request: the Call-ID is empty"),
        (
            &allowed,
            DEMO_CALL_ID,
            to,
            "invalid-request: the window is ",
        ),
        (
            &host(&[("HOMER_MAX_INLINE_BYTES", "x"), ("HOMER_URL", &url)]),
            DEMO_CALL_ID,
            from,
            "misconfigured: HOMER_MAX_INLINE_BYTES",
        ),
        (
            &host(&[("HOMER_URL", &url)]),
            DEMO_CALL_ID,
            from,
            "unauthorized: ",
        ),
        (
            &host(&[("HOMER_URL", "http://127.0.0.1:1")]),
            DEMO_CALL_ID,
            from,
            "unreachable: ",
        ),
        (&allowed, "nobody@nowhere", from, "nothing-captured: "),
    ] {
        let result = call(host, call_id, from, to).await;
        let text = result["err"].as_str().unwrap_or_else(|| panic!("{result}"));
        assert!(text.starts_with(beginning), "{text}");
    }
}

#[tokio::test]
async fn exporter_text_omits_a_capture_that_is_too_large_but_reports_on_it() {
    for (calls, limit) in [(9, "32 KiB"), (900, "32 KiB"), (9000, "32 KiB")] {
        let capture = large_capture(calls);
        let homer = FakeHomer::with_capture(capture.clone()).await.unwrap();
        let host = Host::new(EXPORTER_TEXT, &[("HOMER_URL", &homer.url())]);
        let result = export(&host, "000000000000@192.0.2.10").await;
        assert_eq!(
            (&result["size_bytes"], &result["pcap_base64"].is_null()),
            (&json!(capture.len()), &(calls > 9))
        );
        assert_eq!(
            result["sha256"],
            data_encoding::HEXLOWER.encode(&Sha256::digest(&capture))
        );
        assert_eq!(result["report"]["packets"], json!(7 * calls));
        let summary = result["summary"].as_str().unwrap();
        let told = format!(
            "the pcap itself is omitted, because it is larger than {limit}: ask the operator to"
        );
        assert_eq!(summary.contains(&told), calls > 9, "{summary}");
        assert_eq!(
            result["delivery"],
            if calls > 9 { "withheld" } else { "base64" }
        );
        assert!(result["report"].to_string().len() <= homer_export::report::MAX_JSON);
    }
}

#[tokio::test]
async fn exporter_text_includes_a_larger_capture_if_configured() {
    let capture = large_capture(900);
    let homer = FakeHomer::with_capture(capture.clone()).await.unwrap();
    let host = Host::new(
        EXPORTER_TEXT,
        &[
            ("HOMER_URL", &homer.url()),
            ("HOMER_MAX_INLINE_BYTES", "4194304"),
        ],
    );
    let result = export(&host, "000000000000@192.0.2.10").await;
    assert_eq!(result["pcap_base64"], BASE64_STANDARD.encode(capture));
}
