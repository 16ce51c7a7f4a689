//! The calls of the demo: a healthy one, and one for each classic failure.
//!
//! All but the healthy call, which is recorded, are made here from short descriptions. Addresses
//! are those of RFC 5737, and names those of RFC 2606.

mod calls;
mod message;
mod packet;
mod registrations;

use self::packet::Packet;

/// 2026-11-20T00:00:00Z in Unix microseconds: the day of all calls of the demo.
const DAY_US: u64 = 1_795_132_800_000_000;

/// A call of the demo, and what an export of it reports for that day.
#[derive(Clone, Copy, Debug)]
pub struct DemoCall {
    /// Its Call-ID.
    pub call_id: &'static str,
    /// What it shows, in a few words.
    pub shows: &'static str,
    /// The outcome in the report; none if Homer has no packets of the call.
    pub outcome: Option<&'static str>,
    /// The codes of the causes in the report.
    pub causes: &'static [&'static str],
    /// Homer's search profile that has it.
    pub profile: &'static str,
    /// Minutes from midnight to its first packet.
    minute: u64,
    /// Makes its packets; none if they are recorded.
    make: fn(&mut Scene),
}

/// The calls of the demo, the healthy one first.
pub const DEMO_CALLS: [DemoCall; 14] = [
    DemoCall {
        call_id: super::DEMO_CALL_ID,
        shows: "a healthy call",
        outcome: Some("completed"),
        causes: &[],
        profile: "1_call",
        minute: 600,
        make: |_| {},
    },
    DemoCall {
        call_id: "dead-peer@demo",
        shows: "the other side never responds",
        outcome: Some("no-response"),
        causes: &["peer-silent"],
        profile: "1_call",
        minute: 840,
        make: calls::dead_peer,
    },
    DemoCall {
        call_id: "busy@demo",
        shows: "the callee is busy",
        outcome: Some("refused"),
        causes: &["busy"],
        profile: "1_call",
        minute: 845,
        make: calls::busy,
    },
    DemoCall {
        call_id: "auth-loop@demo",
        shows: "a wrong password",
        outcome: Some("auth-failed"),
        causes: &["auth-loop"],
        profile: "1_registration",
        minute: 850,
        make: registrations::auth_loop,
    },
    DemoCall {
        call_id: "lost-ack@demo",
        shows: "the ACK does not arrive",
        outcome: Some("unacknowledged"),
        causes: &["ack-missing"],
        profile: "1_call",
        minute: 855,
        make: calls::lost_ack,
    },
    DemoCall {
        call_id: "private-media@demo",
        shows: "a private address for media: no audio one way",
        outcome: Some("completed"),
        causes: &["private-media-address"],
        profile: "1_call",
        minute: 860,
        make: calls::private_media,
    },
    DemoCall {
        call_id: "lossy-media@demo",
        shows: "packet loss, reported by RTCP",
        outcome: Some("completed"),
        causes: &[],
        profile: "1_call",
        minute: 865,
        make: calls::lossy_media,
    },
    DemoCall {
        call_id: "unknown-dialog@demo",
        shows: "the BYE gets a 481",
        outcome: Some("completed"),
        causes: &["bye-unknown-dialog"],
        profile: "1_call",
        minute: 870,
        make: calls::unknown_dialog,
    },
    DemoCall {
        call_id: "transfer@demo",
        shows: "a transfer that fails",
        outcome: Some("completed"),
        causes: &["transfer-failed"],
        profile: "1_call",
        minute: 875,
        make: calls::transfer,
    },
    DemoCall {
        call_id: "two-in-one@demo",
        shows: "two messages in one TCP payload",
        outcome: Some("completed"),
        causes: &[],
        profile: "1_call",
        minute: 880,
        make: calls::two_in_one,
    },
    DemoCall {
        call_id: "registration@demo",
        shows: "a registration that expires before it is refreshed",
        outcome: Some("succeeded"),
        causes: &["registration-expired"],
        profile: "1_registration",
        minute: 885,
        make: registrations::expired,
    },
    DemoCall {
        call_id: "forked@demo",
        shows: "two phones ring, one answers",
        outcome: Some("completed"),
        causes: &[],
        profile: "1_call",
        minute: 890,
        make: calls::forked,
    },
    DemoCall {
        call_id: "cut-by-window@demo",
        shows: "the end of the call is after the window",
        outcome: Some("answered"),
        causes: &[],
        profile: "1_call",
        // Ten minutes before midnight, which ends the window of the demo.
        minute: 1430,
        make: calls::cut_by_window,
    },
    DemoCall {
        call_id: "empty@demo",
        shows: "Homer has no packets",
        outcome: None,
        causes: &[],
        profile: "1_call",
        minute: 0,
        make: |_| {},
    },
];

impl DemoCall {
    /// The packet records of the call in the order of their time, each with its time in Unix
    /// microseconds. Empty if the call is recorded, or if Homer has no packets of it.
    pub(super) fn records(&self) -> Vec<(u64, Vec<u8>)> {
        let mut scene = Scene {
            call_id: self.call_id,
            packets: Vec::new(),
        };
        (self.make)(&mut scene);
        // A stable sort: packets of the same time stay in the order of the description.
        scene.packets.sort_by_key(|packet| packet.at_ms);
        let begin_us = DAY_US + self.minute * 60_000_000;
        let packets = scene.packets.iter();
        packets
            .map(|packet| {
                let time_us = begin_us + packet.at_ms * 1000;
                (time_us, packet.record(time_us))
            })
            .collect()
    }
}

/// The packets of one call, as they are described.
pub(super) struct Scene {
    call_id: &'static str,
    packets: Vec<Packet>,
}

impl Scene {
    /// Sends a message at this number of milliseconds after the start of the call.
    fn send(&mut self, at_ms: u64, message: &message::Message) {
        self.send_together(at_ms, &[message]);
    }

    /// Sends a message at several times.
    fn send_each(&mut self, times_ms: &[u64], message: &message::Message) {
        for at_ms in times_ms {
            self.send(*at_ms, message);
        }
    }

    /// Sends messages in one payload. The first one says from where and to where.
    fn send_together(&mut self, at_ms: u64, messages: &[&message::Message]) {
        let Some(first) = messages.first() else {
            return;
        };
        let texts = messages.iter().map(|message| message.text(self.call_id));
        self.packets.push(Packet {
            at_ms,
            from: first.from(),
            to: first.to(),
            payload: texts.collect::<String>().into_bytes(),
        });
    }

    /// Adds an RTCP packet, which Homer stores as JSON.
    fn rtcp(&mut self, at_ms: u64, from: message::Address, to: message::Address, json: &str) {
        self.packets.push(Packet {
            at_ms,
            from,
            to,
            payload: json.as_bytes().to_vec(),
        });
    }
}
