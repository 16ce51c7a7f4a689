//! `homer_find_calls` of `homer-export-mcp`, and what follows it, in both eras of the protocol.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use fake_homer::{Archive, DEMO_CALL_ID, FakeHomer, Row, SearchBehavior};
use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _};
use serde_json::{Value, json};

const FIND: &str = "homer_find_calls";
const EXPORT: &str = "homer_export_pcap";

/// 2026-11-20T10:00:00Z in seconds.
const TEN_S: i64 = 1_795_168_800;

type Client = RunningService<RoleClient, ClientConfig>;

fn eras() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
    ]
}

async fn client(homer: &FakeHomer, era: ClientLifecycleMode) -> Client {
    let transport = TokioChildProcess::new(program::command(homer)).unwrap();
    ClientConfig::default()
        .serve_with_lifecycle(transport, era)
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

/// The structured content of a call that succeeds. The text block of an export is for readers; that
/// of other tools has the same JSON.
async fn succeed(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let result = call(client, tool, &arguments).await;
    assert_ne!(result.is_error, Some(true), "{result:?}");
    let structured = result.structured_content.unwrap();
    let text = &result.content[0].as_text().unwrap().text;
    if tool != EXPORT {
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), structured);
    }
    structured
}

async fn homer_with(rows: impl IntoIterator<Item = Row>) -> FakeHomer {
    let mut archive = Archive::default();
    archive.add_rows(rows);
    FakeHomer::with_archive(archive).await.unwrap()
}

