//! Keyed permutations of short sequences and of small sets.

use alloc::vec;
use alloc::vec::Vec;

use super::key::{Key, Purpose};

/// Rounds of the Feistel network. With five, nobody who may choose what is replaced can tell the
/// network from a random permutation, and with six, nobody who may choose pseudonyms as well
/// (Patarin, Security of Random Feistel Schemes with 5 or More Rounds, CRYPTO 2004), as long as the
/// halves are not so short that all can be tried. FF1 has ten, which take longer.
const ROUNDS: u8 = 6;

/// Digits in each half that need no memory of their own.
const USUAL: usize = 16;

/// Most bytes of a context: seven groups of an IPv6 address, and a length.
pub(super) const MAX_CONTEXT: usize = 15;

/// A digit, less than its radix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digit {
    pub(super) value: u8,
    pub(super) radix: u8,
}

/// Permutes all sequences of digits with the same radices. `context`, of at most [`MAX_CONTEXT`]
/// bytes, selects the permutation.
pub(super) fn permute(key: &Key, purpose: Purpose, context: &[u8], digits: &mut [Digit]) {
    let (left, right) = digits.split_at_mut(digits.len() / 2);
    // A single digit has no other half. It is moved by an amount that depends on nothing but the
    // context.
    let rounds = if left.is_empty() { 2 } else { ROUNDS };
    // The round is the last byte.
    let mut tweak = [0; MAX_CONTEXT + 1];
    let Some(tweak) = tweak.get_mut(..=context.len()) else {
        return;
    };
    tweak[..context.len()].copy_from_slice(context);
    for round in 0..rounds {
        tweak[context.len()] = round;
        if round % 2 == 0 {
            add(key, purpose, tweak, right, left);
        } else {
            add(key, purpose, tweak, left, right);
        }
    }
}

/// Adds a function of `input` to each digit.
fn add(key: &Key, purpose: Purpose, tweak: &[u8], input: &[Digit], digits: &mut [Digit]) {
    if digits.is_empty() {
        return;
    }
    let (mut usual, mut unusual) = ([0; USUAL], Vec::new());
    let values = match usual.get_mut(..input.len()) {
        Some(values) => values,
        None => {
            unusual.resize(input.len(), 0);
            &mut unusual
        }
    };
    for (value, digit) in values.iter_mut().zip(input) {
        *value = digit.value;
    }
    let (mut usual, mut unusual) = ([0; USUAL], Vec::new());
    let words = match usual.get_mut(..digits.len()) {
        Some(words) => words,
        None => {
            unusual.resize(digits.len(), 0);
            &mut unusual
        }
    };
    key.fill(purpose, tweak, values, words);
    for (digit, word) in digits.iter_mut().zip(words) {
        let radix = u16::from(digit.radix).max(1);
        digit.value = ((u16::from(digit.value) + *word % radix) % radix) as u8;
    }
}

/// Shuffles a set, and returns the member at the place where `member` was.
pub(super) fn shuffled(
    key: &Key,
    purpose: Purpose,
    context: &[u8],
    set: &[u8],
    member: u8,
) -> Option<u8> {
    let place = set.iter().position(|other| *other == member)?;
    let mut set = set.to_vec();
    let mut words = vec![0; set.len()];
    key.fill(purpose, context, &[], &mut words);
    // Fisher and Yates: each member changes places with one that is not behind it.
    for (last, word) in (0..set.len()).zip(words).rev() {
        set.swap(last, usize::from(word) % (last + 1));
    }
    set.get(place).copied()
}
