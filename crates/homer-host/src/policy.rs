//! What a component may do, as data. This module knows neither Wasmtime nor MCP, so that a policy
//! can be built, compared and logged without an engine.

use std::path::PathBuf;
use std::time::Duration;

use homer_export::config::setting;
use homer_export::export::MAX_OPEN_EXCHANGES;
use homer_export::homer::{login, search, v7, v11};
use homer_export::query::MAX_PROFILES;
use homer_export::search::MAX_REQUESTS;
use homer_export::transport::{BETWEEN_BYTES_TIMEOUT_MS, CONNECT_TIMEOUT_MS};
use homer_export::{BaseUrl, Credential};
use http::HeaderName;

use crate::admission::SMALL_TIME;
use crate::environment::ComponentEnvironment;
use crate::extra_fields::ExtraFields;

/// The header fields that a component may set in a request, in lower case. With
/// [`Policy::own_credentials`], [`Policy::request_fields`] has more.
pub const REQUEST_FIELDS: [&str; 2] = ["content-length", "content-type"];

/// The header fields with which a component sends a credential of its own, in lower case.
const OWN_CREDENTIAL_FIELDS: [&str; 3] = ["authorization", "auth-token", "cookie"];

/// The header fields of a response that a component sees, in lower case. The first four say what
/// arrived. The others tell its operator which proxy rejected a request, and why.
pub const RESPONSE_FIELDS: [&str; 7] = [
    "content-encoding",
    "content-length",
    "content-type",
    "location",
    "retry-after",
    "server",
    "www-authenticate",
];

/// What a component may do. Everything that is not listed here is denied.
///
/// [`Policy::default`] is the smallest policy. The defaults are:
///
/// * No origin may be reached, so every request is denied.
/// * The component may set only [`REQUEST_FIELDS`], and sees only [`RESPONSE_FIELDS`].
/// * The environment is empty.
/// * HTTPS trusts the certificates of the system.
/// * [`Limits::default`] applies to each export.
///
/// No policy can give a component files, standard streams, sockets, random numbers, or the
/// wall-clock time, because the sandbox does not link these interfaces.
///
/// # Examples
///
/// ```
/// use homer_host::{
///     AllowedOrigin, BaseUrl, ComponentEnvironment, Credential, ExtraFields, Limits, Policy,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let homer = BaseUrl::parse("https://homer.example:9443")?;
/// let policy = Policy {
///     // The host adds the credential. The component never sees it.
///     allowed: vec![AllowedOrigin {
///         base: homer.clone(),
///         credential: Some(Credential::api_token("Auth-Token", "a-token-from-homer")?),
///         extra_fields: ExtraFields::default(),
///     }],
///     environment: ComponentEnvironment {
///         homer: Some(homer),
///         ..ComponentEnvironment::default()
///     },
///     limits: Limits {
///         response_bytes: 16 * 1024 * 1024,
///         ..Limits::default()
///     },
///     ..Policy::default()
/// };
/// // A credential does not appear in debug output.
/// assert!(!format!("{policy:?}").contains("a-token-from-homer"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The origins that requests may go to. The same host with another port is another origin.
    pub allowed: Vec<AllowedOrigin>,
    /// Whether the component may send a credential of its own, in the header fields
    /// `Authorization`, `Auth-Token`, `Cookie` and the one that `HOMER_TOKEN_HEADER` names in
    /// [`Self::environment`], and whether it may log in. Hosts that cannot add a credential pass it
    /// in the environment and need this. The component may never set a header field that carries a
    /// credential of [`Self::allowed`].
    pub own_credentials: bool,
    /// The only environment that the component sees.
    pub environment: ComponentEnvironment,
    /// A PEM file with the certificates that HTTPS trusts instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// The limits of each export.
    pub limits: Limits,
}

impl Policy {
    /// The header fields that a component may set in a request.
    pub fn request_fields(&self) -> Vec<HeaderName> {
        let named = self.environment.other.iter();
        let named = named.filter(|(name, _)| *name == setting::TOKEN_HEADER.variable);
        let own = OWN_CREDENTIAL_FIELDS.into_iter();
        let own = own.chain(named.map(|(_, value)| value.as_str()));
        let own = own.filter(|_| self.own_credentials);
        let fields = REQUEST_FIELDS.into_iter().chain(own);
        fields.filter_map(|name| name.parse().ok()).collect()
    }
}

