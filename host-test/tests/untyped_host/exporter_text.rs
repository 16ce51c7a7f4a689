//! `homer-export-tool.wasm`: functions with a text result.

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

/// The arguments of a search: a window, one condition, and empty texts.
fn search(from: &str, to: &str, condition: (&str, &str)) -> Value {
    let mut arguments = json!({
        "from-ts": from, "to-ts": to, "caller": "", "callee": "", "party": "", "method": "",
        "status": "", "source": "", "destination": "", "user-agent": "", "callid-prefix": "",
    });
    arguments[condition.0] = json!(condition.1);
    arguments
}

#[tokio::test]
async fn exporter_text_finds_calls() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let host = Host::new(
        EXPORTER_TEXT,
        &[("HOMER_URL", &url), ("HOMER_API_TOKEN", API_TOKEN)],
    );
    let find = async |from: &str, to: &str, condition| {
        host.call(None, "homer-find-calls", search(from, to, condition))
            .await
            .unwrap()
    };
    let (from, to) = (DEMO_WINDOW_MS.0.to_string(), "2026-11-20T10:04:00Z");
    for (condition, calls) in [
        (("caller", "alice"), 1),
        (("status", "2xx"), 1),
        (("caller", "nobody"), 0),
        (("method", "REGISTER"), 0),
    ] {
        let result = find(&from, to, condition).await;
        let found: Value = serde_json::from_str(result["ok"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&found["complete"], found["calls"].as_array().unwrap().len()),
            (&json!(true), calls),
            "{condition:?}: {found}"
        );
        if calls > 0 {
            let suggested = &found["calls"][0]["export"];
            let (from, to) = (&suggested["from_ts"], &suggested["to_ts"]);
            let id = suggested["callid"].as_str().unwrap();
            let exported = call(&host, id, from.as_i64().unwrap(), to.as_i64().unwrap()).await;
            assert!(exported["ok"].is_string(), "{exported}");
        }
    }
    // The component has a clock. Today, the archive has no calls.
    let result = find("-1h", "now", ("caller", "")).await;
    let found: Value = serde_json::from_str(result["ok"].as_str().unwrap()).unwrap();
    assert_eq!(found["calls"], json!([]));
    for (from, condition, beginning) in [
        (
            "2026-11-20",
            ("caller", ""),
            "invalid-request: from-ts is \"2026-11-20\", which has no time zone",
        ),
        (
            "",
            ("caller", ""),
            "invalid-request: from-ts is \"\", which is not a time",
        ),
        (
            &*from,
            ("status", "100"),
            "invalid-request: status is \"100\"",
        ),
    ] {
        let result = find(from, to, condition).await;
        let text = result["err"].as_str().unwrap_or_else(|| panic!("{result}"));
        assert!(text.starts_with(beginning), "{text}");
    }
}

#[tokio::test]
async fn exporter_text_explains_an_empty_export() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let variables = [("HOMER_URL", &*url), ("HOMER_API_TOKEN", API_TOKEN)];
    let (from, to) = (DEMO_WINDOW_MS.0 - 7_200_000, DEMO_WINDOW_MS.0 - 3_600_000);
    for (explain, told, searches) in [("on", true, 1), ("off", false, 0)] {
        let before = homer.searches();
        let host = Host::new(
            EXPORTER_TEXT,
            &[&variables[..], &[("HOMER_EXPLAIN", explain)]].concat(),
        );
        let result = call(&host, DEMO_CALL_ID, from, to).await;
        let text = result["err"].as_str().unwrap_or_else(|| panic!("{result}"));
        assert!(text.starts_with("nothing-captured: "), "{text}");
        assert_eq!(text.contains("use from 1795168795000 "), told, "{text}");
        assert_eq!(homer.searches() - before, searches);
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
