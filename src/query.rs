//! What to ask for: Call-IDs, a window of time, and where in Homer to look.

mod call_id;
mod window;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

pub use call_id::CallId;
pub use window::{Timestamp, Window};

use crate::ExportError;

/// Most Call-IDs in one query, inclusive. Homer itself takes thousands (recording
/// `http-2000-callids`); a call that was handed on a few times has a dozen, and an error that lists
/// them has to stay readable.
pub const MAX_CALL_IDS: usize = 100;

/// Most search profiles in one query, inclusive: a fresh Homer 7 has five.
pub const MAX_PROFILES: usize = 8;

/// Most nodes, and most excluded addresses, in one query, inclusive.
pub const MAX_FILTERS: usize = 32;

/// The profiles asked when the caller names none, in this order, the next one only when the one
/// before held nothing: a fresh Homer 7 stores INVITE dialogs, REGISTER dialogs, and all other SIP
/// apart (homer.md §4).
pub const DEFAULT_PROFILES: [&str; 3] = ["1_call", "1_registration", "1_default"];

/// What to ask Homer for: `homer:capture/homer-export-stream.query`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    call_ids: Vec<CallId>,
    window: Window,
    profiles: Vec<Profile>,
    nodes: Vec<String>,
    exclude_ips: Vec<String>,
}

impl Query {
    /// One or more Call-IDs in a window, asked of the default profiles on all nodes. Duplicates are
    /// dropped.
    ///
    /// # Errors
    /// `invalid-request` if there is no Call-ID, or more than [`MAX_CALL_IDS`] different ones.
    pub fn new(call_ids: Vec<CallId>, window: Window) -> Result<Self, ExportError> {
        let mut distinct: Vec<CallId> = Vec::with_capacity(call_ids.len());
        for id in call_ids {
            if !distinct.contains(&id) {
                distinct.push(id);
            }
        }
        if distinct.is_empty() {
            return Err(ExportError::InvalidRequest(
                "no Call-ID was given; name at least one".to_string(),
            ));
        }
        at_most("Call-IDs", distinct.len(), MAX_CALL_IDS)?;
        Ok(Self {
            call_ids: distinct,
            window,
            profiles: DEFAULT_PROFILES
                .iter()
                .map(|name| Profile((*name).to_string()))
                .collect(),
            nodes: Vec::new(),
            exclude_ips: Vec::new(),
        })
    }

    /// The same query of other profiles; none leaves the default ones.
    ///
    /// # Errors
    /// `invalid-request` if there are more than [`MAX_PROFILES`], or one is not of the form `<HEP
    /// id>_<name>`.
    pub fn with_profiles(mut self, profiles: &[String]) -> Result<Self, ExportError> {
        at_most("profiles", profiles.len(), MAX_PROFILES)?;
        if !profiles.is_empty() {
            self.profiles = profiles
                .iter()
                .map(|name| Profile::parse(name))
                .collect::<Result<_, _>>()?;
        }
        Ok(self)
    }

    /// The same query of some of Homer's database nodes; none leaves all of them.
    ///
    /// # Errors
    /// `invalid-request` if there are more than [`MAX_FILTERS`], or one is empty or has control
    /// characters.
    pub fn with_nodes(mut self, nodes: Vec<String>) -> Result<Self, ExportError> {
        at_most("nodes", nodes.len(), MAX_FILTERS)?;
        if nodes
            .iter()
            .any(|node| node.is_empty() || node.chars().any(char::is_control))
        {
            return Err(ExportError::InvalidRequest(
                "a node name is empty or has control characters; use the values of Homer's node list".to_string(),
            ));
        }
        self.nodes = nodes;
        Ok(self)
    }

    /// The same query without the messages from or to some IP addresses.
    ///
    /// # Errors
    /// `invalid-request` if there are more than [`MAX_FILTERS`], or one is not an IP address.
    pub fn without_ips(mut self, ips: Vec<String>) -> Result<Self, ExportError> {
        at_most("excluded addresses", ips.len(), MAX_FILTERS)?;
        if let Some(bad) = ips.iter().find(|ip| ip.parse::<IpAddr>().is_err()) {
            return Err(ExportError::InvalidRequest(format!(
                "excluded address {} is not an IPv4 or IPv6 address",
                quoted(bad, 64)
            )));
        }
        self.exclude_ips = ips;
        Ok(self)
    }

    /// The Call-IDs, in the order given, each once; never empty.
    pub fn call_ids(&self) -> &[CallId] {
        &self.call_ids
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The search profiles in the order in which to ask; never empty.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Database nodes to ask; empty for all.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Addresses whose messages are left out.
    pub fn exclude_ips(&self) -> &[String] {
        &self.exclude_ips
    }

    /// The Call-IDs for a sentence: the first three quoted, the rest counted.
    pub fn call_ids_in_words(&self) -> String {
        const NAMED: usize = 3;
        let named: Vec<String> = self
            .call_ids
            .iter()
            .take(NAMED)
            .map(|id| quoted(id.as_str(), CallId::MAX_CHARS))
            .collect();
        let noun = if self.call_ids.len() == 1 {
            "Call-ID"
        } else {
            "Call-IDs"
        };
        match self.call_ids.len().saturating_sub(NAMED) {
            0 => format!("{noun} {}", named.join(", ")),
            more => format!("{noun} {} and {more} more", named.join(", ")),
        }
    }
}

/// The key of one of Homer's search profiles, `<HEP id>_<name>`, for instance `1_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile(String);

impl Profile {
    /// Takes digits (a number below 2^32), an underscore, then letters, digits and underscores, at
    /// most 64 characters: what homer-app 1.5.20 accepts. Older releases close the connection on a
    /// key without underscore (recording `export-bad-profile-nounderscore`).
    ///
    /// # Errors
    /// `invalid-request` if the key has another form.
    pub fn parse(key: &str) -> Result<Self, ExportError> {
        const MAX_LEN: usize = 64;
        let well_formed = key.len() <= MAX_LEN
            && key.split_once('_').is_some_and(|(hep_id, name)| {
                hep_id.bytes().all(|b| b.is_ascii_digit())
                    && hep_id.parse::<u32>().is_ok()
                    && !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            });
        if !well_formed {
            return Err(ExportError::InvalidRequest(format!(
                "profile {} is not of the form <HEP id>_<name>, for example 1_call",
                quoted(key, MAX_LEN)
            )));
        }
        Ok(Self(key.to_string()))
    }

    /// HEP id and name, as HOMER 11 takes them.
    pub fn parts(&self) -> (u32, &str) {
        let (hep_id, name) = self.0.split_once('_').unwrap_or_default();
        (hep_id.parse().unwrap_or_default(), name)
    }

    /// The key as Homer spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn at_most(what: &str, count: usize, limit: usize) -> Result<(), ExportError> {
    if count > limit {
        return Err(ExportError::InvalidRequest(format!(
            "{count} {what} in one query, at most {limit} are taken"
        )));
    }
    Ok(())
}

/// Text from outside made fit for a sentence: in quotation marks, at most `max` characters, control
/// characters as blanks. (`{:?}` would bring tables of Unicode properties into the component.)
pub(crate) fn quoted(text: &str, max: usize) -> String {
    format!("\"{}\"", fit(text, max))
}

/// As [`quoted`], without the quotation marks.
pub(crate) fn fit(text: &str, max: usize) -> String {
    let mut fit: String = text
        .chars()
        .take(max)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(max).is_some() {
        fit.push('…');
    }
    fit
}
