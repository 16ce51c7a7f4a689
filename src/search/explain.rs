//! Why an export found nothing: up to three searches, and a sentence for each answer.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Pattern;
use super::condition::FieldCondition;
use super::export_window::MARGIN_MS;
use super::session::{Failure, Search, Session};
use crate::config::Config;
use crate::error::{ExportError, Suggestion};
use crate::export::PcapStream;
use crate::homer::response;
use crate::homer::search::{Field, ROW_LIMIT, Row};
use crate::query::{CallId, Profile, Query, Timestamp};
use crate::text::quoted;
use crate::transport::Transport;

/// Most Call-IDs that are looked for, inclusive. Other legs of a call rarely have more.
const MAX_CALL_IDS: usize = 20;

/// Shortest beginning of a Call-ID that is looked for, in characters, inclusive. A shorter one
/// would find unrelated calls.
const MIN_PREFIX: usize = 6;

/// Most requests of an explanation, inclusive, without a login.
pub const MAX_EXPLAIN_REQUESTS: u32 = 3;

/// Most similar Call-IDs that the text names, inclusive.
const MAX_SIMILAR: usize = 3;

const SECOND_MS: i64 = 1000;
const DAY_S: i64 = 86_400;
const HOUR_MS: i64 = 3_600_000;

/// Why an export found nothing.
struct Explanation {
    /// One or more sentences, to be added to the text of `nothing-captured`.
    text: String,
    /// What to export instead, if the searches found it.
    suggestion: Option<Suggestion>,
    /// Whether it replaces the causes that are possible without a search.
    is_answer: bool,
}

/// Explains an export that failed with `nothing-captured`: adds what Homer's search says to its
/// text, and what to export instead. Any other error is returned as it is, without a request; so is
/// this one if `HOMER_EXPLAIN` is off.
///
/// It sends at most [`MAX_EXPLAIN_REQUESTS`], besides a login, under the same settings and the same
/// policy of the host as the export. Homer searches one profile in a request. The first one of the
/// query is where the caller expects the call; for a query without profiles it is `1_call`. They
/// search
///
/// 1. the first profile for the Call-IDs, in the window and `HOMER_EXPLAIN_DAYS` days around it;
/// 2. if there are none, the first profile for any message in the window;
/// 3. if there is one, the first profile for Call-IDs in the window that begin like the first
///    Call-ID of the query;
/// 4. the second profile for the Call-IDs, as in 1, if that is not one request too many: if nothing
///    was found in 2, or if the Call-ID is too short for 3.
///
/// The text names the profiles of the query in which the Call-IDs were not looked up.
///
/// If a request fails, the text says what could not be checked, and no further one is sent.
pub fn explain<T: Transport>(
    error: ExportError,
    query: &Query,
    config: &Config,
    transport: &mut T,
) -> ExportError {
    let mut error = error;
    let ExportError::NothingCaptured {
        suggestion,
        message,
    } = &mut error
    else {
        return error;
    };
    let Some(days) = config.explain_days else {
        return error;
    };
    let explanation = match Session::open(config, transport) {
        Ok(mut session) => explanation(&mut session, query, days, config.max_window_hours),
        Err(why) => unchecked("whether Homer holds the call at another time", &why),
    };
    if explanation.is_answer {
        *message = response::empty_capture(query, &config.homer);
    }
    add_sentence(message, &explanation.text);
    *suggestion = explanation.suggestion;
    error
}

/// Opens the capture of a query. If Homer has none, the error is explained.
///
/// # Errors
/// As [`PcapStream::open`], through [`explain`].
pub fn open_or_explain<T: Transport>(
    query: &Query,
    config: &Config,
    transport: &mut T,
) -> Result<PcapStream<T::Body>, ExportError> {
    PcapStream::open(query, config, transport)
        .map_err(|error| explain(error, query, config, transport))
}

