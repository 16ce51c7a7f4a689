//! The arguments of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use homer_host::{CallFilterFields, Flags};

use crate::times::Times;

/// The line of the help about the demo.
// A macro, because `concat!` accepts literals only.
#[cfg(feature = "demo")]
macro_rules! demo_help {
    () => {
        "Try it:  homer-export --demo --list\n         homer-export --demo dead-peer@demo\n"
    };
}
#[cfg(not(feature = "demo"))]
macro_rules! demo_help {
    () => {
        ""
    };
}

/// Export the packets of a SIP call from a Homer capture server as a pcap file that opens in
/// Wireshark.
///
/// A WebAssembly component receives and checks every byte. It runs in a sandbox that can reach only
/// this server.
#[derive(Debug, Parser)]
#[command(version = env!("HOMER_EXPORT_VERSION"), name = "homer-export", override_usage = USAGE)]
#[command(after_help = AFTER_HELP, max_term_width = 100)]
// A Call-ID may be any text, so `help` is one and not a subcommand.
#[command(disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) export: ExportArguments,
}

/// What to do instead of an export.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Find(Box<FindArguments>),
    Check(CheckArguments),
}

impl Command {
    /// The names of the subcommands.
    pub(crate) const NAMES: [&str; 2] = ["find", "check"];
}

/// The arguments of an export.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Call-ID of the call, exactly as captured; several Call-IDs go into one file
    #[cfg_attr(feature = "demo", arg(required_unless_present = "demo"))]
    #[cfg_attr(not(feature = "demo"), arg(required = true))]
    #[arg(value_name = "CALL-ID")]
    call_id: Vec<String>,

    #[command(flatten)]
    pub(crate) times: Times,

    #[command(flatten)]
    pub(crate) output: OutputArguments,

    #[command(flatten)]
    demo: DemoArgument,

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

impl Arguments {
    /// The flags of the settings, of whichever command was given.
    pub(crate) fn flags(&self) -> &Flags {
        match &self.command {
            Some(Command::Check(arguments)) => &arguments.flags,
            Some(Command::Find(arguments)) => &arguments.flags,
            None => &self.export.flags,
        }
    }
}

/// Find calls whose Call-ID is not known, and export one of them.
///
/// A call must meet every condition that is given. Numbers of six digits or more are compared by
/// their end, without +, 00 or a national 0. In users and User-Agents, * stands for any text.
#[derive(Debug, Args)]
#[command(override_usage = FIND_USAGE, after_help = AFTER_FIND_HELP, max_term_width = 100)]
pub(crate) struct FindArguments {
    /// User in From: the number or name of the caller
    #[arg(long, value_name = "USER")]
    caller: Option<String>,

    /// User in To: the number or name of the callee
    #[arg(long, value_name = "USER")]
    callee: Option<String>,

    /// Caller or callee
    #[arg(long, value_name = "USER", conflicts_with_all = ["caller", "callee"])]
    party: Option<String>,

    /// Method of the request that begins the call [default: INVITE]
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,

    /// Final status, such as 486, or a class, such as 4xx
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,

    /// IP address that sent the request
    #[arg(long, value_name = "IP")]
    source: Option<String>,

    /// IP address that received the request
    #[arg(long, value_name = "IP")]
    destination: Option<String>,

    /// User-Agent of the caller; upper and lower case differ
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,

    /// Beginning of the Call-ID; upper and lower case differ
    #[arg(long, value_name = "TEXT")]
    callid_prefix: Option<String>,

    #[command(flatten)]
    pub(crate) times: Times,

    /// Export the call with this number in the table, instead of printing the table
    #[arg(long, value_name = "N")]
    pub(crate) export: Option<usize>,

    #[command(flatten)]
    pub(crate) output: OutputArguments,

    #[command(flatten)]
    demo: DemoArgument,

    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// Check that exports will work: reach Homer, log in, and export a call that does not exist.
#[derive(Debug, Args)]
#[command(after_help = AFTER_CHECK_HELP, max_term_width = 100)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    demo: DemoArgument,

    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// Where the result goes.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
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
}

