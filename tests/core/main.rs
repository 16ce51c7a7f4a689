//! Behavior of the library, without I/O except for reading recordings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod arguments;
mod auth;
mod capture;
mod cause;
mod config;
mod definitions;
mod documentation;
mod explain;
mod export;
mod export_text;
mod find_tool;
mod finding;
mod homer;
mod instant;
mod made_calls;
mod model_homer;
mod origin;
mod outcomes;
mod packet;
mod pcap;
mod profiles;
mod prompts;
mod protocol;
mod proxy;
mod public_cases;
mod quality;
mod query;
mod random_calls;
mod reader;
mod reading_tools;
mod recordings;
mod redact;
mod redact_shapes;
mod redactor;
mod replay;
mod report;
mod result_size;
mod search;
mod search_filter;
mod search_responses;
mod search_v11;
mod sip;
mod stream;
mod tools;
mod tshark;
mod verdict;
