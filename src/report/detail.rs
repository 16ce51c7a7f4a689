//! What the causes need of header fields and bodies, beyond what identifies a transaction.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use memchr::{memchr, memrchr};

use super::exchange::{Exchange, Method};
use super::hash::hash;
use super::header::{each_field, each_value, number, parameter};
use super::media::Media;
use crate::sip::{Message, StartLine};

/// Bytes kept of a reason phrase.
const MAX_PHRASE: usize = 60;

/// Details of a request and of the responses to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Detail {
    /// Reason phrase of the final response.
    pub(super) phrase: Vec<u8>,
    /// Q.850 cause of a Reason field (RFC 3326) in the request or in the final response.
    pub(super) q850: Option<u32>,
    /// Q.850 cause of a Reason field in a 183: gateways send it before an announcement (RFC 6432).
    pub(super) early_q850: Option<u32>,
    /// Warning code (RFC 3261 §20.43).
    pub(super) warning: Option<u32>,
    /// Retry-After in seconds (§20.33).
    pub(super) retry_after: Option<u32>,
    /// The challenge of a 401 or 407.
    pub(super) challenge: Option<Authentication>,
    /// The credentials of the request.
    pub(super) credentials: Option<Authentication>,
    /// Expires of a request, in seconds.
    pub(super) expires: Option<u32>,
    /// Contacts of a REGISTER: whether there is any, and whether all of them are removed.
    pub(super) contacts: Option<bool>,
    /// The longest expiry that the response to a REGISTER grants, in seconds.
    pub(super) granted: Option<u32>,
    /// Session-Expires of the 2xx, in seconds (RFC 4028).
    pub(super) session_expires: Option<u32>,
    /// The address in the Contact of an INVITE; `None` if it is a name.
    pub(super) contact: Option<IpAddr>,
    /// The address in the Contact of its 2xx.
    pub(super) answer_contact: Option<IpAddr>,
    /// Hash of the URI in that Contact, without its parameters.
    pub(super) answer_uri: Option<u64>,
    /// Status in the message/sipfrag body of a NOTIFY (RFC 3515 §2.4.5).
    pub(super) sipfrag: Option<u16>,
    /// The SDP of the request.
    pub(super) request_media: Option<Media>,
    /// The SDP of a provisional response.
    pub(super) early_media: Option<Media>,
    /// The SDP of the 2xx.
    pub(super) answer: Option<Media>,
}

/// A challenge, or the credentials that respond to one (RFC 7616). Values are hashes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Authentication {
    pub(super) realm: u64,
    pub(super) nonce: u64,
    pub(super) algorithm: u64,
    /// `stale=true`: the password was right, but the nonce is too old.
    pub(super) is_stale: bool,
}

impl Authentication {
    fn parse(value: &[u8]) -> Self {
        let hashed = |name: &[u8]| hash(parameter(value, name).unwrap_or_default());
        // MD5 is meant if there is no algorithm, and case does not matter (RFC 7616 §3.3).
        let algorithm = parameter(value, b"algorithm").unwrap_or(b"MD5");
        Self {
            realm: hashed(b"realm"),
            nonce: hashed(b"nonce"),
            algorithm: hash(&algorithm.to_ascii_uppercase()),
            is_stale: parameter(value, b"stale")
                .is_some_and(|stale| stale.eq_ignore_ascii_case(b"true")),
        }
    }
}

impl Exchange {
    pub(super) fn detail(&self) -> Option<&Detail> {
        self.detail.as_deref()
    }

    fn detail_mut(&mut self) -> &mut Detail {
        self.detail.get_or_insert_with(Box::default)
    }