/// Whether to use the built-in fake Homer.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DemoArgument {
    /// Use a built-in fake Homer with calls that show classic failures; no configuration needed
    #[cfg(feature = "demo")]
    #[arg(long)]
    demo: bool,
}

/// How the program is called. clap would leave out `--from`, because the demo does not need it.
pub(crate) const USAGE: &str = "\
homer-export <CALL-ID>... --from <T> [OPTIONS]
       homer-export find --from <T> [CONDITIONS] [OPTIONS]
       homer-export check [OPTIONS]";

const FIND_USAGE: &str = "homer-export find --from <T> [CONDITIONS] [OPTIONS]";

/// What `homer-export` without arguments prints.
pub(crate) const SHORT_HELP: &str = concat!(
    "\
Finds SIP calls in a Homer capture server and exports their packets as a pcap file.

  homer-export check                               whether Homer can be reached
  homer-export find --caller 5550123 --from -2h    find a call
  homer-export a84b4c76e66710@pc33 --from -2h      export a call

",
    demo_help!(),
    "All options:  homer-export --help, homer-export find --help"
);

const AFTER_HELP: &str = concat!(
    // Each paragraph is one line, which clap breaks at the width of the terminal.
    "\
Set one credential in the environment: HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME and \
HOMER_PASSWORD. To read a secret from a file, append _FILE to the variable's name, for example \
HOMER_API_TOKEN_FILE. The component never sees a credential.

For several Homers, give each a name in the configuration file, as docs/configuration.md shows, \
and choose one with --homer.

Exit codes: 0 done, 1 other error, 2 usage or invalid request, 3 misconfigured, 4 denied, \
5 unauthorized, 6 unreachable, 7 timed out, 8 nothing captured, 9 rejected, 10 invalid response, \
11 too large, 130 interrupted.

",
    demo_help!(),
    "\
Use it:  export HOMER_URL=http://homer:9080
         export HOMER_API_TOKEN_FILE=token
         homer-export check
         homer-export find --caller 5550123 --from -2h
         homer-export a84b4c76e66710@pc33 --from -2h"
);

const AFTER_CHECK_HELP: &str = "\
The exit code is 0 if exports will work; otherwise it is the code of homer-export for the error, \
for example 5 for unauthorized.";

const AFTER_FIND_HELP: &str = "\
Exit codes are those of homer-export; 8 means that no call was found.

Use it:  homer-export find --caller 5550123 --from -2h
         homer-export find --party '555*' --from -1d --export 1";

impl DemoArgument {
    /// Whether to use the built-in fake Homer.
    pub(crate) fn is_set(self) -> bool {
        #[cfg(feature = "demo")]
        return self.demo;
        #[cfg(not(feature = "demo"))]
        return false;
    }
}

impl ExportArguments {
    /// Whether to export from the built-in fake Homer.
    pub(crate) fn is_demo(&self) -> bool {
        self.demo.is_set()
    }

    /// The Call-IDs. Without any, the demo has one of its own.
    pub(crate) fn call_ids(&self) -> Vec<String> {
        #[cfg(feature = "demo")]
        if self.is_demo() && self.call_id.is_empty() {
            return vec![fake_homer::DEMO_CALL_ID.to_string()];
        }
        self.call_id.clone()
    }
}

impl CheckArguments {
    /// Whether to check the built-in fake Homer.
    pub(crate) fn is_demo(&self) -> bool {
        self.demo.is_set()
    }
}

impl FindArguments {
    /// Whether to search the built-in fake Homer.
    pub(crate) fn is_demo(&self) -> bool {
        self.demo.is_set()
    }

    /// The filter for a window between two times in Unix milliseconds.
    pub(crate) fn filter(&self, from_ts: i64, to_ts: i64) -> CallFilterFields {
        CallFilterFields {
            from_ts,
            to_ts,
            caller: self.caller.clone(),
            callee: self.callee.clone(),
            party: self.party.clone(),
            method: self.method.clone(),
            status: self.status.clone(),
            source: self.source.clone(),
            destination: self.destination.clone(),
            user_agent: self.user_agent.clone(),
            callid_prefix: self.callid_prefix.clone(),
        }
    }
}
