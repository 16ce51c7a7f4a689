//! The requests of an export and their order: [`Search`].

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::capture_response::{CaptureResponse, OpenCapture};
use super::held_profiles::{HeldProfiles, NotHeld};
use super::{MAX_HELD_BYTES, MAX_OPEN_EXCHANGES};
use crate::client::{Client, Server, read_prefix};
use crate::config::Config;
use crate::error::ExportError;
use crate::homer::response::{self, MAX_ERROR_BODY, NoCapture};
use crate::homer::{Api, Request};
use crate::pcap::{FILE_HEADER_LEN, FileHeader};
use crate::query::{Profile, Query};
use crate::transport::{OutboundResponse, Transport};

/// What one export needs to send requests.
pub(super) struct Search<'t, T> {
    client: Client<'t, T>,
}

/// The captures of all profiles.
pub(super) struct Found<B> {
    /// The profiles before that of `source`, which were searched and have no packets.
    pub(super) empty_profiles: Vec<Profile>,
    /// The first profile with packets.
    pub(super) source: Box<OpenCapture<B>>,
    /// The captures of the profiles after that.
    pub(super) held: HeldProfiles,
    /// Which profiles are missing, and why.
    pub(super) warnings: Vec<String>,
}

/// Why the endpoint of one API version returned no capture.
enum AttemptError {
    /// The endpoint does not exist, so the server may have the other API version.
    UnknownEndpoint(ExportError),
    /// The export failed.
    Failed(ExportError),
}

impl From<ExportError> for AttemptError {
    fn from(error: ExportError) -> Self {
        Self::Failed(error)
    }
}

/// What Homer says to the search in one profile.
enum Answer<B> {
    /// The profile has packets.
    Packets(Box<OpenCapture<B>>),
    /// The profile has no packets.
    Empty,
    /// Homer does not have the profile.
    UnknownProfile(ExportError),
    /// The search failed.
    Failed(AttemptError),
    /// The capture broke off after its first packet, so it is of the profile that has the call.
    Damaged(ExportError),
}

