//! Finds IP addresses in a line of text.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use super::pseudonyms::Pseudonyms;

/// Longest text of an IPv6 address: `0000:…:0000:255.255.255.255`.
const MAX_IPV6_LEN: usize = 45;

/// Shortest text of an IPv4 address.
const MIN_IPV4_LEN: usize = 7;

/// Replaces the addresses in a line. Each keeps its length and its spelling.
pub(super) fn replace(line: &mut [u8], pseudonyms: &mut Pseudonyms) {
    let mut at = 0;
    while let Some(byte) = line.get(at).copied() {
        if !byte.is_ascii_hexdigit() && byte != b':' {
            at += 1;
            continue;
        }
        // The longest run that could be an address of either kind.
        let rest = line.get(at..).unwrap_or_default();
        let len = rest
            .iter()
            .position(|byte| !byte.is_ascii_hexdigit() && !matches!(byte, b':' | b'.'))
            .unwrap_or(rest.len());
        let run = at..at + len;
        // Nearly all runs are parts of words.
        let text = rest.get(..len).unwrap_or_default();
        let count = |wanted: u8| text.iter().filter(|byte| **byte == wanted).count();
        let (colons, dots) = (count(b':'), count(b'.'));
        if !(colons >= 2 && ipv6(line, run.clone(), pseudonyms)) && len >= MIN_IPV4_LEN && dots >= 3
        {
            ipv4(line, run.clone(), pseudonyms);
        }
        at = run.end.max(at + 1);
    }
    dashed(line, pseudonyms);
}

/// Replaces the IPv6 address that a run is, if it is one.
fn ipv6(line: &mut [u8], run: Range<usize>, pseudonyms: &mut Pseudonyms) -> bool {
    let before = run.start.checked_sub(1).and_then(|before| line.get(before));
    let after = line.get(run.end);
    if before.is_some_and(u8::is_ascii_alphanumeric) || after.is_some_and(u8::is_ascii_alphanumeric)
    {
        return false;
    }
    let Some(text) = line.get(run.clone()) else {
        return false;
    };
    // A colon may follow in a sentence, and another one may come before: `received:2001:db8::1`.
    let single = |text: &[u8]| text.first() == Some(&b':') && text.get(1) != Some(&b':');
    let start = run.start + usize::from(single(text));
    let text = line.get(start..run.end).unwrap_or_default();
    let is_double = text.ends_with(b"::");
    let end = run.end - usize::from(text.ends_with(b".") || (text.ends_with(b":") && !is_double));
    let Some(text) = line.get_mut(start..end) else {
        return false;
    };
    if text.len() > MAX_IPV6_LEN || text.iter().filter(|byte| **byte == b':').count() < 2 {
        return false;
    }
    let parsed: Option<Ipv6Addr> = core::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    let Some(address) = parsed else {
        return false;
    };
    let groups = pseudonyms.ipv6(address).segments();
    let tokens: Vec<Range<usize>> = tokens(text);
    // Groups before `::` count from the start, those after it from the end. IPv4 at the end takes
    // the place of two.
    let has_ipv4 = text.contains(&b'.');
    let gap = tokens
        .iter()
        .position(Range::is_empty)
        .unwrap_or(tokens.len());
    let width = tokens.len() + usize::from(has_ipv4);
    for (number, token) in tokens.iter().enumerate() {
        let index = match number < gap {
            true => number,
            false => (number + 8).wrapping_sub(width),
        };
        let Some(token_text) = text.get_mut(token.clone()) else {
            continue;
        };
        if token_text.contains(&b'.') {
            ipv4(text, token.clone(), pseudonyms);
        } else if let Some(group) = groups.get(index) {
            write_hex(token_text, *group);
        }
    }
    true
}