    /// Reads the request.
    pub(super) fn detail_of_request(&mut self, message: &Message<'_>, header: &[u8]) {
        if let StartLine::Request { uri, .. } = message.start
            && self.method == Method::Ack
        {
            self.uri = Some(uri_hash(uri));
        }
        if self.method == Method::Ack {
            return;
        }
        let packet = self.packet();
        let method = self.method;
        // `Contact: *` and `expires=0` remove (RFC 3261 §10.2.2).
        let (mut any_contact, mut any_kept) = (false, false);
        each_field(header, b"aprecm", |name, value| {
            let is = |long: &[u8]| name.eq_ignore_ascii_case(long);
            match name.len() {
                13 | 19 if is(b"Authorization") || is(b"Proxy-Authorization") => {
                    self.has_credentials = true;
                    self.detail_mut().credentials = Some(Authentication::parse(value));
                }
                6 if is(b"Reason") => self.detail_mut().q850 = q850(value).or(self.q850()),
                7 if is(b"Expires") && method == Method::Register => {
                    self.detail_mut().expires = number(value);
                }
                1 | 7 if method == Method::Register && (is(b"Contact") || is(b"m")) => {
                    each_value(value, |contact| {
                        any_contact = true;
                        let expires = parameter(contact, b"expires").map(number);
                        any_kept |= contact != b"*" && expires != Some(Some(0));
                        if expires.is_some_and(|expires| expires != Some(0)) {
                            // It has an expiry of its own, whatever Expires says.
                            self.detail_mut().contacts = Some(false);
                        }
                    });
                }
                1 | 7 if method == Method::Invite && (is(b"Contact") || is(b"m")) => {
                    self.detail_mut().contact = host(value);
                }
                _ => {}
            }
        });
        if any_contact {
            let detail = self.detail_mut();
            let removed = match detail.contacts {
                Some(_) => false,
                None => !any_kept || detail.expires == Some(0),
            };
            detail.contacts = Some(removed);
        }
        if method == Method::Notify {
            self.read_sipfrag(message);
        }
        if matches!(method, Method::Invite | Method::Update)
            && let Some((_, sdp)) = message.session_description()
        {
            let media = Media::parse(packet, sdp);
            self.detail_mut().request_media = Some(media);
        }
    }

    /// Reads a response that is kept.
    pub(super) fn detail_of_response(
        &mut self,
        status: u16,
        packet: u64,
        message: &Message<'_>,
        header: &[u8],
    ) {
        let is_offer_or_answer = matches!(self.method, Method::Invite | Method::Update);
        if is_offer_or_answer
            && (180..300).contains(&status)
            && let Some((_, sdp)) = message.session_description()
        {
            let media = Media::parse(packet, sdp);
            let detail = self.detail_mut();
            match status < 200 {
                true => detail.early_media = detail.early_media.take().or(Some(media)),
                false => detail.answer = Some(media),
            }
        }
        if status == 183 {
            each_field(header, b"r", |name, value| {
                if name.eq_ignore_ascii_case(b"Reason") {
                    self.detail_mut().early_q850 = q850(value);
                }
            });
        }
        if status < 300 {
            if status >= 200
                && matches!(
                    self.method,
                    Method::Invite | Method::Update | Method::Register
                )
            {
                self.detail_of_success(header);
            }
            return;
        }
        let rest = message
            .start_line
            .get("SIP/2.0 404 ".len()..)
            .unwrap_or_default();
        self.detail_mut().phrase = rest[..rest.len().min(MAX_PHRASE)].to_vec();
        each_field(header, b"rwp", |name, value| {
            let is = |long: &[u8]| name.eq_ignore_ascii_case(long);
            match name.len() {
                6 if is(b"Reason") => self.detail_mut().q850 = q850(value).or(self.q850()),
                7 if is(b"Warning") => self.detail_mut().warning = number(value),
                11 if is(b"Retry-After") => self.detail_mut().retry_after = number(value),
                16 | 18 if is(b"WWW-Authenticate") || is(b"Proxy-Authenticate") => {
                    let challenge = Authentication::parse(value);
                    let detail = self.detail_mut();
                    // Of several challenges, the client takes the first that it can (RFC 8760).
                    detail.challenge = detail.challenge.or(Some(challenge));
                }
                _ => {}
            }
        });
    }