impl<T: Transport> Search<'_, T> {
    /// Sends all requests of an export. Also returns the server with the credential in use, and the
    /// version of its API.
    ///
    /// # Errors
    /// As [`PcapStream::open`](super::PcapStream::open).
    pub(super) fn run(
        query: &Query,
        config: &Config,
        transport: &mut T,
    ) -> Result<(Found<T::Body>, Server, Api), ExportError> {
        let client = Client::open(&config.homer, config.first_byte_timeout_ms, transport)?;
        let mut search = Search { client };
        let (found, api) = match config.api {
            Some(api) => match search.profiles(api, query) {
                Ok(found) => (found, api),
                Err(AttemptError::UnknownEndpoint(error) | AttemptError::Failed(error)) => {
                    return Err(error);
                }
            },
            None => search.both_versions(query)?,
        };
        Ok((found, search.client.into_server(), api))
    }

    /// Tries Homer 7, which is the more likely one, then HOMER 11. Neither has the endpoint of the
    /// other (docs/homer.md §9.5).
    fn both_versions(&mut self, query: &Query) -> Result<(Found<T::Body>, Api), ExportError> {
        let unknown = match self.profiles(Api::V7, query) {
            Ok(found) => return Ok((found, Api::V7)),
            Err(AttemptError::Failed(error)) => return Err(error),
            Err(AttemptError::UnknownEndpoint(error)) => error,
        };
        match self.profiles(Api::V11, query) {
            Ok(found) => Ok((found, Api::V11)),
            // Neither endpoint exists: Homer 7's response describes the server as well.
            Err(AttemptError::UnknownEndpoint(_)) => Err(unknown),
            Err(AttemptError::Failed(error)) => Err(error),
        }
    }

    /// Searches all profiles at the endpoint of one API version, in their order. While one is
    /// waited for, the request for the next one is under way.
    fn profiles(&mut self, api: Api, query: &Query) -> Result<Found<T::Body>, AttemptError> {
        let mut found: Option<Found<T::Body>> = None;
        let mut empty_profiles = Vec::new();
        let mut unknown = None;
        let mut failures: Vec<(Profile, ExportError)> = Vec::new();
        let mut unsent = query.profiles().iter();
        let mut sent = VecDeque::new();
        loop {
            // The streamed capture is an open exchange as well.
            let open = usize::from(found.is_some());
            // After a request that could not be sent, the next one would fail in the same way.
            while open + sent.len() < MAX_OPEN_EXCHANGES
                && sent
                    .back()
                    .is_none_or(|(_, pending): &(_, Result<_, _>)| pending.is_ok())
                && let Some(profile) = unsent.next()
            {
                // One profile in each request: of two, Homer searches one at random (docs/homer.md
                // §1.9).
                let request = api.export_request(&self.client.server().homer, query, profile)?;
                // A failure counts when it is the profile's turn.
                sent.push_back((profile, self.start(&request)));
            }
            let Some((profile, pending)) = sent.pop_front() else {
                break;
            };
            let answer = self.answer(profile, pending);
            match (answer, &mut found) {
                (Answer::UnknownProfile(error), _) => unknown = Some(error),
                (Answer::Empty, None) => empty_profiles.push(profile.clone()),
                (Answer::Empty, Some(found)) => found.held.add_empty(profile.clone()),
                (Answer::Packets(source), None) => {
                    found = Some(Found {
                        empty_profiles: core::mem::take(&mut empty_profiles),
                        source,
                        held: HeldProfiles::default(),
                        warnings: Vec::new(),
                    });
                }
                (Answer::Packets(capture), Some(found)) => {
                    let format = found.source.format;
                    if let Err(why) = found.held.add(*capture, self.client.server(), format) {
                        found.warnings.push(missing(profile, why));
                    }
                }
                (Answer::Failed(AttemptError::Failed(error)), None) if !ends_export(&error) => {
                    failures.push((profile.clone(), error));
                }
                (Answer::Failed(error), None) => return Err(error),
                (Answer::Damaged(error), None) => return Err(AttemptError::Failed(error)),
                (
                    Answer::Failed(
                        AttemptError::Failed(error) | AttemptError::UnknownEndpoint(error),
                    )
                    | Answer::Damaged(error),
                    Some(found),
                ) => found
                    .warnings
                    .push(missing(profile, NotHeld::Failed(error))),
            }
        }
        let first_failure = failures.first().map(|(_, error)| error.clone());
        match found {
            Some(mut found) => {
                let failed = failures
                    .into_iter()
                    .map(|(profile, error)| missing(&profile, NotHeld::Failed(error)));
                found.warnings.splice(0..0, failed);
                Ok(found)
            }
            // A profile that was not searched may have the call, so "nothing captured" would be
            // untrue.
            None => Err(AttemptError::Failed(match (first_failure, unknown) {
                (Some(error), _) => error,
                (None, Some(error)) if empty_profiles.is_empty() => error,
                _ => response::nothing_captured(query, &self.client.server().homer, api),
            })),
        }
    }

    /// Waits until it is known whether a profile has packets.
    fn answer(
        &mut self,
        profile: &Profile,
        pending: Result<T::Pending, ExportError>,
    ) -> Answer<T::Body> {
        let failed = |error| Answer::Failed(AttemptError::Failed(error));
        let mut response = match pending.and_then(|pending| self.receive(pending)) {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        if !response::is_capture(&response.head) {
            let opening = read_prefix(&mut response.body, MAX_ERROR_BODY);
            return match response::no_capture(&response.head, &opening, &self.client.server().homer)
            {
                NoCapture::UnknownProfile(error) => Answer::UnknownProfile(error),
                NoCapture::Empty => Answer::Empty,
                NoCapture::UnknownEndpoint(error) => {
                    Answer::Failed(AttemptError::UnknownEndpoint(error))
                }
                NoCapture::Failed(error) => failed(error),
            };
        }
        let mut capture = CaptureResponse::new(profile.clone(), response);
        match capture.begin(self.client.server()) {
            Err(error) if capture.scanner().has_packets() => Answer::Damaged(error),
            Err(error) => failed(error),
            Ok(opening) => {
                let header = opening.first_chunk::<FILE_HEADER_LEN>();
                let format = header.and_then(|header| FileHeader::parse(header).ok());
                match format.filter(|_| capture.scanner().has_packets()) {
                    Some(format) => Answer::Packets(Box::new(OpenCapture {
                        response: capture,
                        opening,
                        format,
                    })),
                    None => Answer::Empty,
                }
            }
        }
    }

    fn start(&mut self, request: &Request) -> Result<T::Pending, ExportError> {
        let started = self.client.start(request);
        started.map_err(|error| self.client.server().failed_before(error))
    }

    fn receive(&mut self, pending: T::Pending) -> Result<OutboundResponse<T::Body>, ExportError> {
        let received = self.client.receive(pending);
        received.map_err(|error| self.client.server().failed_before(error))
    }
}

/// Whether an error ends the export although other profiles have not been searched: it would fail
/// the search in any of them, or it shows that this profile has the call.
fn ends_export(error: &ExportError) -> bool {
    matches!(
        error,
        ExportError::InvalidRequest(_)
            | ExportError::Misconfigured(_)
            | ExportError::Denied(_)
            | ExportError::Unauthorized(_)
            | ExportError::Unreachable(_)
            | ExportError::TooLarge { .. }
    )
}

/// The warning that a profile is missing in the capture.
fn missing(profile: &Profile, why: NotHeld) -> String {
    let name = profile.as_str();
    match why {
        NotHeld::Failed(error) => format!(
            "packets of profile {name} may be missing, because the search in it failed: {error}"
        ),
        NotHeld::TooLarge(room) => format!(
            "the packets of profile {name} are missing: they have more than {room} bytes, and all \
             profiles after the first one with packets may have {MAX_HELD_BYTES} bytes together; \
             export this profile separately (--profile {name}, or the argument profiles)"
        ),
        NotHeld::OtherFormat => format!(
            "the packets of profile {name} are missing: their file header differs from that of the \
             first profile with packets; export this profile separately (--profile {name}, or the \
             argument profiles)"
        ),
    }
}
