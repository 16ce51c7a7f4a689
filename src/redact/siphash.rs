//! SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, SipHash: a fast short-input PRF,
//! INDOCRYPT 2012; the longer output is that of the authors' reference code).
//!
//! The pseudonyms of a capture take hundreds of thousands of hashes of some 20 bytes, for which
//! SHA-256 takes ten times as long. The standard library's `SipHasher` is deprecated and returns 64
//! bits; a dependency would bring as many lines as these.

/// A key of 128 bits.
#[derive(Clone, Copy)]
pub(super) struct SipKey([u64; 2]);

impl SipKey {
    pub(super) fn new(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes);
        Self([number as u64, (number >> 64) as u64])
    }

    /// The hash of the parts, one after the other.
    pub(super) fn hash(self, parts: &[&[u8]]) -> [u8; 16] {
        let mut state = State([
            self.0[0] ^ 0x736f_6d65_7073_6575,
            self.0[1] ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            self.0[0] ^ 0x6c79_6765_6e65_7261,
            self.0[1] ^ 0x7465_6462_7974_6573,
        ]);
        let (mut word, mut len) = (0, 0_u64);
        for byte in parts.iter().copied().flatten() {
            word |= u64::from(*byte) << (len % 8 * 8);
            len += 1;
            if len.is_multiple_of(8) {
                state.add(word);
                word = 0;
            }
        }
        state.add(word | len << 56);
        state.0[2] ^= 0xee;
        let low = state.finish();
        state.0[1] ^= 0xdd;
        let high = state.finish();
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    }
}

struct State([u64; 4]);

impl State {
    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.0;
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    }

    fn add(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn finish(&mut self) -> u64 {
        (0..4).for_each(|_| self.round());
        self.0.iter().fold(0, |hash, word| hash ^ word)
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::SipKey;

    #[test]
    fn hash_agrees_with_the_reference_code() {
        // The first two and the last of `vectors_sip128` in vectors.h of the reference code: the
        // key is 00 01 … 0f, and the message of length n is 00 01 … n-1.
        let key = SipKey::new(core::array::from_fn(|at| at as u8));
        let message: [u8; 63] = core::array::from_fn(|at| at as u8);
        for (len, expected) in [
            (0, "a3817f04ba25a8e66df67214c7550293"),
            (1, "da87c1d86b99af44347659119b22fc45"),
            (63, "5150d1772f50834a503e069a973fbd7c"),
        ] {
            let parts = message[..len].split_at(len / 3);
            assert_eq!(
                HEXLOWER.encode(&key.hash(&[parts.0, parts.1])),
                expected,
                "{len} bytes"
            );
        }
    }
}
