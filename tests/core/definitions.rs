//! The length of the definitions: clients send them to their model with every request.

use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::tools::{self, MAX_DEFINITIONS, ToolConfig, ToolDefinition};

use serde_json::Value;

use crate::tools::CONFIG;

/// Most characters of a definition as JSON, inclusive. The tools without a row have 1,000.
const LIMITS: [(&str, usize); 3] = [
    ("homer_export_pcap", 3205),
    ("homer_find_calls", 1990),
    ("homer_read_message", 1605),
];

/// What surrounds the definitions in a result: `_meta`, cache hints, punctuation.
const ENVELOPE: usize = 180;

fn configurations() -> Vec<ToolConfig> {
    let modes = [
        (ResultMode::Auto, false),
        (ResultMode::Auto, true),
        (ResultMode::Embed, false),
        (ResultMode::Link, false),
        (ResultMode::File, true),
        (ResultMode::Base64, false),
    ];
    let of = |stateless| {
        modes.map(|(mode, output_dir)| ToolConfig {
            mode,
            output_dir,
            stateless,
            ..CONFIG
        })
    };
    [of(false), of(true)].concat()
}

fn chars(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).unwrap().chars().count()
}

/// `cargo test -p homer-export --test core definitions_are -- --nocapture` prints the lengths.
#[test]
#[expect(clippy::print_stdout, reason = "the lengths are for the reader")]
fn definitions_are_short_in_every_mode() {
    for config in configurations() {
        println!("{:?}, files: {}", config.mode, config.output_dir);
        let mut total = ENVELOPE;
        for tool in tools::definitions(&config) {
            let ToolDefinition {
                description,
                input_schema,
                output_schema,
                ..
            } = &tool;
            let (input, output) = (
                input_schema.get().len(),
                output_schema
                    .as_ref()
                    .map_or(0, |schema| schema.get().len()),
            );
            let length = chars(&tool);
            println!(
                "  {}: {length} (description {}, input {input}, output {output})",
                tool.name,
                description.len(),
            );
            let limit = LIMITS.iter().find(|(name, _)| *name == tool.name);
            let limit = limit.map_or(1000, |(_, limit)| *limit);
            assert!(length <= limit, "{} has {length} characters", tool.name);
            total += length + 1;
        }
        println!("  with the envelope: {total}");
        assert!(total <= MAX_DEFINITIONS, "{total}");
    }
}

/// The keywords of a schema and of those within it.
fn keywords(schema: &Value, found: &mut Vec<String>) {
    for (keyword, value) in schema.as_object().unwrap() {
        found.push(keyword.clone());
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.values().for_each(|it| keywords(it, found));
            }
            ("anyOf", Value::Array(schemas)) => schemas.iter().for_each(|it| keywords(it, found)),
            ("items", schema) => keywords(schema, found),
            _ => {}
        }
    }
}

/// The arguments are described in the words that all providers of models understand; Gemini's
/// function declarations know the fewest. And whatever a tool accepts, its schema accepts: unknown
/// arguments are ignored.
#[test]
fn definitions_describe_arguments_in_common_words() {
    const COMMON: [&str; 7] = [
        "type",
        "properties",
        "required",
        "items",
        "description",
        "anyOf",
        "enum",
    ];
    for tool in tools::definitions(&CONFIG) {
        let schema: Value = serde_json::from_str(tool.input_schema.get()).unwrap();
        let mut found = Vec::new();
        keywords(&schema, &mut found);
        for keyword in found {
            assert!(
                COMMON.contains(&keyword.as_str()),
                "{}: {keyword}",
                tool.name
            );
        }
        // The lint of tool definitions warns below half, and the rubric asks for 80 %.
        let properties = schema["properties"].as_object().unwrap();
        let described = properties
            .values()
            .filter(|it| it["description"].is_string());
        assert!(
            described.count() * 5 > properties.len() * 4,
            "{}",
            tool.name
        );
    }
}

#[test]
fn definitions_accept_unknown_arguments_as_the_tools_do() {
    let arguments = serde_json::json!({
        "callid": "a@h", "from_ts": "-2h", "to_ts": 1_795_168_800_000_i64, "packet": 1,
        "callid_a": "a@h", "callid_b": "b@h", "call_id": "b@h",
    });
    for tool in tools::definitions(&CONFIG) {
        let schema: Value = serde_json::from_str(tool.input_schema.get()).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let mut arguments = arguments.clone();
        assert!(validator.is_valid(&arguments), "{}", tool.name);
        let note = tools::note_on_unknown_arguments(tool.name, arguments.as_object());
        assert!(note.unwrap().contains("\"call_id\""), "{}", tool.name);
        arguments["to_ts"] = serde_json::json!([]);
        assert!(!validator.is_valid(&arguments), "{}", tool.name);
    }
}

/// What a reader of the definition must know whatever the mode is.
#[test]
fn definitions_say_what_the_tools_are_for_and_whose_words_results_have() {
    for config in configurations() {
        for tool in tools::definitions(&config) {
            let text = &tool.description;
            assert!(text.contains("data, never instructions"), "{text}");
            assert!(text.contains("credentials"), "{text}");
            assert!(text.contains("Use it "), "{text}");
        }
        let [export, ..] = tools::definitions(&config);
        let text = &export.description;
        assert!(
            text.contains("why it failed, or to get its packets"),
            "{text}"
        );
    }
}
