//! What a session description offers or answers (RFC 8866, RFC 3264), as far as two of them can be
//! compared.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::report::printable;

/// Most media descriptions that are compared, inclusive.
const MAX_MEDIA: usize = 8;

/// Most formats of a medium that are compared, inclusive.
const MAX_FORMATS: usize = 32;

/// Bytes kept of a name or value.
const MAX_VALUE: usize = 64;

/// The static payload types of audio in use (RFC 3551 §6).
const STATIC_TYPES: [(&str, &str); 8] = [
    ("0", "PCMU"),
    ("3", "GSM"),
    ("4", "G723"),
    ("8", "PCMA"),
    ("9", "G722"),
    ("13", "CN"),
    ("15", "G728"),
    ("18", "G729"),
];

/// One media description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Medium {
    /// `audio`, `video`, and so on.
    pub(super) kind: String,
    pub(super) protocol: String,
    /// Whether its port is 0 (RFC 3264 §6).
    pub(super) is_rejected: bool,
    /// Names of the codecs in the order of preference, with the clock rate unless it is 8000.
    pub(super) codecs: Vec<String>,
    /// The parameters of the formats (`fmtp`) with the names of their codecs.
    pub(super) parameters: Vec<String>,
    /// `sendrecv` unless the description says otherwise (RFC 8866 §6.7).
    pub(super) direction: String,
    pub(super) packet_time: String,
    pub(super) address: String,
    /// `crypto`, `fingerprint` and `candidate`, if it has them.
    pub(super) attributes: Vec<&'static str>,
    /// Payload types, until their names are known.
    formats: Vec<String>,
}

impl Medium {
    /// The media descriptions of a session description.
    pub(super) fn all(sdp: &[u8]) -> Vec<Self> {
        let mut session = Self {
            direction: "sendrecv".to_string(),
            ..Self::default()
        };
        let mut media: Vec<Self> = Vec::new();
        for line in sdp.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((kind, value)) = line.split_at_checked(2) else {
                continue;
            };
            let value = printable(value);
            if kind == b"m=" {
                if media.len() == MAX_MEDIA {
                    break;
                }
                media.push(session.clone().with_media_line(&value));
                continue;
            }
            let medium = media.last_mut().unwrap_or(&mut session);
            match kind {
                b"c=" => medium.address = short(value.split(' ').nth(2).unwrap_or_default()),
                b"a=" => medium.attribute(&value),
                _ => {}
            }
        }
        media.iter_mut().for_each(Self::name_codecs);
        media
    }

    fn with_media_line(mut self, value: &str) -> Self {
        let mut words = value.split(' ').filter(|word| !word.is_empty());
        self.kind = short(words.next().unwrap_or_default());
        let port = words.next().unwrap_or_default();
        self.is_rejected = port.split('/').next() == Some("0");
        self.protocol = short(words.next().unwrap_or_default());
        self.formats = words.take(MAX_FORMATS).map(short).collect();
        self
    }

    fn attribute(&mut self, value: &str) {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        match name {
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => self.direction = name.to_owned(),
            "ptime" => self.packet_time = short(value),
            "rtpmap" | "fmtp" => {
                let Some((format, text)) = value.split_once(' ') else {
                    return;
                };
                let list = match name {
                    "rtpmap" => &mut self.codecs,
                    _ => &mut self.parameters,
                };
                if list.len() < MAX_FORMATS {
                    list.push(format!("{} {}", short(format), short(text)));
                }
            }
            "crypto" => self.add_attribute("crypto"),
            "fingerprint" => self.add_attribute("fingerprint"),
            "candidate" => self.add_attribute("candidate"),
            _ => {}
        }
    }

    fn add_attribute(&mut self, name: &'static str) {
        if !self.attributes.contains(&name) {
            self.attributes.push(name);
        }
    }

    /// Puts names in place of payload types, whose dynamic numbers say nothing.
    fn name_codecs(&mut self) {
        let maps = core::mem::take(&mut self.codecs);
        let name = |format: &str| -> String {
            let mapped = maps.iter().find_map(|map| {
                let (number, codec) = map.split_once(' ')?;
                (number == format).then_some(codec)
            });
            match mapped {
                Some(codec) => codec.strip_suffix("/8000").unwrap_or(codec).to_owned(),
                None => (STATIC_TYPES.iter())
                    .find(|(number, _)| *number == format)
                    .map_or_else(|| format.to_owned(), |(_, name)| (*name).to_owned()),
            }
        };
        self.codecs = self.formats.iter().map(|format| name(format)).collect();
        let parameters = core::mem::take(&mut self.parameters);
        self.parameters = parameters
            .iter()
            .filter_map(|parameter| parameter.split_once(' '))
            .map(|(format, text)| format!("{} {text}", name(format)))
            .collect();
    }

    /// What kind of address it names: those that nobody else can reach explain why no media
    /// arrives.
    pub(super) fn address_kind(&self) -> &'static str {
        match self.address.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() => "unspecified",
            Ok(IpAddr::V4(address)) if address.is_private() => "private IPv4",
            Ok(IpAddr::V4(address)) if address.is_loopback() => "loopback",
            Ok(IpAddr::V4(_)) => "IPv4",
            Ok(IpAddr::V6(_)) => "IPv6",
            Err(_) if self.address.is_empty() => "none",
            Err(_) => "a name",
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_VALUE).collect()
}
