//! Rewrites the text of a payload.

use super::Scope;
use super::line_cache::{LineCache, Start};
use super::pseudonyms::Pseudonyms;
use super::{address_text, number_text};
use crate::sip::{
    Content, LineRewriter, Meaning, RedactedKinds, redact_line, redact_lines, redact_rest_of_line,
};
use crate::text::decoded::{Decoded, EncodedRun};

/// Layers of encoding that are looked through.
const MAX_LAYERS: u32 = 3;

/// Replaces in texts what a scope says.
#[derive(Debug)]
pub(super) struct Rewriter {
    content: Content,
    names: Option<Names>,
    /// Lines that do not depend on others, with their ends.
    known: LineCache,
    /// Other lines.
    cache: LineCache,
    /// The line that is being rewritten, as it was, with its end.
    whole: alloc::vec::Vec<u8>,
    /// The line that is being rewritten, as it was.
    before: alloc::vec::Vec<u8>,
    /// Whether a line of the current payload has been changed.
    is_changed: bool,
}

/// What was found in a payload.
pub(super) struct RewrittenPayload {
    pub(super) is_changed: bool,
    /// Why a part of it cannot be read.
    pub(super) unreadable: Option<&'static str>,
}

/// Replaces names by pseudonyms.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) pseudonyms: Pseudonyms,
    /// Whether addresses are replaced as well.
    pub(super) has_addresses: bool,
}

impl Rewriter {
    pub(super) fn new(scope: &Scope, content: Content) -> Self {
        let names = |key: &super::Key, has_addresses| Names {
            pseudonyms: Pseudonyms::new(key.clone()),
            has_addresses,
        };
        Self {
            content,
            names: match scope {
                Scope::Secrets => None,
                Scope::Numbers(key) => Some(names(key, false)),
                Scope::Addresses(key) => Some(names(key, true)),
            },
            known: LineCache::default(),
            cache: LineCache::default(),
            whole: alloc::vec::Vec::new(),
            before: alloc::vec::Vec::new(),
            is_changed: false,
        }
    }

    /// The pseudonyms of addresses, if they are replaced.
    pub(super) fn addresses(&mut self) -> Option<&mut Pseudonyms> {
        let names = self.names.as_mut().filter(|names| names.has_addresses);
        names.map(|names| &mut names.pseudonyms)
    }

    /// Rewrites one line.
    fn rewrite(&mut self, line: &mut [u8], kinds: &mut RedactedKinds) {
        redact_line(line, self.content, kinds);
        if let Some(names) = &mut self.names {
            names.layer(line, MAX_LAYERS);
        }
    }

    /// Rewrites a payload. Adds the kinds of secrets that were in it.
    pub(super) fn payload(
        &mut self,
        payload: &mut [u8],
        kinds: &mut RedactedKinds,
    ) -> RewrittenPayload {
        self.is_changed = false;
        let content = self.content;
        let lines = redact_rest_of_line(payload, kinds);
        let bodies = redact_lines(lines, content, kinds, self);
        RewrittenPayload {
            is_changed: self.is_changed || !kinds.0.is_empty(),
            unreadable: bodies.unreadable,
        }
    }
}

impl LineRewriter for Rewriter {
    fn known_line(
        &mut self,
        rest: &mut [u8],
        limit: usize,
        kinds: &mut RedactedKinds,
    ) -> Option<(usize, Meaning)> {
        let known = self.known.rewrite(rest, limit)?;
        self.is_changed |= known.is_changed;
        known.kinds.iter().for_each(|kind| kinds.add(kind));
        Some((known.len, known.meaning))
    }

    fn new_line(
        &mut self,
        rest: &mut [u8],
        len: usize,
        next: usize,
        meaning: Meaning,
        kinds: &mut RedactedKinds,
    ) {
        let start = Start::of(rest);
        self.whole.clear();
        self.whole
            .extend_from_slice(rest.get(..next).unwrap_or_default());
        let mut own = RedactedKinds::default();
        self.rewrite(rest.get_mut(..len).unwrap_or_default(), &mut own);
        let after = rest.get(..next).unwrap_or_default();
        self.is_changed |= self.whole != after;
        if next > len {
            self.known
                .insert(start, &self.whole, after, &own.0, meaning);
        }
        own.0.into_iter().for_each(|kind| kinds.add(kind));
    }

    fn line(&mut self, line: &mut [u8], kinds: &mut RedactedKinds) {
        if line.is_empty() {
            return;
        }
        if let Some(known) = self.cache.rewrite_all(line) {
            self.is_changed |= known.is_changed;
            return known.kinds.iter().for_each(|kind| kinds.add(kind));
        }
        let start = Start::of(line);
        self.before.clear();
        self.before.extend_from_slice(line);
        let mut own = RedactedKinds::default();
        self.rewrite(line, &mut own);
        self.is_changed |= self.before != line;
        let meaning = Meaning::Nothing;
        self.cache
            .insert(start, &self.before, line, &own.0, meaning);
        own.0.into_iter().for_each(|kind| kinds.add(kind));
    }
}

impl Names {
    /// Replaces the names in a line. Unlike secrets, names are replaced in one layer alone, the
    /// innermost: the pseudonym of a pseudonym would be another one.
    fn layer(&mut self, line: &mut [u8], layers: u32) {
        if layers > 0
            && let Some(mut decoded) = Decoded::new(line)
        {
            self.lines(&mut decoded.bytes, layers - 1);
            return decoded.write_back(line);
        }
        let mut begin = 0;
        while layers > 0
            && let Some(mut run) = EncodedRun::find(line, begin)
        {
            self.plain(line.get_mut(begin..run.place.start).unwrap_or_default());
            self.lines(&mut run.text, layers - 1);
            run.write_back(line);
            begin = run.place.end;
        }
        self.plain(line.get_mut(begin..).unwrap_or_default());
    }

    fn lines(&mut self, text: &mut [u8], layers: u32) {
        for line in text.split_mut(|byte| matches!(byte, b'\r' | b'\n')) {
            self.layer(line, layers);
        }
    }

    fn plain(&mut self, text: &mut [u8]) {
        if text.is_empty() {
            return;
        }
        number_text::replace(text, &mut self.pseudonyms);
        if self.has_addresses {
            address_text::replace(text, &mut self.pseudonyms);
        }
    }
}
