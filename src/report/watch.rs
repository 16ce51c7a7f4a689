//! Looks at each message of a capture while the report is made: for what a report cannot hold, such
//! as every row of the ladder.

use crate::packet::Route;
use crate::sip::Message;

/// Gets every message in the order of the file.
pub(crate) trait Watch {
    fn message(&mut self, message: &WatchedMessage<'_>);
}

/// A message, and what the analysis found out about it.
pub(crate) struct WatchedMessage<'a> {
    /// The packet in which it begins, and the time of this packet.
    pub(crate) packet: u64,
    pub(crate) time_us: u64,
    /// Its number among the messages that begin in the same packet; none if it is the only one.
    pub(crate) part: Option<u32>,
    pub(crate) route: Route,
    pub(crate) bytes: &'a [u8],
    pub(crate) message: &'a Message<'a>,
    /// The packet that it repeats.
    pub(crate) repeats: Option<u64>,
    /// Codes of the rules that it breaks, as far as they are known now.
    pub(crate) codes: &'a [&'static str],
}