/// The parts of a text between colons. Of several empty ones beside each other, one is left.
fn tokens(text: &[u8]) -> Vec<Range<usize>> {
    let mut tokens: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b':', text).chain([text.len()]) {
        let is_second = start == end && tokens.last().is_some_and(Range::is_empty);
        if !is_second {
            tokens.push(start..end);
        }
        start = end + 1;
    }
    tokens
}

/// Writes a group with as many digits as the text has, in its case.
fn write_hex(text: &mut [u8], group: u16) {
    let upper = text.iter().any(u8::is_ascii_uppercase);
    let mut group = group;
    for place in text.iter_mut().rev() {
        let digit = b"0123456789abcdef"[usize::from(group & 15)];
        *place = match upper {
            true => digit.to_ascii_uppercase(),
            false => digit,
        };
        group >>= 4;
    }
}

/// Replaces the IPv4 addresses in a run of digits, letters, dots and colons.
fn ipv4(line: &mut [u8], run: Range<usize>, pseudonyms: &mut Pseudonyms) {
    let mut at = run.start;
    while at < run.end {
        let is_digit = line.get(at).is_some_and(u8::is_ascii_digit);
        let follows_number = at > 0
            && (line[at - 1].is_ascii_digit()
                || (line[at - 1] == b'.' && at > 1 && line[at - 2].is_ascii_digit()));
        if is_digit
            && !follows_number
            && let Some(octets) = octets(line, at, b'.')
        {
            let end = octets[3].end;
            write_ipv4(line, &octets, pseudonyms);
            at = end;
        } else {
            at += 1;
        }
    }
}

/// Replaces addresses in the names of hosts and the like: `ec2-192-0-2-10`.
fn dashed(line: &mut [u8], pseudonyms: &mut Pseudonyms) {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'-', b'_', line.get(at..).unwrap_or_default()) {
        let dash = at + found;
        at = dash + 1;
        let separator = line[dash];
        // The first octet ends at this dash.
        let digits = line[..dash]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let start = dash - digits;
        // A plus sign begins a number to call.
        let is_bounded = start.checked_sub(1).is_none_or(|before| {
            let before = line[before];
            !before.is_ascii_alphanumeric() && before != b'+'
        });
        if !(1..=3).contains(&digits) || !is_bounded {
            continue;
        }
        if let Some(octets) = octets(line, start, separator) {
            let after = line.get(octets[3].end);
            if !after.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                at = octets[3].end;
                write_ipv4(line, &octets, pseudonyms);
            }
        }
    }
}

/// The places of the four octets of an address that begins at `start`.
fn octets(line: &[u8], start: usize, separator: u8) -> Option<[Range<usize>; 4]> {
    let mut octets = [const { 0..0 }; 4];
    let mut at = start;
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            if line.get(at) != Some(&separator) {
                return None;
            }
            at += 1;
        }
        let rest = line.get(at..)?;
        let len = rest
            .iter()
            .take(4)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        *octet = at..at + len;
        value(rest.get(..len)?)?;
        at += len;
    }
    // A fifth number may follow: a port, as tcpdump writes it. In a version, it does no harm.
    Some(octets)
}

/// The value of an octet of one to three digits.
fn value(digits: &[u8]) -> Option<u8> {
    match digits.len() {
        1..=3 => {
            let value = digits
                .iter()
                .fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
            u8::try_from(value).ok()
        }
        _ => None,
    }
}

fn write_ipv4(line: &mut [u8], octets: &[Range<usize>; 4], pseudonyms: &mut Pseudonyms) {
    let values = octets
        .each_ref()
        .map(|place| line.get(place.clone()).and_then(value).unwrap_or_default());
    let new = pseudonyms.ipv4(Ipv4Addr::from(values)).octets();
    for (place, octet) in octets.iter().zip(new) {
        let mut octet = octet;
        for digit in line
            .get_mut(place.clone())
            .unwrap_or_default()
            .iter_mut()
            .rev()
        {
            *digit = b'0' + octet % 10;
            octet /= 10;
        }
    }
}
