//! Any response to a search: a bounded number of requests and calls, and texts of one line without
//! our credential.
#![no_main]

use homer_export::Config;
use homer_export::query::ParameterNames;
use homer_export::search::{
    CallFilter, CallFilterFields, MAX_CALLS, MAX_REQUESTS, explain, find_calls,
};
use homer_export::transport::{
    OutboundRequest, OutboundResponse, ResponseBody, ResponseHead, Transport, TransportError,
};
use homer_export::{CallId, ExportError, Query};
use libfuzzer_sys::fuzz_target;

/// The same response to every request.
struct Server<'a>(u16, &'a [u8]);

struct Body(Vec<u8>);

impl Transport for Server<'_> {
    type Body = Body;
    type Pending = ();

    fn start(&mut self, _: &OutboundRequest<'_>) -> Result<(), TransportError> {
        Ok(())
    }

    fn receive(&mut self, (): ()) -> Result<OutboundResponse<Body>, TransportError> {
        let head = ResponseHead {
            status: self.0,
            ..ResponseHead::default()
        };
        Ok(OutboundResponse {
            head,
            body: Body(self.1.to_vec()),
        })
    }
}

impl ResponseBody for Body {
    fn read(&mut self, max: u64) -> Result<Vec<u8>, TransportError> {
        let end = self.0.len().min(usize::try_from(max).unwrap_or(usize::MAX));
        Ok(self.0.drain(..end).collect())
    }
}

fuzz_target!(|input: (bool, bool, &[u8])| {
    let (is_success, by_status, body) = input;
    let vars = [
        ("HOMER_URL", "http://homer"),
        ("HOMER_API_TOKEN", "s3cret-token"),
    ];
    let config = Config::from_vars(vars).expect("valid");
    let fields = CallFilterFields {
        from_ts: 1_795_168_800_000,
        to_ts: 1_795_168_860_000,
        status: by_status.then(|| "4xx".to_string()),
        ..CallFilterFields::default()
    };
    let filter = CallFilter::parse(&fields, 24, &ParameterNames::WIT).expect("valid");
    let mut server = Server(if is_success { 201 } else { 400 }, body);
    let texts: Vec<String> = match find_calls(&filter, &config, &mut server) {
        Ok(found) => {
            assert!(found.requests <= MAX_REQUESTS && found.calls.len() <= MAX_CALLS);
            let calls = found.calls.into_iter();
            let parts = found.unsearched.into_iter().map(|part| part.why);
            calls
                .flat_map(|call| [call.caller, call.callee, call.user_agent])
                .chain(parts)
                .collect()
        }
        Err(error) => vec![error.message().to_string()],
    };
    let call_ids = vec![CallId::parse("a84b4c76@x").expect("valid")];
    let query = Query::new(call_ids, filter.window()).expect("valid");
    let nothing = ExportError::nothing_captured("");
    let error = explain(nothing, &query, &config, &mut server);
    for text in texts.iter().map(String::as_str).chain([error.message()]) {
        assert!(!text.contains(['\n', '\r', '\0']), "{text:?}");
        assert!(!text.contains("s3cret-token"), "{text:?}");
    }
});
