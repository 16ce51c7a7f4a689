//! The command line.

use std::path::PathBuf;

use clap::Parser;
use fake_homer::DEMO_CALL_ID;
use homer_host::Flags;

use crate::instant;

/// A day around everything that the demonstration's archive holds.
const DEMO_DAY: (&str, &str) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");

/// Export the packets of a SIP call from a Homer capture server as a pcap file that opens in
/// Wireshark.
///
/// Every byte is received and checked by a WebAssembly component in a sandbox that can reach one
/// server and nothing else.
#[derive(Debug, Parser)]
#[command(version, name = "homer-export", after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Value of the Call-ID header field, as captured; several go into one file
    #[arg(value_name = "CALL-ID", required_unless_present = "demo")]
    call_id: Vec<String>,

    /// Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)
    #[arg(
        long,
        value_name = "T",
        allow_hyphen_values = true,
        required_unless_present = "demo"
    )]
    from: Option<String>,

    /// End of the window, likewise [default: now]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,

    /// Where to write the capture; - for standard output [default: the Call-ID, made safe, with
    /// .pcap]
    #[arg(short, long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) output: Option<PathBuf>,

    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Ask a stand-in for Homer inside this program, which replays recorded calls; nothing need be
    /// configured
    #[arg(long)]
    pub(crate) demo: bool,

    /// Search profile to ask, in this order if several [default: 1_call, 1_registration, 1_default]
    #[arg(long, value_name = "KEY")]
    pub(crate) profile: Vec<String>,

    /// Database node to ask [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Vec<String>,

    /// Leave out messages from or to this IP address
    #[arg(long, value_name = "IP")]
    pub(crate) exclude_ip: Vec<String>,

    #[command(flatten)]
    pub(crate) flags: Flags,
}

const AFTER_HELP: &str = "\
Credentials come from the environment alone: HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME and
HOMER_PASSWORD; a secret may stand in a file, named by its variable with _FILE behind it, for example
HOMER_API_TOKEN_FILE. The component never sees them.

Exit codes: 0 done, 1 other, 2 usage or invalid request, 3 misconfigured, 4 denied, 5 unauthorized,
6 unreachable, 7 timed out, 8 nothing captured, 9 rejected, 10 broken reply, 11 too large.

Try it:  homer-export --demo -o call.pcap
Use it:  HOMER_URL=http://homer:9080 HOMER_API_TOKEN_FILE=token \\
         homer-export a84b4c76e66710@pc33.example.com --from -2h -o call.pcap";

impl Arguments {
    /// The Call-IDs, in the demonstration one of its own unless others are given.
    pub(crate) fn call_ids(&self) -> Vec<String> {
        if self.demo && self.call_id.is_empty() {
            vec![DEMO_CALL_ID.to_string()]
        } else {
            self.call_id.clone()
        }
    }

    /// The window in Unix milliseconds, unchecked: the component judges it.
    ///
    /// # Errors
    /// If one end cannot be read.
    pub(crate) fn window(&self) -> Result<(i64, i64), String> {
        let (from, to) = if self.demo { DEMO_DAY } else { ("", "now") };
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
