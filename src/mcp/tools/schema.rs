//! The JSON Schemas of the tools' arguments and results.
//!
//! They are generated from structs, whose doc comments are the descriptions, when the tests run,
//! and committed as `*.schema.json` beside this file: so the components need no schema generator,
//! and the properties keep the order of the fields. (`serde_json::Map` sorts them by name, unless
//! it is built with `std`.) What depends on the configuration is put in by [`with_member`].

use alloc::borrow::{Cow, ToOwned as _};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A value as JSON text.
#[expect(
    clippy::expect_used,
    reason = "serde_json fails only for maps whose keys are not strings, and there are none here"
)]
pub(in crate::mcp) fn to_raw_json(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a value that JSON can represent")
}

/// A committed schema, without the line breaks and spaces with which people read it.
#[expect(
    clippy::expect_used,
    reason = "called with the committed schemas alone; the tests call it with each"
)]
pub(super) fn committed(json: &str) -> Box<RawValue> {
    let mut compact = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for char in json.chars() {
        if is_text || !char.is_ascii_whitespace() {
            compact.push(char);
        }
        is_text ^= char == '"' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
    }
    RawValue::from_string(compact).expect("JSON")
}

/// A copy of the object `json` whose member at `path` is `value`; the path must lead to a member
/// that is there.
#[expect(
    clippy::expect_used,
    reason = "called with the committed schemas alone; the tests call it with each"
)]
pub(super) fn with_member(json: &str, path: &[&str], value: &RawValue) -> Box<RawValue> {
    let [name, rest @ ..] = path else {
        return value.to_owned();
    };
    let mut object: Members<'_> = serde_json::from_str(json).expect("a JSON object");
    let member = object.0.iter_mut().find(|(known, _)| known == name);
    let (_, member) = member.expect("the member is there");
    *member = Cow::Owned(with_member(member.get(), rest, value));
    to_raw_json(&object)
}

/// The members of a JSON object in their order, with their values as text.
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Members<'a> {
    /// The members of an object.
    #[expect(
        clippy::expect_used,
        reason = "called with a struct as JSON, which is an object"
    )]
    pub(super) fn of(object: &'a RawValue) -> Self {
        serde_json::from_str(object.get()).expect("a JSON object")
    }

    /// Removes the members with these names.
    pub(super) fn remove(&mut self, names: &[&str]) {
        self.0.retain(|(name, _)| !names.contains(&&**name));
    }

    /// Gives a member another value, if it is there.
    pub(super) fn set(&mut self, name: &str, value: &impl Serialize) {
        if let Some(member) = self.member(name) {
            *member = Cow::Owned(to_raw_json(value));
        }
    }

    /// Adds a member after another one, or at the end if that one is not there.
    pub(super) fn insert_after(&mut self, other: &str, name: &str, value: &impl Serialize) {
        let at = self.0.iter().position(|(known, _)| known == other);
        let at = at.map_or(self.0.len(), |at| at + 1);
        let member = (
            Cow::Owned(String::from(name)),
            Cow::Owned(to_raw_json(value)),
        );
        self.0.insert(at, member);
    }

    /// The value of a member.
    pub(super) fn member(&mut self, name: &str) -> Option<&mut Cow<'a, RawValue>> {
        let member = self.0.iter_mut().find(|(known, _)| known == name);
        member.map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                // The values stay text, so what is not replaced is passed on byte for byte.
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((Cow::Owned(name), Cow::Borrowed(value)));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests;