fn explanation<T: Transport>(
    session: &mut Session<'_, T>,
    query: &Query,
    days: u32,
    max_hours: u32,
) -> Explanation {
    let [profile, others @ ..] = query.profiles() else {
        return Explanation {
            text: String::new(),
            suggestion: None,
            is_answer: false,
        };
    };
    // On all nodes: the call may be on one that was not asked.
    let wanted = [call_ids(query.call_ids())];
    match search(session, query, profile, &wanted, &[], days) {
        Ok(rows) => {
            if let Some(found) = found_elsewhere(&rows, query, profile, max_hours) {
                return found;
            }
        }
        Err(why) => {
            return unchecked(
                &format!("whether Homer holds the call within {days} days of the window"),
                &why.into_error(),
            );
        }
    }
    let nodes = query.nodes();
    let mut may_go_on = true;
    let mut explanation = match search(session, query, profile, &[], nodes, 0) {
        Ok(rows) if rows.is_empty() => Explanation {
            text: format!(
                "Homer returned no messages at all between {} in profile {}, and none of this \
                 Call-ID within {days} days of it: the window is outside of its retention period, \
                 nothing was captured then, or its database is down. No client can tell these \
                 apart; export a call that you know exists to check the database",
                query.window(),
                profile.as_str(),
            ),
            suggestion: None,
            is_answer: true,
        },
        Ok(_) => {
            let rows = match prefix(query) {
                Some(pattern) => {
                    may_go_on = false;
                    let alike = [FieldCondition::new(Field::CallId, &pattern)];
                    search(session, query, profile, &alike, nodes, 0)
                }
                None => Ok(Vec::new()),
            };
            not_captured(rows, query, profile, days)
        }
        // A crash shows that rows are there, but it may be another server that closes connections.
        Err(why) => {
            may_go_on = false;
            let mut explanation = unchecked(
                "whether Homer holds any other message in this window",
                &why.into_error(),
            );
            explanation.text = format!(
                "Homer holds no message of this Call-ID within {days} days of the window (profile \
                 {}). {}",
                profile.as_str(),
                explanation.text
            );
            explanation
        }
    };
    let mut unsearched = others;
    if let [second, others @ ..] = others
        && may_go_on
        && session.requests < MAX_EXPLAIN_REQUESTS
    {
        unsearched = others;
        let text = match search(session, query, second, &wanted, &[], days) {
            Ok(rows) => match found_elsewhere(&rows, query, second, max_hours) {
                Some(found) => return found,
                None => format!(
                    "Profile {} holds no message of this Call-ID within {days} days of the window \
                     either",
                    second.as_str()
                ),
            },
            Err(why) => {
                let what = format!("whether profile {} holds the call", second.as_str());
                unchecked(&what, &why.into_error()).text
            }
        };
        add_sentence(&mut explanation.text, &text);
    }
    if let [_, ..] = unsearched {
        let keys: Vec<&str> = unsearched.iter().map(Profile::as_str).collect();
        let text = format!("The Call-ID was not looked up in {}", keys.join(" and "));
        add_sentence(&mut explanation.text, &text);
    }
    explanation
}

/// The rows of a profile in the window of a query and so many days around it.
fn search<T: Transport>(
    session: &mut Session<'_, T>,
    query: &Query,
    profile: &Profile,
    conditions: &[FieldCondition],
    nodes: &[String],
    days: u32,
) -> Result<Vec<Row>, Failure> {
    let (from_ms, to_ms) = query.window().for_homer();
    let (from_s, to_s) = (from_ms.div_euclid(SECOND_MS), to_ms.div_euclid(SECOND_MS));
    let around_s = i64::from(days) * DAY_S;
    let page = session.rows(&Search {
        profile,
        conditions,
        nodes,
        from_s: from_s.saturating_sub(around_s),
        to_s: to_s.saturating_add(around_s),
    });
    page.map(|page| page.rows)
}

fn add_sentence(text: &mut String, sentence: &str) {
    // A question has its mark already.
    text.push_str(if text.ends_with('?') { " " } else { ". " });
    text.push_str(sentence);
}

/// The condition for the Call-IDs of a query, or for those of them that fit into a list.
fn call_ids(ids: &[CallId]) -> FieldCondition {
    let listable = ids
        .iter()
        .filter_map(|id| Pattern::exact(id.as_str()).exact_value());
    let listable: Vec<String> = listable.take(MAX_CALL_IDS).collect();
    match (listable.as_slice(), ids.first()) {
        ([], Some(first)) => FieldCondition::new(Field::CallId, &Pattern::exact(first.as_str())),
        _ => FieldCondition::any_of(Field::CallId, listable),
    }
}

