//! What to request from Homer: Call-IDs, a window of time, and where in Homer to search.

mod call_id;
mod instant;
mod level;
mod profile;
mod redaction;
mod timestamp;
mod window;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::error::ExportError;
use crate::text::quoted;

pub use call_id::CallId;
pub use instant::{parse_instant, parse_window};
pub use level::Level;
pub use profile::{MAX_PROFILES, Profile};
pub use redaction::Redaction;
pub use timestamp::Timestamp;
pub use window::{ParameterNames, Window};

/// Most Call-IDs in one query, inclusive.
///
/// Homer 7 itself accepts thousands (recording `http-2000-callids`). A call that is forwarded a few
/// times has a dozen, and an error that lists them has to stay readable.
pub const MAX_CALL_IDS: usize = 100;

/// Most nodes, and most excluded addresses, in one query, inclusive.
pub const MAX_FILTERS: usize = 32;

/// The profiles to search if the caller names no profile, in this order. All of them are searched,
/// because Homer spreads the messages of one call over several profiles: the NOTIFY requests of a
/// transfer are in the last one.
///
/// A new Homer 7 stores INVITE dialogs, REGISTER dialogs, and all other SIP in these profiles
/// (docs/homer.md §4).
// `100_default` is not among them: it holds log rows and no SIP messages.
pub const DEFAULT_PROFILES: [&str; 3] = ["1_call", "1_registration", "1_default"];

/// What to request from Homer: `homer:capture/homer-export-stream.query`, parsed.
///
/// # Examples
/// ```
/// use homer_export::query::ParameterNames;
/// use homer_export::{CallId, Query, Window};
///
/// let call_id = CallId::parse("a84b4c76e66710@pc33.example.com")?;
/// let window = Window::new(1_795_168_800_000, 1_795_169_100_000, 24, &ParameterNames::WIT)?;
/// let query = Query::new(vec![call_id], window)?.with_profiles(&["1_call".to_string()])?;
/// assert_eq!(query.profiles().len(), 1);
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    call_ids: Vec<CallId>,
    window: Window,
    profiles: Vec<Profile>,
    nodes: Vec<String>,
    exclude_ips: Vec<String>,
    redaction: Option<Redaction>,
}

impl Query {
    /// A query for 1 to [`MAX_CALL_IDS`] Call-IDs in a window, in the default profiles on all
    /// nodes. Duplicate Call-IDs are dropped.
    ///
    /// # Errors
    /// `invalid-request` if there is no Call-ID, or if there are more than [`MAX_CALL_IDS`]
    /// different ones.
    pub fn new(call_ids: Vec<CallId>, window: Window) -> Result<Self, ExportError> {
        // Duplicates are dropped before the Call-IDs are counted, so that only different ones
        // count.
        let mut distinct: Vec<CallId> = Vec::with_capacity(call_ids.len());
        for id in call_ids {
            if !distinct.contains(&id) {
                distinct.push(id);
            }
        }
        if distinct.is_empty() {
            return invalid("no Call-ID was given; give at least one".to_string());
        }
        at_most("Call-IDs", distinct.len(), MAX_CALL_IDS)?;
        Ok(Self {
            call_ids: distinct,
            window,
            // Parsed like any other key, so there is one way to make a `Profile`.
            profiles: Profile::parse_list(DEFAULT_PROFILES)?,
            nodes: Vec::new(),
            exclude_ips: Vec::new(),
            redaction: None,
        })
    }

    /// A query for one call: a Call-ID and a window between two times in Unix milliseconds, at most
    /// `max_hours` long.
    ///
    /// # Errors
    /// `invalid-request` as [`CallId::parse`] and [`Window::new`].
    pub fn of_call(
        call_id: &str,
        from_ms: i64,
        to_ms: i64,
        max_hours: u32,
        names: &ParameterNames,
    ) -> Result<Self, ExportError> {
        let call_id = CallId::parse(call_id)?;
        Self::new(
            [call_id].into(),
            Window::new(from_ms, to_ms, max_hours, names)?,
        )
    }

