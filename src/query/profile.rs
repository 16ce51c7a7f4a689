//! A search profile of Homer.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::ExportError;
use crate::text::quoted;

/// Most search profiles in one query, inclusive. Homer 7 comes with five.
// Each profile costs one request (docs/homer.md §1.9).
pub const MAX_PROFILES: usize = 8;

/// The key of a search profile of Homer, `<HEP id>_<name>`, for example `1_call`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Profile(String);

impl Profile {
    /// Longest key accepted, in bytes, inclusive.
    // The longest key of a new Homer, `1_registration`, has 14 (docs/homer.md §4).
    pub const MAX_LEN: usize = 64;

    /// Parses a key: a number below 2^32, an underscore, then letters, digits and underscores, at
    /// most [`Self::MAX_LEN`] bytes.
    ///
    /// homer-app 1.5.20 accepts the same. Older releases close the connection on a key without an
    /// underscore (recording `export-bad-profile-nounderscore`).
    ///
    /// # Errors
    /// `invalid-request` if the key has another form.
    pub fn parse(key: &str) -> Result<Self, ExportError> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let is_hep_id = |id: &str| {
            // `parse` alone would accept a sign.
            id.bytes().all(|b| b.is_ascii_digit()) && id.parse::<u32>().is_ok()
        };
        let parts = key.split_once('_').filter(|_| key.len() <= Self::MAX_LEN);
        if !parts.is_some_and(|(id, name)| is_hep_id(id) && is_name(name)) {
            return Err(ExportError::InvalidRequest(format!(
                "the profile is {}; expected <HEP id>_<name>, for example 1_call",
                quoted(key, Self::MAX_LEN)
            )));
        }
        Ok(Self(key.to_string()))
    }

    /// Parses a list of keys. Duplicates are dropped.
    ///
    /// # Errors
    /// `invalid-request` as [`Self::parse`], or if there are more than [`MAX_PROFILES`] different
    /// ones.
    pub fn parse_list<K: AsRef<str>>(
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Self>, ExportError> {
        let mut distinct: Vec<Self> = Vec::new();
        for key in keys {
            let profile = Self::parse(key.as_ref())?;
            if !distinct.contains(&profile) {
                distinct.push(profile);
            }
        }
        if distinct.len() > MAX_PROFILES {
            return Err(ExportError::InvalidRequest(format!(
                "the query has {} profiles; the maximum is {MAX_PROFILES}",
                distinct.len()
            )));
        }
        Ok(distinct)
    }

    /// HEP id and name, which HOMER 11 takes separately.
    pub fn parts(&self) -> (u32, &str) {
        let (hep_id, name) = self.0.split_once('_').unwrap_or_default();
        (hep_id.parse().unwrap_or_default(), name)
    }

    /// The key as Homer spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
