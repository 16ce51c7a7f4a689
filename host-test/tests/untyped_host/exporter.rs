//! `homer-export.wasm`: the function `export-pcap`, which gateways can call.

use fake_homer::{API_TOKEN, DEMO_CALL_ID, DEMO_WINDOW_MS, FakeHomer, large_capture};
use serde_json::{Value, json};
use xtask::artifact::EXPORTER;

use host_test::untyped_host::Host;

const INTERFACE: &str = "homer:capture/homer-export@0.2.0";

async fn export(host: &Host, call_id: &str, from: i64, to: i64) -> Value {
    let arguments = json!({ "callid": call_id, "from-ts": from, "to-ts": to });
    host.call(Some(INTERFACE), "export-pcap", arguments)
        .await
        .unwrap()
}

#[tokio::test]
async fn exporter_returns_a_call() {
    let homer = FakeHomer::start().await.unwrap();
    let host = Host::new(
        EXPORTER,
        &[("HOMER_URL", &homer.url()), ("HOMER_API_TOKEN", API_TOKEN)],
    );
    let (from, to) = DEMO_WINDOW_MS;
    let result = export(&host, DEMO_CALL_ID, from, to).await;
    let capture = &result["ok"];
    assert_eq!(capture["filename"], "udp-normal-1@192.0.2.10.pcap");
    assert_eq!(capture["media-type"], "application/vnd.tcpdump.pcap");
    let recorded = std::fs::read(format!(
        "{}/../tests/data/export-ok-auth-token.pcap",
        env!("CARGO_MANIFEST_DIR")
    ));
    assert_eq!(capture["data"], json!(recorded.unwrap()));
    let report = &capture["report"];
    assert_eq!(
        (
            &report["packets"],
            &report["complete"],
            &report["final-status"]
        ),
        (&json!(7), &json!(true), &json!(200))
    );
}

#[tokio::test]
async fn exporter_fails_with_the_case_and_a_message() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let (from, to) = DEMO_WINDOW_MS;
    let host = |environment: &[(&str, &str)]| Host::new(EXPORTER, environment);
    let allowed = host(&[("HOMER_URL", &url), ("HOMER_API_TOKEN", API_TOKEN)]);
    for (host, call_id, from, tag, part) in [
        (
            &allowed,
            "",
            from,
            "invalid-request",
            "the Call-ID is empty",
        ),
        (
            &allowed,
            DEMO_CALL_ID,
            from / 1000,
            "invalid-request",
            "looks like seconds",
        ),
        (
            &host(&[]),
            DEMO_CALL_ID,
            from,
            "misconfigured",
            "HOMER_URL is not set",
        ),
        (
            &host(&[("HOMER_URL", &url), ("HOMER_API_TOKEN", "wr0ng")]),
            DEMO_CALL_ID,
            from,
            "unauthorized",
            "API token",
        ),
        (
            &host(&[("HOMER_URL", "http://127.0.0.1:1")]),
            DEMO_CALL_ID,
            from,
            "unreachable",
            "refused the connection",
        ),
        (
            &allowed,
            "nobody@nowhere",
            from,
            "nothing-captured",
            "nobody@nowhere",
        ),
    ] {
        let error = &export(host, call_id, from, to).await["err"];
        // A case with more than a text has a record.
        let val = error["val"].get("message").unwrap_or(&error["val"]);
        let text = val.as_str().unwrap();
        assert!(
            error["tag"] == tag && text.contains(part) && !text.contains("wr0ng"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn exporter_refuses_captures_that_would_trap_the_host() {
    // 3 MB and 30 MB. In this host a list above 3.35 MB traps, and the caller would get no error of
    // the contract.
    for calls in [900, 9000] {
        let capture = large_capture(calls);
        let homer = FakeHomer::with_capture(capture).await.unwrap();
        let host = Host::new(EXPORTER, &[("HOMER_URL", &homer.url())]);
        let error = &export(
            &host,
            "000000000000@192.0.2.10",
            DEMO_WINDOW_MS.0,
            DEMO_WINDOW_MS.1,
        )
        .await["err"];
        assert_eq!(
            (&error["tag"], &error["val"]["limit"]),
            (&json!("too-large"), &json!(2 * 1024 * 1024)),
            "{error}"
        );
        assert!(
            error["val"]["message"]
                .as_str()
                .unwrap()
                .contains("raise HOMER_MAX_BYTES"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn exporter_returns_a_capture_within_the_limit() {
    let capture = large_capture(600);
    assert!(
        (1_900_000..2 * 1024 * 1024).contains(&capture.len()),
        "{}",
        capture.len()
    );
    let homer = FakeHomer::with_capture(capture.clone()).await.unwrap();
    let host = Host::new(EXPORTER, &[("HOMER_URL", &homer.url())]);
    let result = export(
        &host,
        "000000000000@192.0.2.10",
        DEMO_WINDOW_MS.0,
        DEMO_WINDOW_MS.1,
    )
    .await;
    assert_eq!(
        result["ok"]["data"].as_array().map(Vec::len),
        Some(capture.len())
    );
}
