//! `homer_read_ladder` and `homer_compare_calls` over standard input and output.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use fake_homer::{DEMO_CALL_ID, DEMO_WINDOW_MS, FakeHomer, large_capture};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};

const LADDER: &str = "homer_read_ladder";
const COMPARE: &str = "homer_compare_calls";

type Client = RunningService<RoleClient, ()>;

async fn client(homer: &FakeHomer) -> Client {
    ().serve(TokioChildProcess::new(program::command(homer)).unwrap())
        .await
        .unwrap()
}

async fn call(client: &Client, tool: &'static str, arguments: &Value) -> CallToolResult {
    let arguments = arguments.as_object().unwrap().clone();
    client
        .call_tool(CallToolRequestParams::new(tool).with_arguments(arguments))
        .await
        .unwrap()
}

/// The text of a call that succeeds; there is no structured content.
async fn succeed(client: &Client, tool: &'static str, arguments: &Value) -> String {
    let result = call(client, tool, arguments).await;
    assert_ne!(result.is_error, Some(true), "{result:?}");
    assert_eq!(result.structured_content, None);
    assert_eq!(result.content.len(), 1);
    result.content[0].as_text().unwrap().text.clone()
}

async fn fail(client: &Client, tool: &'static str, arguments: &Value) -> String {
    let result = call(client, tool, arguments).await;
    assert_eq!(result.is_error, Some(true), "{result:?}");
    result.content[0].as_text().unwrap().text.clone()
}

fn demo_call() -> Value {
    json!({"callid": DEMO_CALL_ID, "from_ts": DEMO_WINDOW_MS.0, "to_ts": DEMO_WINDOW_MS.1})
}

#[tokio::test]
async fn client_reads_the_ladder_of_an_exported_call_without_another_export() {
    let homer = FakeHomer::start().await.unwrap();
    let client = client(&homer).await;
    let exported = call(&client, "homer_export_pcap", &demo_call()).await;
    assert_ne!(exported.is_error, Some(true));
    let before = homer.exports();
    let text = succeed(&client, LADDER, &demo_call()).await;
    assert!(
        text.starts_with("Rows 1 to 7 of 7; the capture has 7 packets."),
        "{text}"
    );
    assert!(text.ends_with("\nThis is the last page.\n"), "{text}");
    // Clients that fill in all properties send null.
    let mut ringing = demo_call();
    ringing["status"] = json!(180);
    ringing["method"] = Value::Null;
    let text = succeed(&client, LADDER, &ringing).await;
    assert!(
        text.contains("\n3 ") && text.contains("180 Ringing"),
        "{text}"
    );
    assert_eq!(homer.exports(), before);
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_reads_the_ladder_of_a_capture_that_no_message_could_hold() {
    // 9 MB: neither the cache nor a message of this server takes it.
    let homer = FakeHomer::with_capture(large_capture(2770)).await.unwrap();
    let client = client(&homer).await;
    let mut arguments = demo_call();
    arguments["from_packet"] = json!(19_001);
    let text = succeed(&client, LADDER, &arguments).await;
    assert!(
        text.starts_with("Rows 19001 to ") && text.contains(" of 19390; "),
        "{text}"
    );
    assert!(text.len() <= 8000, "{}", text.len());
    assert!(text.contains("\nNext page: from_packet 19"), "{text}");
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_compares_a_call_that_fails_with_one_that_works() {
    let homer = FakeHomer::start().await.unwrap();
    let client = client(&homer).await;
    let arguments = json!({
        "callid_a": "busy@demo", "callid_b": DEMO_CALL_ID,
        "from_ts": "2026-11-20T09:00:00Z", "to_ts": "2026-11-20T15:00:00Z",
    });
    let text = succeed(&client, COMPARE, &arguments).await;
    assert!(text.len() <= 4000, "{}", text.len());
    assert!(
        text.starts_with("Call A \"busy@demo\": refused: "),
        "{text}"
    );
    assert!(
        text.contains("\n1. Final status: A \"486\", B \"200\"\n"),
        "{text}"
    );
    let same = json!({
        "callid_a": DEMO_CALL_ID, "callid_b": DEMO_CALL_ID,
        "from_ts": DEMO_WINDOW_MS.0, "to_ts": DEMO_WINDOW_MS.1,
    });
    let text = succeed(&client, COMPARE, &same).await;
    assert!(text.contains("\nNo differences found"), "{text}");
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_is_told_why_nothing_was_read() {
    let homer = FakeHomer::start().await.unwrap();
    let client = client(&homer).await;
    let before = homer.exports();
    let mut arguments = demo_call();
    arguments["status"] = json!("busy");
    assert_eq!(
        fail(&client, LADDER, &arguments).await,
        "invalid-request: status is \"busy\"; expected a status from 100 to 699 (486) or a class \
         (4xx)"
    );
    // An invalid condition costs no request to Homer.
    assert_eq!(homer.exports(), before);
    let mut arguments = demo_call();
    arguments["callid"] = json!("nobody@nowhere");
    let text = fail(&client, LADDER, &arguments).await;
    assert!(text.starts_with("nothing-captured: "), "{text}");
    let arguments = json!({
        "callid_a": DEMO_CALL_ID, "callid_b": "nobody@nowhere",
        "from_ts": DEMO_WINDOW_MS.0, "to_ts": DEMO_WINDOW_MS.1,
    });
    let text = fail(&client, COMPARE, &arguments).await;
    assert!(text.starts_with("nothing-captured: "), "{text}");
    client.cancel().await.unwrap();
}
