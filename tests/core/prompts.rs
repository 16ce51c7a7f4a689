//! The prompt `diagnose_call`.

use homer_export::mcp::prompts::{self, NAME};
use homer_export::mcp::tools;
use serde_json::{Value, json};

use crate::tools::CONFIG;

/// 2026-11-20T12:00:00Z in milliseconds.
const NOW: i64 = 1_795_176_000_000;

fn get(arguments: &Value) -> Result<String, String> {
    let prompt = prompts::get(NAME, arguments.as_object(), &CONFIG, NOW)?;
    Ok(prompt.messages[0].text().to_string())
}

#[test]
fn prompt_searches_around_the_time_in_any_form() {
    for around in ["2026-11-20T10:00:00Z", "1795168800000", " -2h "] {
        let text = get(&json!({"callid": "a@h", "around": around})).unwrap();
        let call = "Call homer_export_pcap with callid \"a@h\", from_ts 2026-11-20T09:30:00Z and \
                    to_ts 2026-11-20T10:30:00Z.";
        assert!(text.contains(call), "{around}: {text}");
    }
}

#[test]
fn prompt_finds_the_call_if_its_time_is_not_known() {
    for (around, why) in [
        (json!(null), "search from -48h to now"),
        (json!(""), "search from -48h to now"),
        (
            json!("yesterday\nat three"),
            "in the words of the user: \"yesterday at three\"",
        ),
    ] {
        let text = get(&json!({"callid": "a@h", "around": around})).unwrap();
        assert!(
            text.contains("homer_find_calls, callid_prefix \"a@h\""),
            "{text}"
        );
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn prompt_names_tools_and_members_that_exist() {
    let text = get(&json!({"callid": "a@h"})).unwrap();
    for tool in tools::definitions(&CONFIG) {
        if [
            "homer_find_calls",
            "homer_export_pcap",
            "homer_read_message",
        ]
        .contains(&tool.name)
        {
            assert!(text.contains(tool.name), "{text}");
        }
    }
    let [_, ..] = tools::definitions(&CONFIG);
    for member in [
        "suggested_also_callids",
        "also_callids",
        "callid_prefix",
        "suggestion",
    ] {
        assert!(text.contains(member));
        let of_a_tool = tools::definitions(&CONFIG).into_iter().any(|tool| {
            let name = format!("\"{member}\"");
            let output = tool
                .output_schema
                .as_deref()
                .map_or("", |schema| schema.get());
            tool.input_schema.get().contains(&name) || output.contains(&name)
        });
        assert!(of_a_tool, "{member}");
    }
}

#[test]
fn prompt_without_a_valid_call_id_is_refused() {
    for (arguments, why) in [
        (json!({}), "diagnose_call requires the argument callid"),
        (
            json!({"callid": " "}),
            "diagnose_call requires the argument callid",
        ),
        (
            json!({"callid": 1}),
            "diagnose_call requires the argument callid",
        ),
        (
            json!({"callid": "a\u{0}b"}),
            "invalid-request: the Call-ID ",
        ),
    ] {
        let error = get(&arguments).unwrap_err();
        assert!(error.starts_with(why), "{error}");
    }
    let error = prompts::get("guess", None, &CONFIG, NOW).unwrap_err();
    assert_eq!(
        error,
        "unknown prompt \"guess\"; the only prompt is diagnose_call"
    );
}
