//! The words at which a secret may begin.

/// What to do at a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The name of a field with credentials.
    Authorization,
    Identity,
    /// WWW-Authenticate, Proxy-Authenticate.
    Challenge,
    /// The name of the scheme.
    Digest,
    /// The name of a secret parameter of a digest.
    DigestParameter,
    /// `Basic`, `Bearer`.
    Scheme,
    Jwt,
    /// A prefix of a key in a session description; its kind.
    Key(&'static str),
    Mikey,
    /// The scheme of a URI without `//`.
    Uri,
    /// `://`.
    Authority,
    /// Part of the name of a secret; its kind.
    Name(&'static str),
    /// The name of DTMF digits.
    Digits,
}

/// The words in lower case.
///
/// A hyphen also stands for an underscore.
const WORDS: [(&[u8], Rule); 41] = [
    (b"authorization", Rule::Authorization),
    (b"authorisation", Rule::Authorization),
    (b"authentication-info", Rule::Authorization),
    (b"identity", Rule::Identity),
    (b"authenticate", Rule::Challenge),
    (b"digest", Rule::Digest),
    (b"response", Rule::DigestParameter),
    (b"rspauth", Rule::DigestParameter),
    (b"cnonce", Rule::DigestParameter),
    (b"auts", Rule::DigestParameter),
    (b"basic", Rule::Scheme),
    (b"bearer", Rule::Scheme),
    (b"eyj", Rule::Jwt),
    (b"inline:", Rule::Key("a=crypto")),
    (b"key-mgmt:", Rule::Key("a=key-mgmt")),
    (b"ice-pwd:", Rule::Key("a=ice-pwd")),
    (b"mikey", Rule::Mikey),
    (b"sip:", Rule::Uri),
    (b"sips:", Rule::Uri),
    (b"pres:", Rule::Uri),
    (b"xmpp:", Rule::Uri),
    (b"h323:", Rule::Uri),
    (b"turn:", Rule::Uri),
    (b"turns:", Rule::Uri),
    (b"://", Rule::Authority),
    (b"passw", Rule::Name("password")),
    (b"pwd", Rule::Name("password")),
    (b"token", Rule::Name("token")),
    (b"secret", Rule::Name("secret")),
    (b"cookie", Rule::Name("cookie")),
    (b"session", Rule::Name("session")),
    (b"signature", Rule::Name("signature")),
    (b"credential", Rule::Name("credential")),
    (b"apikey", Rule::Name("API key")),
    (b"master-key", Rule::Name("TLS key")),
    (b"client_random", Rule::Name("TLS key")),
    (b"pn-prid", Rule::Name("push token")),
    (b"postd", Rule::Name("DTMF digits")),
    (b"api-key", Rule::Name("API key")),
    (b"signal", Rule::Digits),
    (b"digits", Rule::Digits),
];

/// A word in a line.
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: Rule,
}

/// Bits of a filter over the first three bytes of a word.
const FILTER_BITS: usize = 4096;

/// The filter's bit for three bytes. Upper and lower case have the same one.
const fn filter_bit(a: u8, b: u8, c: u8) -> usize {
    let (a, b, c) = ((a & 31) as usize, (b & 31) as usize, (c & 31) as usize);
    (a | b << 5 ^ c << 7) % FILTER_BITS
}

/// A set bit for each word. Five bytes in a hundred pass it.
static FILTER: [u64; FILTER_BITS / 64] = {
    let mut filter = [0; FILTER_BITS / 64];
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].0;
        let bit = filter_bit(word[0], word[1], word[2]);
        filter[bit / 64] |= 1 << (bit % 64);
        at += 1;
    }
    filter
};

/// The first word from `from` on, in upper or lower case.
pub(super) fn next_word(line: &[u8], from: usize) -> Option<Word> {
    let rest = line.get(from..)?;
    for (at, three) in rest.windows(3).enumerate() {
        let bit = filter_bit(three[0], three[1], three[2]);
        if FILTER[bit / 64] >> (bit % 64) & 1 == 0 {
            continue;
        }
        if let Some((len, rule)) = word_at(rest.get(at..)?) {
            let start = from + at;
            return Some(Word {
                start,
                end: start + len,
                rule,
            });
        }
    }
    None
}

/// The word at the start of `rest`, and its length.
fn word_at(rest: &[u8]) -> Option<(usize, Rule)> {
    let first = rest.first()?.to_ascii_lowercase();
    WORDS.iter().find_map(|(word, rule)| {
        let found = (word.first() == Some(&first)).then(|| rest.get(..word.len()))??;
        let is_same = found.iter().zip(*word).all(|(found, byte)| {
            found.to_ascii_lowercase() == *byte || (*byte == b'-' && *found == b'_')
        });
        is_same.then_some((word.len(), *rule))
    })
}