    /// The same query in other profiles. An empty list keeps the default ones. Duplicates are
    /// dropped.
    ///
    /// # Errors
    /// `invalid-request` if there are more than [`MAX_PROFILES`], or if one is not of the form
    /// `<HEP id>_<name>`.
    pub fn with_profiles(mut self, profiles: &[String]) -> Result<Self, ExportError> {
        let distinct = Profile::parse_list(profiles)?;
        if !distinct.is_empty() {
            self.profiles = distinct;
        }
        Ok(self)
    }

    /// The same query on selected database nodes. An empty list keeps all of them.
    ///
    /// # Errors
    /// `invalid-request` if there are more than [`MAX_FILTERS`], or if one is empty or contains a
    /// control character.
    pub fn with_nodes(mut self, nodes: Vec<String>) -> Result<Self, ExportError> {
        at_most("nodes", nodes.len(), MAX_FILTERS)?;
        // Only Homer knows which nodes exist. For an unknown one it returns an empty file
        // (recording `export-param-node-unknown`), which `nothing_captured` explains.
        let is_invalid = |node: &String| node.is_empty() || node.chars().any(char::is_control);
        if let Some(node) = nodes.iter().find(|node| is_invalid(node)) {
            return invalid(format!(
                "the node name {} is empty or contains a control character; use a name from \
                 Homer's list of nodes",
                quoted(node, MAX_QUOTED_FILTER)
            ));
        }
        self.nodes = nodes;
        Ok(self)
    }

    /// The same query without the messages from or to some IP addresses.
    ///
    /// # Errors
    /// `invalid-request` if there are more than [`MAX_FILTERS`], or if one is not an IP address.
    pub fn without_ips(mut self, ips: Vec<String>) -> Result<Self, ExportError> {
        at_most("excluded addresses", ips.len(), MAX_FILTERS)?;
        // Homer compares texts: a value that is not an address would exclude nothing, without
        // notice.
        if let Some(ip) = ips.iter().find(|ip| ip.parse::<IpAddr>().is_err()) {
            return invalid(format!(
                "the excluded address is {}; expected an IPv4 or IPv6 address",
                quoted(ip, MAX_QUOTED_FILTER)
            ));
        }
        self.exclude_ips = ips;
        Ok(self)
    }

    /// The same query, for a redacted capture if there is a redaction.
    #[must_use]
    pub fn with_redaction(mut self, redaction: Option<Redaction>) -> Self {
        self.redaction = redaction;
        self
    }

    /// What is to be redacted in the capture.
    pub fn redaction(&self) -> Option<&Redaction> {
        self.redaction.as_ref()
    }

    /// The query with other Call-IDs, one for each.
    #[must_use]
    pub(crate) fn map_call_ids(mut self, change: impl Fn(&CallId) -> CallId) -> Self {
        for id in &mut self.call_ids {
            *id = change(id);
        }
        self
    }

    /// The Call-IDs in the order given, each once. Never empty.
    pub fn call_ids(&self) -> &[CallId] {
        &self.call_ids
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The search profiles in the order in which to search them, each once. Never empty.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The database nodes to search. Empty for all.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The IP addresses whose messages are left out.
    pub fn exclude_ips(&self) -> &[String] {
        &self.exclude_ips
    }

    /// The Call-IDs for a sentence: the first three are quoted, the rest is counted.
    pub fn describe_call_ids(&self) -> String {
        // An error with 100 Call-IDs of up to 512 characters could not be read.
        const QUOTED: usize = 3;
        let first = self.call_ids.iter().take(QUOTED);
        let first: Vec<String> = first
            .map(|id| quoted(id.as_str(), CallId::MAX_CHARS))
            .collect();
        let noun = if self.call_ids.len() == 1 {
            "Call-ID"
        } else {
            "Call-IDs"
        };
        match self.call_ids.len().saturating_sub(QUOTED) {
            0 => format!("{noun} {}", first.join(", ")),
            more => format!("{noun} {} and {more} more", first.join(", ")),
        }
    }
}

/// Characters of an invalid filter that an error shows. The longest IPv6 address has 45.
const MAX_QUOTED_FILTER: usize = 64;

fn at_most(what: &str, count: usize, limit: usize) -> Result<(), ExportError> {
    if count <= limit {
        return Ok(());
    }
    invalid(format!(
        "the query has {count} {what}; the maximum is {limit}"
    ))
}

fn invalid<T>(why: String) -> Result<T, ExportError> {
    Err(ExportError::InvalidRequest(why))
}
