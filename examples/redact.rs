//! Redacts a capture file: `redact SCOPE KEY < in.pcap > out.pcap`; the manifest goes to standard
//! error.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "an example")]
use std::io::{Read as _, Write as _};

use homer_export::redact::{Key, Redactor, Scope};
use homer_export::sip::Content;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let key = || Key::new(arguments[2].as_bytes()).unwrap();
    let scope = match arguments[1].as_str() {
        "numbers" => Scope::Numbers(key()),
        "addresses" => Scope::Addresses(key()),
        _ => Scope::Secrets,
    };
    let mut file = Vec::new();
    std::io::stdin().read_to_end(&mut file).unwrap();
    let mut redactor = Redactor::new(&scope, Content::Redact).hashed();
    let mut redacted = Vec::new();
    redactor.push(&file, &mut redacted).unwrap();
    std::io::stdout().write_all(&redacted).unwrap();
    eprintln!(
        "{}",
        serde_json::to_string_pretty(&redactor.manifest()).unwrap()
    );
}