#[tokio::test]
async fn client_finds_a_call_and_exports_it() {
    let homer = FakeHomer::start().await.unwrap();
    for era in eras() {
        let client = client(&homer, era).await;
        // As a person would say it: that number, in the morning.
        let found = succeed(
            &client,
            FIND,
            json!({
                "from_ts": "2026-11-20T11:00:00+01:00", "to_ts": "2026-11-20T10:05:00Z",
                "party": "alice", "status": "2xx",
            }),
        )
        .await;
        let tools = client.list_all_tools().await.unwrap();
        let find = tools.iter().find(|tool| tool.name == FIND).unwrap();
        let schema = Value::Object(find.output_schema.as_deref().cloned().unwrap());
        assert!(jsonschema::draft202012::is_valid(&schema, &found));
        assert_eq!(found["complete"], json!(true));
        let row = &found["calls"][0];
        assert_eq!(
            (&row["export"]["callid"], &row["status"]),
            (&json!(DEMO_CALL_ID), &json!(200))
        );
        let exported = succeed(&client, EXPORT, row["export"].clone()).await;
        assert_eq!(exported["size_bytes"], json!(3311));
        // The window of the export goes on to the other tool.
        let message = json!({
            "callid": DEMO_CALL_ID, "from_ts": exported["from_ts"], "to_ts": exported["to_ts"],
            "packet": 1,
        });
        let message = succeed(&client, "homer_read_message", message).await;
        assert_eq!(message["packets"], json!(7));
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn client_learns_the_limit_of_a_search() {
    let calls = (0..5000).map(|n| Row::invite(&format!("call-{n}@h"), (TEN_S + n) * 1_000_000));
    let homer = homer_with(calls).await;
    for era in eras() {
        let client = client(&homer, era).await;
        let window = json!({"from_ts": TEN_S * 1000, "to_ts": (TEN_S + 5000) * 1000});
        let found = succeed(&client, FIND, window).await;
        let shown = found["calls"].as_array().unwrap().len();
        let summary = found["summary"].as_str().unwrap();
        assert_eq!(found["complete"], json!(false));
        assert!(
            summary.contains("1000 calls") && summary.contains("It stopped at a limit"),
            "{summary}"
        );
        assert_eq!(found["omitted"], json!(1000 - shown));
        // The way to the others.
        let next = json!({"from_ts": found["next_from_ts"], "to_ts": (TEN_S + 5000) * 1000});
        let next = succeed(&client, FIND, next).await;
        let first = format!("call-{shown}@h");
        assert_eq!(next["calls"][0]["export"]["callid"], json!(first));
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn client_learns_which_part_could_not_be_searched() {
    let mut crashing = Row::invite("crash@h", (TEN_S + 30) * 1_000_000);
    crashing.crashes = true;
    let homer = homer_with([
        Row::invite("one@h", TEN_S * 1_000_000),
        crashing,
        Row::invite("two@h", (TEN_S + 60) * 1_000_000),
    ])
    .await;
    for era in eras() {
        let client = client(&homer, era).await;
        let window = json!({"from_ts": TEN_S * 1000, "to_ts": (TEN_S + 100) * 1000});
        let found = succeed(&client, FIND, window).await;
        let ids: Vec<&Value> = found["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| &call["export"]["callid"])
            .collect();
        assert_eq!(ids, ["one@h", "two@h"]);
        assert_eq!(found["complete"], json!(false));
        let part = &found["unsearched"][0];
        let crash_ms = (TEN_S + 30) * 1000;
        assert!(
            part["from_ts"].as_i64().unwrap() <= crash_ms
                && part["to_ts"].as_i64().unwrap() >= crash_ms,
            "{part}"
        );
        client.cancel().await.unwrap();
    }
}

/// The failed export of a Call-ID at some time, and its suggestion.
async fn failed(client: &Client, call_id: &str, from_s: i64) -> (String, Option<Value>) {
    let arguments = json!({
        "callid": call_id, "from_ts": from_s * 1000, "to_ts": (from_s + 300) * 1000,
    });
    let result = call(client, EXPORT, &arguments).await;
    assert_eq!(result.is_error, Some(true));
    let text = result.content[0].as_text().unwrap().text.clone();
    assert!(text.starts_with("nothing-captured: "), "{text}");
    if let Some(structured) = &result.structured_content {
        let repeated = &result.content[1].as_text().unwrap().text;
        assert_eq!(
            &serde_json::from_str::<Value>(repeated).unwrap(),
            structured
        );
    }
    let suggestion = result.structured_content;
    (
        text,
        suggestion.map(|mut content| content["suggestion"].take()),
    )
}

#[tokio::test]
async fn client_learns_why_an_export_is_empty() {
    let homer = FakeHomer::start().await.unwrap();
    for era in eras() {
        homer.set_search(SearchBehavior::Answers);
        let client = client(&homer, era).await;
        let before = homer.searches();
        // At another time.
        let (text, suggestion) = failed(&client, DEMO_CALL_ID, TEN_S - 3600).await;
        assert!(
            text.contains("outside of the requested window; use from "),
            "{text}"
        );
        let exported = succeed(&client, EXPORT, suggestion.unwrap()).await;
        assert_eq!(exported["size_bytes"], json!(3311));
        assert_eq!(homer.searches() - before, 1);
        // Spelled differently.
        let (text, suggestion) = failed(&client, "udp-normal-1", TEN_S).await;
        assert!(
            text.contains("Did you mean \"udp-normal-1@192.0.2.10\"?"),
            "{text}"
        );
        assert_eq!(suggestion.unwrap()["callid"], json!(DEMO_CALL_ID));
        // Nothing at all.
        let (text, suggestion) = failed(&client, "nobody@nowhere", TEN_S + 86_400 * 300).await;
        assert!(
            text.contains("Homer returned no messages at all between "),
            "{text}"
        );
        assert_eq!(suggestion, None);
        assert!(homer.searches() - before <= 1 + 3 + 3);
        // Not allowed to search.
        homer.set_search(SearchBehavior::Forbidden);
        let (text, suggestion) = failed(&client, DEMO_CALL_ID, TEN_S - 3600).await;
        assert!(
            text.contains("Could not check whether Homer holds the call"),
            "{text}"
        );
        assert_eq!(suggestion, None);
        let arguments = json!({"from_ts": TEN_S * 1000, "to_ts": (TEN_S + 300) * 1000});
        let refused = call(&client, FIND, &arguments).await;
        assert_eq!(refused.is_error, Some(true));
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn client_gets_an_honest_sentence_if_nothing_is_found() {
    let homer = FakeHomer::start().await.unwrap();
    homer.set_search(SearchBehavior::DatabaseDown);
    for era in eras() {
        let client = client(&homer, era).await;
        let found = succeed(&client, FIND, json!({"from_ts": "-2h", "to_ts": "now"})).await;
        assert_eq!(found["calls"], json!([]));
        let summary = found["summary"].as_str().unwrap();
        assert!(
            summary.contains("This is no proof that there was none"),
            "{summary}"
        );
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn client_exports_both_legs_of_a_call() {
    let homer = FakeHomer::start().await.unwrap();
    for era in eras() {
        let client = client(&homer, era).await;
        let arguments = json!({
            "callid": "b2bua-leg-a@192.0.2.10", "also_callids": ["b2bua-leg-b@192.0.2.30"],
            "from_ts": "2026-11-20T10:19:00Z", "to_ts": "2026-11-20T10:30:00Z",
        });
        let exported = succeed(&client, EXPORT, arguments.clone()).await;
        assert_eq!(exported["report"]["packets"], json!(14));
        assert_eq!(exported["report"]["verdicts"].as_array().unwrap().len(), 2);
        let mut message = arguments;
        message["packet"] = json!(14);
        let message = succeed(&client, "homer_read_message", message).await;
        assert_eq!(message["packets"], json!(14));
        client.cancel().await.unwrap();
    }
}
