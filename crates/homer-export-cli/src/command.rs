//! Commands that the user can copy into a shell.

use homer_export::query::Timestamp;
use homer_export::sip::escape;
use homer_host::Flags;

use crate::arguments::{Command, OutputArguments};

/// A command that exports one call.
pub(crate) struct Export<'a> {
    call_id: &'a str,
    from: Timestamp,
    to: Timestamp,
    /// The only search profile to query.
    pub(crate) profile: Option<&'a str>,
}

impl<'a> Export<'a> {
    /// An export of a call in a window, from all default profiles.
    pub(crate) fn new(call_id: &'a str, from: Timestamp, to: Timestamp) -> Self {
        Self {
            call_id,
            from,
            to,
            profile: None,
        }
    }

    /// The command line, with the flags of this one that say which Homer is queried and where the
    /// capture goes. No flag is secret.
    ///
    /// `None` if the Call-ID cannot be typed: it has control characters or invisible ones, which
    /// would not be what the user sees and copies.
    pub(crate) fn line(
        &self,
        flags: &Flags,
        output: &OutputArguments,
        is_demo: bool,
    ) -> Option<String> {
        if printable(self.call_id) != self.call_id.replace('\\', "\\\\") {
            return None;
        }
        let mut words = vec!["homer-export".to_string()];
        words.extend(is_demo.then(|| "--demo".to_string()));
        let is_plain = !self.call_id.starts_with('-') && !Command::NAMES.contains(&self.call_id);
        if is_plain {
            words.push(quoted(self.call_id));
        }
        let mut flag = |name: &str, value: &str| {
            if Flags::needs_equals(name) {
                return words.push(format!("--{name}={}", quoted(value)));
            }
            words.push(format!("--{name}"));
            words.push(quoted(value));
        };
        flag("from", &self.from.to_string());
        flag("to", &self.to.to_string());
        if let Some(profile) = self.profile {
            flag("profile", profile);
        }
        for (name, value) in flags.given() {
            flag(name, value);
        }
        if let Some(path) = &output.output {
            flag("output", path.to_str()?);
        }
        if !is_plain {
            words.push("--".to_string());
            words.push(quoted(self.call_id));
        }
        Some(words.join(" "))
    }
}

/// Untrusted text on one line without control characters and invisible ones. A backslash is
/// doubled.
pub(crate) fn printable(text: &str) -> String {
    escape(text.as_bytes()).replace('\n', "")
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: OutputArguments = OutputArguments {
        output: None,
        force: false,
        json: false,
    };

    fn line(call_id: &str) -> Option<String> {
        let (from, to) = (1_795_168_800_000, 1_795_169_100_250);
        let export = Export::new(call_id, Timestamp::from_ms(from), Timestamp::from_ms(to));
        export.line(&Flags::default(), &OUTPUT, false)
    }

    #[test]
    fn command_quotes_what_a_shell_would_read() {
        let window = "--from 2026-11-20T10:00:00Z --to 2026-11-20T10:05:00.250Z";
        for (call_id, first, last) in [
            ("a84b4c76e66710@pc33", " a84b4c76e66710@pc33", ""),
            ("a b$(id)'@x", " 'a b$(id)'\\''@x'", ""),
            ("c:\\d", " 'c:\\d'", ""),
            ("-x", "", " -- -x"),
            ("find", "", " -- find"),
            ("check", "", " -- check"),
        ] {
            let expected = format!("homer-export{first} {window}{last}");
            assert_eq!(line(call_id), Some(expected), "{call_id}");
        }
    }

    #[test]
    fn command_is_left_out_if_its_call_id_cannot_be_seen() {
        for call_id in ["a\nb", "a\u{1b}[2Jb", "a\u{202e}b"] {
            assert_eq!(line(call_id), None, "{call_id:?}");
        }
    }
}
