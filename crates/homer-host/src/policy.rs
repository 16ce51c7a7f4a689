//! What a component may do, as data: this module knows neither Wasmtime nor MCP.

use std::path::PathBuf;
use std::time::Duration;

use homer_export::config::setting;
use homer_export::transport::{BETWEEN_BYTES_TIMEOUT_MS, CONNECT_TIMEOUT_MS};
use homer_export::{BaseUrl, Credential};

/// What a component may do. [`Policy::default`] allows nothing: no origin, no environment; no
/// component has files, standard streams, sockets, random numbers or wall-clock time in any case,
/// since the sandbox links none of them.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The origins that requests may go to. Another port of an allowed host is another origin.
    pub allowed: Vec<AllowedOrigin>,
    /// Whether the component may set `Authorization` and `Cookie` by itself, as in hosts that add
    /// no credentials and give them to it by its environment. It never may set a field that a
    /// credential of [`Self::allowed`] uses.
    pub own_credentials: bool,
    /// The whole environment the component sees.
    pub environment: Vec<(String, String)>,
    /// A file of certificates (PEM) to trust for HTTPS, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Limits of each export.
    pub limits: Limits,
}

/// An origin that requests may go to.
#[derive(Clone, Debug)]
pub struct AllowedOrigin {
    /// Whose scheme, host and port are allowed, with any path; a login goes to the path of this
    /// base.
    pub base: BaseUrl,
    /// Added to each request to this origin and to no other; the component never sees it.
    pub credential: Option<Credential>,
}

/// Limits of an export. A component may ask for shorter timeouts, not for longer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Exports at once; others wait in turn, first come, first served, within their deadline. Homer
    /// builds each export in memory, and goes on with it after its client has left.
    pub concurrent_exports: usize,
    /// Linear memory, in bytes, inclusive. An export takes 1.25 MiB, whatever its size.
    pub memory_bytes: usize,
    /// Computing within one call of an exported function. A read of 256 KiB takes well below a
    /// millisecond.
    pub cpu: Duration,
    /// From the beginning of an export to its end.
    pub deadline: Duration,
    /// Bytes of a reply's body, inclusive.
    pub response_bytes: u64,
    /// Bytes of a reply's header section, approximately: the buffer that has to hold it. At least 8
    /// KiB.
    pub response_header_bytes: usize,
    /// For a connection, name lookup and TLS included.
    pub connect: Duration,
    /// From the connection to the reply's head.
    pub first_byte: Duration,
    /// Between two pieces of a reply.
    pub between_bytes: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            concurrent_exports: usize::try_from(setting::MAX_CONCURRENT.default_integer())
                .unwrap_or(usize::MAX),
            memory_bytes: 32 * MIB,
            cpu: Duration::from_secs(10),
            deadline: Duration::from_millis(setting::EXPORT_DEADLINE_MS.default_integer()),
            response_bytes: setting::EXPORT_MAX_BYTES.default_integer(),
            response_header_bytes: MIB / 4,
            connect: Duration::from_millis(CONNECT_TIMEOUT_MS),
            first_byte: Duration::from_millis(setting::TIMEOUT_MS.default_integer()),
            between_bytes: Duration::from_millis(BETWEEN_BYTES_TIMEOUT_MS),
        }
    }
}
