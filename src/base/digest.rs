//! Hash chains over 64-bit words: what two runs are compared by.
//!
//! Not cryptographic: nobody attacks a simulation's digest. Every step is a bijection of the state
//! for a given word, so that two chains that differ stay different unless later words differ too.
//! Only fixed-width words can enter: there is deliberately no way to feed a `usize` or a float.

use std::fmt;

/// Spreads the bits of `word`: a bijection on 64 bits (the finaliser of SplitMix64).
#[inline]
pub const fn mix(word: u64) -> u64 {
    let z = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A running hash over an ordered sequence of words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(pub u64);

impl Chain {
    /// Appends a word. Words should be well mixed already (lineage hashes are).
    #[inline]
    pub fn push(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Takes back the last word that was appended: every step is a bijection.
    pub fn unpush(&mut self, word: u64) {
        self.0 = self.0.rotate_right(29).wrapping_mul(0xf1de_83e1_9937_733d) ^ word;
    }

    /// Appends a word with any distribution.
    #[inline]
    pub fn push_raw(&mut self, word: u64) {
        self.push(mix(word ^ 0x5851_f42d_4c95_7f2d));
    }
}

/// What a whole run is summed up in: 128 bits, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// Combines the chains of all entities in the order given.
    pub fn of(chains: impl IntoIterator<Item = Chain>) -> Self {
        let (mut low, mut high) = (Chain(1), Chain(2));
        for chain in chains {
            low.push_raw(chain.0);
            high.push_raw(mix(chain.0).rotate_left(17));
        }
        Self(u128::from(mix(low.0)) | u128::from(mix(high.0)) << 64)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Collects a 128-bit fingerprint of a state (a check's, a role's) for comparing histories.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fingerprint {
    low: Chain,
    high: Chain,
}

impl Fingerprint {
    /// Adds one word of the state.
    pub fn word(&mut self, word: u64) {
        self.low.push_raw(word);
        self.high.push_raw(mix(word).rotate_left(23));
    }

    /// Adds a sequence with its length, so that neighbours cannot run into one another.
    pub fn words(&mut self, words: impl ExactSizeIterator<Item = u64>) {
        self.word(words.len() as u64);
        words.for_each(|word| self.word(word));
    }

    /// The fingerprint of all that was added.
    pub fn finish(&self) -> u128 {
        u128::from(mix(self.low.0)) | u128::from(mix(self.high.0)) << 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_hold_on_every_platform() {
        assert_eq!(mix(0), 0);
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
        let mut chain = Chain::default();
        (1..=3).for_each(|word| chain.push_raw(word));
        let digest = Digest::of([chain, Chain(7)]);
        assert_eq!((chain.0, digest.to_string().as_str()), (VECTOR.0, VECTOR.1));
    }

    const VECTOR: (u64, &str) = (16_880_602_293_561_031_285, "384c9a888f37cff714b387037b8b9955");

    #[test]
    fn a_step_can_be_taken_back() {
        let mut chain = Chain(77);
        chain.push(123_456_789);
        chain.unpush(123_456_789);
        assert_eq!(chain, Chain(77));
    }

    #[test]
    fn order_and_length_matter() {
        let chain = |words: &[u64]| {
            let mut c = Chain::default();
            words.iter().for_each(|w| c.push_raw(*w));
            c
        };
        assert_ne!(chain(&[1, 2]), chain(&[2, 1]));
        assert_ne!(chain(&[0]), chain(&[0, 0]));
        assert_ne!(Digest::of([chain(&[1]), chain(&[2])]), Digest::of([chain(&[2]), chain(&[1])]));
    }
}
