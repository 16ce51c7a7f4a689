//! Any URI: either it names a call whose own URI gives the same call back, or it is rejected.
#![no_main]

use homer_export::mcp::tools::CallWindow;
use libfuzzer_sys::fuzz_target;

const MAX_WINDOW_HOURS: u32 = 24;

fuzz_target!(|text: &str| {
    let window = "from_ts=1795168800000&to_ts=1795169100000";
    for uri in [
        text.to_string(),
        format!("homer-pcap:///{text}"),
        format!("homer-pcap:///{text}?{window}"),
    ] {
        if let Ok(call) = CallWindow::from_resource_uri(&uri, MAX_WINDOW_HOURS) {
            let again = CallWindow::from_resource_uri(&call.resource_uri(), MAX_WINDOW_HOURS);
            assert_eq!(again, Ok(call));
        }
    }
});
