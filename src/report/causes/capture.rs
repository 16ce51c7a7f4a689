//! Causes that lie in the capture: messages that are cut off or damaged, and packets that are none.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Certainty::Certain;
use super::List;
use crate::report::faults::Faults;
use crate::report::summary::counted;

/// `message-truncated`.
pub(super) fn truncated(faults: &Faults, list: &mut List) {
    let Some(first) = faults.truncated.first() else {
        return;
    };
    let packets: Vec<u64> = faults.truncated.iter().map(|it| it.packet).collect();
    let place = match first.body {
        None => String::from("its header"),
        Some((header, body)) => {
            format!("its body, which has {body} of the {header} bytes in Content-Length")
        }
    };
    list.push(
        "message-truncated",
        Certain,
        &packets,
        format!(
            "the {} in packet {} ends within {place}{}; the capture does not show whether its \
             sender or the capture agent cut it off",
            first.name,
            first.packet,
            and_more(packets.len())
        ),
        "Check the packet size limit of the capture agent, and whether it joins IP fragments and \
         TCP segments; if the receiver rejected the message, check its sender.",
    );
}

/// `encoding`.
pub(super) fn encoding(faults: &Faults, list: &mut List) {
    let Some((packet, field)) = faults.not_utf8.first() else {
        return;
    };
    let packets: Vec<u64> = faults.not_utf8.iter().map(|(packet, _)| *packet).collect();
    list.push(
        "encoding",
        Certain,
        &packets,
        format!(
            "packet {packet} has bytes that are not UTF-8 in {field}{}: receivers may reject the \
             message or show another text",
            and_more(packets.len())
        ),
        "Set the character encoding of the device, or of the directory from which it takes names, \
         to UTF-8.",
    );
}

/// `not-sip`.
pub(super) fn not_sip(packets: &[u64], list: &mut List) {
    let Some(first) = packets.first() else { return };
    list.push(
        "not-sip",
        Certain,
        packets,
        format!(
            "packet {first} in a profile of SIP is neither a SIP message nor RTCP, a log row or a \
             keep-alive{}",
            and_more(packets.len())
        ),
        "Look at the bytes of that packet: another program uses the port, the capture agent reads \
         an encrypted or framed stream, or it is the rest of a message whose start was lost.",
    );
}

/// Mentions the packets after the first one.
fn and_more(packets: usize) -> String {
    match packets.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {})", counted(more as u64, "more packet")),
    }
}