/// The explanation if Homer's search finds a requested call.
fn found_elsewhere(
    rows: &[Row],
    query: &Query,
    profile: &Profile,
    max_hours: u32,
) -> Option<Explanation> {
    let is_of = |id: &CallId, row: &Row| row.sid == id.as_str();
    let of_call = |id: &CallId| rows.iter().filter(|row| is_of(id, row)).collect::<Vec<_>>();
    let mut calls = query.call_ids().iter().map(|id| (id, of_call(id)));
    let (call_id, rows) = calls.find(|(_, rows)| !rows.is_empty())?;
    let times = || rows.iter().filter_map(|row| row.time_ms());
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Some(Explanation {
            text: format!(
                "Homer's search finds the call {} in profile {}, but without a capture time, so no \
                 window can be suggested",
                shown(call_id.as_str()),
                profile.as_str()
            ),
            suggestion: None,
            is_answer: true,
        });
    };
    // Homer returns any 200 of the rows.
    let at_least = if rows.len() >= ROW_LIMIT {
        "at least "
    } else {
        ""
    };
    let suggestion = suggestion(call_id.as_str(), first, last, profile, max_hours);
    let window = query.window();
    let is_inside = times().any(|ms| (window.from_ms()..=window.to_ms()).contains(&ms));
    let held = format!(
        "{at_least}from {} to {} (profile {})",
        Timestamp::from_ms(first),
        Timestamp::from_ms(last),
        profile.as_str()
    );
    let text = match is_inside {
        // The two answers contradict each other, unless the query restricts the export.
        true => format!(
            "Homer's search finds the call {} in this window, {held}, although its export is \
             empty: check the nodes and excluded addresses of the request, and whether the rows \
             have valid addresses",
            shown(call_id.as_str())
        ),
        false => format!(
            "Homer has the call {} {held}, outside of the requested window; use {}",
            shown(call_id.as_str()),
            described(&suggestion)
        ),
    };
    Some(Explanation {
        text,
        suggestion: Some(suggestion),
        is_answer: true,
    })
}

/// The explanation if Homer holds messages in the window, but none of the requested calls.
/// `similar` are those whose Call-ID begins alike.
fn not_captured(
    similar: Result<Vec<Row>, Failure>,
    query: &Query,
    profile: &Profile,
    days: u32,
) -> Explanation {
    let mut text = format!(
        "Homer holds other messages in this window (profile {}), so its database works, but none \
         of this Call-ID within {days} days of it: the call was not captured, or its Call-ID is \
         spelled differently (Call-IDs are case-sensitive)",
        profile.as_str()
    );
    let mut ids: Vec<String> = Vec::new();
    match similar {
        Ok(rows) => {
            for row in rows {
                if !ids.contains(&row.sid) {
                    ids.push(row.sid);
                }
            }
        }
        Err(why) => {
            text.push_str(". ");
            text.push_str(&unchecked("for similar Call-IDs", &why.into_error()).text);
        }
    }
    // Homer has no order, and the same question should have the same answer.
    ids.sort_unstable();
    let Some(first) = ids.first() else {
        return Explanation {
            text,
            suggestion: None,
            is_answer: true,
        };
    };
    let named: Vec<String> = ids.iter().take(MAX_SIMILAR).map(|id| shown(id)).collect();
    text.push_str(&format!(". Did you mean {}?", named.join(" or ")));
    Explanation {
        text,
        suggestion: Some(Suggestion {
            callid: first.clone(),
            from_ts: query.window().from_ms(),
            to_ts: query.window().to_ms(),
            profile: profile.as_str().to_string(),
        }),
        is_answer: true,
    }
}

/// Every Call-ID that begins like the first one of the query does before its host part.
fn prefix(query: &Query) -> Option<Pattern> {
    let id = query.call_ids().first()?.as_str();
    let (local, _) = id.split_once('@').unwrap_or((id, ""));
    (local.chars().count() >= MIN_PREFIX).then(|| Pattern::prefix(local))
}

/// The window to use for a call between two times, within the limit of windows.
fn suggestion(
    call_id: &str,
    first_ms: i64,
    last_ms: i64,
    profile: &Profile,
    max_hours: u32,
) -> Suggestion {
    // Whole seconds, which Homer compares.
    let from = first_ms - MARGIN_MS;
    let from = from - from.rem_euclid(SECOND_MS);
    let to = last_ms + MARGIN_MS + SECOND_MS;
    let to = to - to.rem_euclid(SECOND_MS);
    let longest = from.saturating_add(i64::from(max_hours) * HOUR_MS);
    Suggestion {
        callid: call_id.to_string(),
        from_ts: from,
        to_ts: to.min(longest),
        profile: profile.as_str().to_string(),
    }
}

/// The window of a suggestion for a sentence, in milliseconds and in RFC 3339.
fn described(suggestion: &Suggestion) -> String {
    let (from, to) = (suggestion.from_ts, suggestion.to_ts);
    format!(
        "from {from} ({}) to {to} ({})",
        Timestamp::from_ms(from),
        Timestamp::from_ms(to)
    )
}

fn unchecked(what: &str, why: &ExportError) -> Explanation {
    Explanation {
        text: format!("Could not check {what}: {}", why.message()),
        suggestion: None,
        is_answer: false,
    }
}

fn shown(call_id: &str) -> String {
    quoted(call_id, CallId::MAX_CHARS)
}
