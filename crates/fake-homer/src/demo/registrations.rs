//! The registrations of the demo.

use super::Scene;
use super::message::{Address, Message};

const ALICE: Address = Address::sip([192, 0, 2, 10]);
const REGISTRAR: Address = Address::sip([198, 51, 100, 1]);

/// A REGISTER of Alice. Numbers count from 1.
fn register(number: u32) -> Message {
    let line = "REGISTER sip:example.com";
    Message::request((ALICE, REGISTRAR), line, number, &format!("r{number}"))
        .for_herself()
        .field("Expires: 60")
}

/// The same request with credentials for the challenge with this number.
fn with_credentials(register: Message, challenge: u32) -> Message {
    register.field(&format!(
        "Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"n{challenge}\", \
         uri=\"sip:example.com\", algorithm=MD5, response=\"{:032x}\"",
        u128::from(challenge) * 0x1234_5678_9abc_def1
    ))
}

/// A challenge. Numbers count from 1.
fn challenge(register: &Message, number: u32) -> Message {
    register
        .response("401 Unauthorized")
        .tagged(&format!("s{number}"))
        .field(&format!(
            "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n{number}\", algorithm=MD5"
        ))
}

pub(super) fn auth_loop(scene: &mut Scene) {
    for number in 1..=4 {
        let at_ms = u64::from(number - 1) * 80;
        let register = match number {
            1 => register(1),
            _ => with_credentials(register(number), number - 1),
        };
        scene.send(at_ms, &register);
        scene.send(at_ms + 22, &challenge(&register, number));
    }
}

pub(super) fn expired(scene: &mut Scene) {
    let first = register(1);
    scene.send(0, &first);
    scene.send(22, &challenge(&first, 1));
    // Granted for 60 s, and refreshed after 95 s.
    for (number, at_ms) in [(2, 80), (3, 95_000)] {
        let register = with_credentials(register(number), 1);
        let granted = register
            .response("200 OK")
            .tagged("s9")
            .field(&format!("Contact: <sip:{ALICE}>;expires=60"));
        scene.send(at_ms, &register);
        scene.send(at_ms + 30, &granted);
    }
}