/// An origin that requests may go to.
///
/// # Examples
///
/// ```
/// use homer_host::{AllowedOrigin, BaseUrl, Credential, ExtraFields};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let origin = AllowedOrigin {
///     base: BaseUrl::parse("http://homer.example:9080/homer")?,
///     credential: Some(Credential::login("operator", "a password")?),
///     extra_fields: ExtraFields::parse("X-Proxy-Token: a-token-of-the-proxy", &[])?,
/// };
/// // The path is part of the base URL, but not of the origin.
/// assert_eq!(origin.base.origin().to_string(), "http://homer.example:9080");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AllowedOrigin {
    /// The base URL. POST requests are allowed to the [endpoints](Self::endpoints) below it, and
    /// nothing else. The host logs in below its path.
    pub base: BaseUrl,
    /// The credential that the host adds to each request to this origin, and to no other. The
    /// component never sees it.
    pub credential: Option<Credential>,
    /// Header fields for a proxy in front of it, which the host adds in the same way.
    pub extra_fields: ExtraFields,
}

impl AllowedOrigin {
    /// The paths that a component may send POST requests to, without a query: the exports of both
    /// versions of Homer's API, the search, and, for a component with a credential of its own, the
    /// login. None of them changes anything in Homer.
    pub fn endpoints(&self, own_credentials: bool) -> Vec<String> {
        let login = Some(login::LOGIN_PATH).filter(|_| own_credentials);
        [v7::EXPORT_PATH, v11::EXPORT_PATH, search::SEARCH_PATH]
            .into_iter()
            .chain(login)
            .map(|endpoint| self.base.path(endpoint))
            .collect()
    }
}

/// The limits of an export, and of a search for calls. A component may ask for shorter timeouts,
/// but not for longer ones.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use homer_host::Limits;
///
/// let limits = Limits {
///     concurrent_exports: 1,
///     deadline: Duration::from_secs(60),
///     ..Limits::default()
/// };
/// assert_eq!(limits.memory_bytes, 32 * 1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of requests to Homer that may be under way at a time while their cost is unknown
    /// or has proved large, and therefore the number of large exports. Small exports raise it up to
    /// 128 for as long as nothing proves large ([`crate::admission`]). A search has one request
    /// under way at a time. An export of several profiles begins with two requests, and counts as
    /// two until only one of them is under way; with a limit of 1, it runs alone. Further ones wait
    /// in a first-come, first-served queue until their deadline. Homer builds each export in memory
    /// and keeps working on it after its client has disconnected, so more concurrency costs Homer
    /// memory: 22 bytes for each byte of a capture (docs/homer.md §7).
    pub concurrent_exports: usize,
    /// The longest time at Homer of an export that counts as small. With zero, none does, and
    /// [`Self::concurrent_exports`] is never exceeded.
    pub small_export: Duration,
    /// Requests of one export, inclusive, without the logins of the host. An export needs at most
    /// one for each profile and version of Homer's API, three more that explain why it found
    /// nothing, and, if it logs in by itself, two logins.
    pub export_requests: u32,
    /// Requests of one search, inclusive, without the logins of the host. A search needs at most 64
    /// and, if it logs in by itself, two logins.
    pub search_requests: u32,
    /// Requests of one export or one search that may be under way at a time, inclusive, from the
    /// request to the end of the response.
    pub open_requests: usize,
    /// Linear memory in bytes, inclusive. An export needs 1.25 MiB, whatever the size of the
    /// capture.
    pub memory_bytes: usize,
    /// CPU time within one call of an exported function. Reading 256 KiB needs well below 1 ms.
    pub cpu: Duration,
    /// Time from the beginning of an export to its end, including the time in the queue.
    pub deadline: Duration,
    /// Size of a response body in bytes, inclusive.
    pub response_bytes: u64,
    /// Size of the header section of a response in bytes. The limit is approximate, because it
    /// sets the size of the buffer that holds the section. The minimum is 8 KiB.
    pub response_header_bytes: usize,
    /// Time for a connection, including name lookup and TLS.
    pub connect: Duration,
    /// Time from the connection to the head of the response.
    pub first_byte: Duration,
    /// Time between two chunks of a response body.
    pub between_bytes: Duration,
}

/// What an export needs, if the host adds the credential.
const _: () = assert!(2 * MAX_PROFILES + 3 <= 20);

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            concurrent_exports: usize::try_from(setting::MAX_CONCURRENT.default_integer())
                .unwrap_or(usize::MAX),
            small_export: SMALL_TIME,
            export_requests: 20,
            search_requests: MAX_REQUESTS + 2,
            open_requests: MAX_OPEN_EXCHANGES,
            // About 25 times what an export uses.
            memory_bytes: 32 * MIB,
            cpu: Duration::from_secs(10),
            deadline: Duration::from_millis(setting::EXPORT_DEADLINE_MS.default_integer()),
            response_bytes: setting::EXPORT_MAX_BYTES.default_integer(),
            // Homer's header sections have less than 300 bytes in all recordings.
            response_header_bytes: MIB / 4,
            connect: Duration::from_millis(CONNECT_TIMEOUT_MS),
            first_byte: Duration::from_millis(setting::TIMEOUT_MS.default_integer()),
            between_bytes: Duration::from_millis(BETWEEN_BYTES_TIMEOUT_MS),
        }
    }
}
