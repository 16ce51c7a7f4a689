//! The length of the definitions: clients send them to their model with every request.

use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::tools::{self, MAX_DEFINITIONS, ToolConfig, ToolDefinition};

use crate::tools::CONFIG;

/// Most characters of a definition as JSON, inclusive. The tools without a row have 1,000.
const LIMITS: [(&str, usize); 3] = [
    ("homer_export_pcap", 3235),
    ("homer_find_calls", 1985),
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
