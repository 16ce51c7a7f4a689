//! The arguments of the command line.

use std::path::PathBuf;

use clap::Parser;
use homer_host::Flags;

use crate::instant;

/// The line of the help about the demo.
// A macro, because `concat!` accepts literals only.
#[cfg(feature = "demo")]
macro_rules! demo_help {
    () => {
        "Try it:  homer-export --demo --list, then homer-export --demo dead-peer@demo\n"
    };
}
#[cfg(not(feature = "demo"))]
macro_rules! demo_help {
    () => {
        ""
    };
}

/// The day of all calls in the demo.
const DEMO_DAY: (&str, &str) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");

/// Export the packets of a SIP call from a Homer capture server as a pcap file that opens in
/// Wireshark.
///
/// A WebAssembly component receives and checks every byte. It runs in a sandbox that can reach only
/// this server.
#[derive(Debug, Parser)]
#[command(version, name = "homer-export", after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Call-ID of the call, exactly as captured; several Call-IDs go into one file
    #[cfg_attr(feature = "demo", arg(required_unless_present = "demo"))]
    #[cfg_attr(not(feature = "demo"), arg(required = true))]
    #[arg(value_name = "CALL-ID")]
    call_id: Vec<String>,

    /// Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)
    #[cfg_attr(feature = "demo", arg(required_unless_present = "demo"))]
    #[cfg_attr(not(feature = "demo"), arg(required = true))]
    // `-2h` begins with a dash and is not a flag.
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,

    /// End of the window, in the same forms [default: now]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,

    /// File for the capture, or - for standard output [default: the Call-ID with .pcap, without
    /// characters that are not safe in a file name]
    #[arg(short, long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) output: Option<PathBuf>,

    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Use a built-in fake Homer with calls that show classic failures; no configuration needed
    #[cfg(feature = "demo")]
    #[arg(long)]
    demo: bool,

    /// List the calls of the demo and exit
    #[cfg(feature = "demo")]
    #[arg(long, requires = "demo")]
    pub(crate) list: bool,

    /// Search profile to query; repeat it for several, which are queried in this order [default:
    /// 1_call, 1_registration, 1_default]
    #[arg(long, value_name = "KEY")]
    pub(crate) profile: Vec<String>,

    /// Database node to query; repeat it for several [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Vec<String>,

    /// Leave out messages from or to this IP address; repeat it for several
    #[arg(long, value_name = "IP")]
    pub(crate) exclude_ip: Vec<String>,

    #[command(flatten)]
    pub(crate) flags: Flags,
}

const AFTER_HELP: &str = concat!(
    "\
Set one credential in the environment: HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME and
HOMER_PASSWORD. To read a secret from a file, append _FILE to the variable's name, for example
HOMER_API_TOKEN_FILE. The component never sees a credential.

Exit codes: 0 done, 1 other error, 2 usage or invalid request, 3 misconfigured, 4 denied,
5 unauthorized, 6 unreachable, 7 timed out, 8 nothing captured, 9 rejected, 10 invalid response,
11 too large, 130 interrupted.

",
    demo_help!(),
    "\
Use it:  HOMER_URL=http://homer:9080 HOMER_API_TOKEN_FILE=token \\
         homer-export a84b4c76e66710@pc33.example.com --from -2h -o call.pcap"
);

impl Arguments {
    /// Whether to export from the built-in fake Homer.
    pub(crate) fn is_demo(&self) -> bool {
        #[cfg(feature = "demo")]
        return self.demo;
        #[cfg(not(feature = "demo"))]
        return false;
    }

    /// The Call-IDs. Without any, the demo has one of its own.
    pub(crate) fn call_ids(&self) -> Vec<String> {
        #[cfg(feature = "demo")]
        if self.demo && self.call_id.is_empty() {
            return vec![fake_homer::DEMO_CALL_ID.to_string()];
        }
        self.call_id.clone()
    }

    /// The two ends of the window in Unix milliseconds. Only their syntax is checked here.
    ///
    /// # Errors
    /// If one end is not a time. The text names the flag.
    pub(crate) fn window(&self) -> Result<(i64, i64), String> {
        let (from, to) = if self.is_demo() {
            DEMO_DAY
        } else {
            ("", "now")
        };
        let now = instant::now_ms();
        let end = |flag: &str, given: Option<&str>, default| {
            instant::parse(given.unwrap_or(default), now).map_err(|why| format!("{flag}: {why}"))
        };
        Ok((
            end("--from", self.from.as_deref(), from)?,
            end("--to", self.to.as_deref(), to)?,
        ))
    }
}
