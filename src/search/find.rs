//! The search for calls: the requests, and the calls in their rows.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::candidate::{Found, MAX_CALLS};
use super::condition::FieldCondition;
use super::halving::{self, Task};
use super::lookup::Lookup;
use super::session::{MAX_REQUESTS, Session};
use super::status::{RINGING_S, final_status};
use super::unsearched::{merged, note};
use super::{CallFilter, FoundCall, FoundCalls, Pattern};
use crate::config::Config;
use crate::error::ExportError;
use crate::homer::HomerServer;
use crate::homer::search::{Field, Row};
use crate::transport::Transport;

/// Searches for calls.
///
/// Homer is asked for the requests with the filter's method, or, if a status is wanted, for the
/// responses with that status. Then the final responses of the calls found are looked up. A search
/// for `party` asks for callers and callees one after the other.
///
/// # Errors
/// As `homer:capture/homer-search.find-calls` (wit/homer-capture.wit).
pub fn find_calls<T: Transport>(
    filter: &CallFilter,
    config: &Config,
    transport: &mut T,
) -> Result<FoundCalls, ExportError> {
    let mut session = Session::open(config, transport)?;
    let profile = filter.profile()?;
    let (from_s, mut to_s) = filter.window_s();
    if filter.status.is_some() {
        // The response comes later than its request, which the filter's window is about.
        to_s += RINGING_S;
    }
    let mut found = Found::default();
    let passes = passes(filter);
    for (conditions, passes_left) in passes.iter().zip((1..=passes.len()).rev()) {
        if found.failed {
            let why = "the search stopped before this part, because Homer failed".to_string();
            note(&mut found.unsearched, from_s, to_s, why);
            break;
        }
        // Each pass gets the same share of what is left, and the last one the rest.
        let left = MAX_REQUESTS.saturating_sub(session.requests);
        let share = left / u32::try_from(passes_left).unwrap_or(1);
        let task = Task {
            profile: &profile,
            conditions,
            from_s,
            to_s,
            max_requests: session.requests + share,
            max_calls: MAX_CALLS,
        };
        let rows = halving::collect(&mut session, &task)?;
        found.limit_reached |= rows.limit_reached;
        found.unsearched.extend(rows.unsearched);
        found.failed |= rows.failed;
        for row in rows.rows {
            found.add(row, filter);
        }
    }
    let candidates = found.candidates();
    let lookup = match found.failed {
        // Homer may still work on the request that it did not answer (docs/homer.md §7).
        true => Lookup::none(),
        false => Lookup::run(&mut session, filter, &profile, &candidates)?,
    };
    let mut unknown_statuses = 0;
    let mut calls = Vec::new();
    for candidate in &candidates {
        let rows = lookup.rows(&candidate.call_id);
        if rows.is_none() {
            unknown_statuses += 1;
        }
        let rows = rows.unwrap_or_default();
        let request = candidate.request.as_ref();
        let Some(request) = request.or_else(|| earliest_match(&rows, filter)) else {
            continue;
        };
        let status = final_status(request, &rows);
        if filter
            .status
            .is_some_and(|wanted| !status.is_some_and(|code| wanted.matches(code)))
        {
            continue;
        }
        calls.push(found_call(request, status, session.homer()));
    }
    calls.sort_by(|a, b| {
        // Calls without a time come last.
        let key = |call: &FoundCall| (call.first_ts.is_none(), call.first_ts);
        key(a).cmp(&key(b)).then_with(|| a.callid.cmp(&b.callid))
    });
    let unsearched = merged(found.unsearched);
    Ok(FoundCalls {
        complete: unsearched.is_empty() && unknown_statuses == 0,
        calls,
        unsearched,
        unknown_statuses,
        requests: session.requests,
        limit_reached: found.limit_reached || lookup.limit_reached,
    })
}

/// The conditions of each search through the window.
fn passes(filter: &CallFilter) -> Vec<Vec<FieldCondition>> {
    let mut common = Vec::new();
    let mut add = |field, pattern: Option<&Pattern>| {
        common.extend(pattern.map(|pattern| FieldCondition::new(field, pattern)));
    };
    add(Field::CallId, filter.call_id.as_ref());
    add(Field::FromUser, filter.caller.as_ref());
    add(Field::ToUser, filter.callee.as_ref());
    match filter.status {
        // The addresses and the User-Agent of a response are those of its sender, so they are
        // compared with the request afterwards.
        Some(status) => add(Field::Method, Some(&status.pattern())),
        None => {
            add(Field::Method, Some(&Pattern::exact(&filter.method)));
            add(Field::UserAgent, filter.user_agent.as_ref());
            common.extend(
                filter
                    .source
                    .map(|ip| FieldCondition::ip(Field::Source, ip)),
            );
            common.extend(
                filter
                    .destination
                    .map(|ip| FieldCondition::ip(Field::Destination, ip)),
            );
        }
    }
    let Some(party) = &filter.party else {
        return Vec::from([common]);
    };
    // One after the other: Homer's `orlogic` joins all conditions, not only these two.
    [Field::FromUser, Field::ToUser]
        .map(|field| {
            let mut conditions = common.clone();
            conditions.push(FieldCondition::new(field, party));
            conditions
        })
        .into()
}

fn earliest_match<'r>(rows: &[&'r Row], filter: &CallFilter) -> Option<&'r Row> {
    let requests = rows.iter().filter(|row| filter.matches_request(row));
    requests
        .min_by_key(|row| (row.time_ms().is_none(), row.time_ms()))
        .copied()
}

fn found_call(request: &Row, status: Option<u16>, homer: &HomerServer) -> FoundCall {
    let shown = |text: &str| homer.shown(text);
    let address = |ip: &str, port: u16| match ip.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => shown(ip),
    };
    let correlation_id = Some(&request.correlation_id)
        .filter(|id| !id.is_empty() && **id != request.sid)
        .map(|id| shown(id));
    FoundCall {
        callid: request.sid.clone(),
        first_ts: request.time_ms(),
        caller: shown(&request.from_user),
        callee: shown(&request.to_user),
        method: shown(&request.method),
        status,
        source: address(&request.source_ip, request.source_port),
        destination: address(&request.destination_ip, request.destination_port),
        node: shown(&request.node),
        user_agent: shown(&request.user_agent),
        correlation_id,
    }
}
