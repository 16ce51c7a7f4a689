//! What capture agents see of a call, and in which packets it reaches Homer.

use super::call::Call;
use super::message::{Kind, Message};
use super::random::Random;
use crate::capture::{Capture, Sent};

/// A packet in the capture file.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// The messages that begin in it.
    pub(super) messages: Vec<Message>,
    /// The agent that saw it.
    pub(super) agent: usize,
    pub(super) sent: Sent,
}

/// The capture of a call, in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) packets: Vec<Packet>,
    /// Whether every message that was sent was captured, and on all links.
    pub(super) is_whole: bool,
    /// For a person.
    pub(super) description: String,
}

impl Seen {
    pub(super) fn of(call: &Call, random: &mut Random) -> Self {
        let mut packets: Vec<Packet> = call.sent.iter().map(packet).collect();
        packets.sort_by_key(|packet| packet.sent.time_us);
        let hidden = hidden(call, &packets, random);
        packets.retain(|packet| !hidden.contains(&packet.messages[0].what.link));
        let mut description = format!("hidden links {hidden:?}");
        if call.is_stream {
            join(&mut packets, random);
        }
        let two_agents = random.percent(15);
        let mirrored = if two_agents {
            0
        } else {
            random.pick(&[0, 0, 0, 0, 30, 100])
        };
        if two_agents {
            let apart_us = random.pick(&[80_000, 120_000, 500_000, 900_000, 2_000_000, 30_000_000]);
            description += &format!("; two agents {apart_us} us apart");
            let mut again = packets.clone();
            for packet in &mut again {
                packet.agent = 1;
                packet.sent.time_us += apart_us + random.from(0, 8000);
            }
            packets.extend(again);
        } else if mirrored > 0 {
            description += &format!("; {mirrored} % mirrored");
            let mut again = packets.clone();
            again.retain(|_| random.percent(mirrored));
            for packet in &mut again {
                packet.agent = 1;
                packet.sent.time_us += random.pick(&[0, 3, 400, 20_000]);
            }
            packets.extend(again);
        }
        // The agents on the links have clocks of their own.
        let has_clocks = !two_agents && random.percent(8);
        if has_clocks {
            let apart_us = random.pick(&[20_000, 700_000, 3_000_000]);
            let clocks: Vec<u64> = (0..100).map(|_| random.from(0, apart_us)).collect();
            description += &format!("; clocks of links up to {apart_us} us apart");
            for packet in &mut packets {
                packet.sent.time_us += clocks[packet.messages[0].what.link];
            }
        }
        let is_late = !two_agents && random.percent(5);
        if is_late {
            let all = packets.len() as u64;
            let mut late = packets.clone();
            late.sort_by_key(|packet| packet.sent.time_us);
            packets = late.split_off(random.from(0, all - 1) as usize);
            description += &format!("; {} packets before the window", late.len());
        }
        let jitter_us = random.pick(&[0, 0, 0, 2000, 15_000]);
        for packet in &mut packets {
            packet.sent.time_us += random.from(0, jitter_us);
        }
        // With more loss, nobody could tell two agents from retransmissions, or which of the few
        // messages of other hops belong together.
        let loss = match two_agents || !hidden.is_empty() {
            // Nor, without the time, which response belongs to which attempt.
            _ if has_clocks => 0,
            true => random.pick(&[0, 0, 3]),
            false => random.pick(&[0, 0, 0, 3, 10, 20]),
        };
        packets.retain(|_| !random.percent(loss));
        description += &format!("; jitter {jitter_us} us; {loss} % not captured");
        packets.sort_by_key(|packet| packet.sent.time_us);
        let is_whole = loss == 0 && hidden.is_empty() && !is_late;
        if call.is_stream && !two_agents && mirrored == 0 {
            split(&mut packets, random);
        }
        Self {
            packets,
            is_whole,
            description,
        }
    }

    pub(super) fn file(&self) -> Vec<u8> {
        let mut capture = Capture::new();
        for packet in &self.packets {
            capture.record(packet.sent.time_us, &packet.sent.frame());
        }
        capture.bytes
    }
}

fn packet(message: &Message) -> Packet {
    Packet {
        messages: vec![message.clone()],
        agent: 0,
        sent: message.sent.clone(),
    }
}

/// The links that no agent sees.
fn hidden(call: &Call, packets: &[Packet], random: &mut Random) -> Vec<usize> {
    let mut links: Vec<usize> = packets.iter().map(|it| it.messages[0].what.link).collect();
    links.sort_unstable();
    links.dedup();
    // What a fork decided cannot be known from its branches.
    if links.len() < 2 || call.fork_at.is_some() || random.percent(70) {
        return Vec::new();
    }
    // An agent at a proxy sees the links on both sides of it.
    let (first, last) = (random.pick(&links), random.pick(&links));
    links.retain(|link| *link < first.min(last) || *link > first.max(last));
    links
}

/// Puts some neighbors on the same link into one payload, as TCP does.
fn join(packets: &mut Vec<Packet>, random: &mut Random) {
    let mut joined: Vec<Packet> = Vec::new();
    for packet in packets.drain(..) {
        if let Some(last) = joined.last_mut()
            && (last.sent.from, last.sent.to) == (packet.sent.from, packet.sent.to)
            && packet.sent.time_us - last.sent.time_us < 200_000
            && random.percent(60)
        {
            last.sent.message.extend(&packet.sent.message);
            last.messages.extend(packet.messages);
            continue;
        }
        joined.push(packet);
    }
    *packets = joined;
}

/// Splits some payloads into segments, which follow each other at once.
fn split(packets: &mut Vec<Packet>, random: &mut Random) {
    let mut segments = Vec::new();
    for packet in packets.drain(..) {
        let bytes = &packet.sent.message;
        let len = bytes.len() as u64;
        if !random.percent(25) {
            segments.push(packet);
            continue;
        }
        let mut at = [random.from(1, len - 1), random.from(1, len - 1)];
        at.sort_unstable();
        let (first, second) = (at[0] as usize, at[1] as usize);
        for (number, part) in [&bytes[..first], &bytes[first..second], &bytes[second..]]
            .into_iter()
            .enumerate()
        {
            if part.is_empty() {
                continue;
            }
            let mut segment = packet.clone();
            segment.sent.message = part.to_vec();
            if number > 0 {
                segment.messages.clear();
            }
            segments.push(segment);
        }
    }
    *packets = segments;
}

impl Kind {
    /// The status of a final response to the request that starts the call.
    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::Final(status) => Some(status),
            _ => None,
        }
    }
}