    /// Reads the 2xx to an INVITE, UPDATE or REGISTER.
    fn detail_of_success(&mut self, header: &[u8]) {
        let is_register = self.method == Method::Register;
        each_field(header, b"cmesx", |name, value| {
            let is = |long: &[u8]| name.eq_ignore_ascii_case(long);
            match name.len() {
                1 | 7 if is(b"Contact") || is(b"m") => match is_register {
                    false => {
                        let detail = self.detail_mut();
                        detail.answer_contact = host(value);
                        detail.answer_uri = Some(uri_hash(uri(value)));
                    }
                    true => each_value(value, |contact| {
                        let expires = parameter(contact, b"expires").and_then(number);
                        let detail = self.detail_mut();
                        detail.granted = detail.granted.max(expires);
                    }),
                },
                7 if is_register && is(b"Expires") => {
                    let detail = self.detail_mut();
                    detail.granted = detail.granted.max(number(value));
                }
                1 | 15 if is(b"Session-Expires") || is(b"x") => {
                    self.detail_mut().session_expires = number(value);
                }
                _ => {}
            }
        });
    }

    fn q850(&self) -> Option<u32> {
        self.detail().and_then(|detail| detail.q850)
    }

    /// The status line in a body of type message/sipfrag (RFC 3420).
    fn read_sipfrag(&mut self, message: &Message<'_>) {
        let media_type = message.content_type.unwrap_or_default();
        const SIPFRAG: &[u8] = b"message/sipfrag";
        let is_sipfrag = media_type
            .get(..SIPFRAG.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(SIPFRAG));
        let rest = message
            .content()
            .trim_ascii_start()
            .strip_prefix(b"SIP/2.0 ");
        let status = rest
            .and_then(number)
            .and_then(|status| u16::try_from(status).ok());
        if is_sipfrag && let Some(status) = status.filter(|status| (100..700).contains(status)) {
            self.detail_mut().sipfrag = Some(status);
        }
    }
}

/// The Q.850 cause in `Reason: Q.850;cause=17;text="User busy", SIP;cause=486` (RFC 3326).
fn q850(value: &[u8]) -> Option<u32> {
    let mut found = None;
    each_value(value, |reason| {
        let protocol = reason.get(..5).unwrap_or_default();
        if protocol.eq_ignore_ascii_case(b"Q.850") {
            let cause = parameter(reason, b"cause").and_then(number);
            found = cause.filter(|cause| *cause < 128);
        }
    });
    found
}

/// The first URI of a Contact field.
fn uri(contact: &[u8]) -> &[u8] {
    let uri = match memchr(b'<', contact) {
        Some(at) => &contact[at + 1..],
        None => contact,
    };
    &uri[..memchr(b'>', uri).unwrap_or(uri.len())]
}

/// Hash of a URI without parameters, the default port, and the difference of upper and lower case:
/// proxies change them.
fn uri_hash(uri: &[u8]) -> u64 {
    let uri = &uri[..memchr(b';', uri).unwrap_or(uri.len())];
    let uri = uri.strip_suffix(b":5060").unwrap_or(uri);
    hash(&uri.to_ascii_lowercase())
}

/// The address in the first URI of a Contact field; `None` if the host is a name.
fn host(contact: &[u8]) -> Option<IpAddr> {
    let uri = uri(contact);
    let uri = &uri[memchr(b':', uri)? + 1..];
    let host = memrchr(b'@', uri).map_or(uri, |at| &uri[at + 1..]);
    let host = match host.strip_prefix(b"[") {
        Some(rest) => &rest[..memchr(b']', rest)?],
        None => {
            let is_end = |byte: &u8| matches!(byte, b':' | b';' | b'?' | b',' | b' ');
            &host[..host.iter().position(is_end).unwrap_or(host.len())]
        }
    };
    core::str::from_utf8(host).ok()?.parse().ok()
}
