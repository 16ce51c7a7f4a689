//! Any URI: a query that its own URI gives back, or an error.
#![no_main]

use homer_export::tool::{query_of_uri, resource_uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for uri in [text.to_string(), format!("homer-pcap:///{text}"), format!("homer-pcap:///{text}?from_ts=1&to_ts=2")] {
        if let Ok(query) = query_of_uri(&uri) {
            assert_eq!(query_of_uri(&resource_uri(&query)), Ok(query));
        }
    }
});
