//! Addressed randomness: a draw is a pure function of (seed, concern, entity, index).
//!
//! There is no stream that two things share. The key of the record at offset 17 of partition 3 is the
//! same whatever else the job does, before a crash and after it, with a fault more or a task less:
//! replay reproduces records, and shrinking a scenario does not shuffle the rest of it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a draw is about. The discriminants are part of every golden digest: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Concern {
    /// The key of a record; entity: source partition; index: offset.
    Key = 1,
    /// The initial delay of the coordinator's first trigger; entity 0; index: attempt.
    FirstTrigger = 2,
    /// The jitter of a task's own snapshot timer; entity: task; index: snapshot.
    LocalTimer = 3,
    /// Shapes of generated scenarios; entity: generator; index: draw.
    Generator = 4,
    /// The choice of a step where several are possible and time does not decide; entity: driver; index: step.
    Choice = 5,
    /// The jitter of the delay before a restart; entity 0; index: restart.
    Backoff = 6,
}

/// The draws about one concern of one entity, at any index; cheap when the indices come in order.
///
/// ```
/// use cutline::base::{Concern, Draws, below};
///
/// let mut keys = Draws::new(1, Concern::Key, 0);
/// let (first, tenth) = (keys.at(0), keys.at(9));
/// assert_eq!(keys.at(0), first, "asked again, or in another order, or by another run: the same");
/// assert_eq!(Draws::new(1, Concern::Key, 0).at(9), tenth);
/// assert!(below(tenth, 6) < 6, "a die");
/// ```
#[derive(Clone, Debug)]
pub struct Draws {
    rng: ChaCha8Rng,
    next: u64,
}

impl Draws {
    /// The stream of (seed, concern, entity).
    pub fn new(seed: u64, concern: Concern, entity: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(concern as u64).to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(entity);
        Self { rng, next: 0 }
    }

    /// The draw at `index`.
    #[inline]
    pub fn at(&mut self, index: u64) -> u64 {
        if index != self.next {
            self.rng.set_word_pos(u128::from(index) * 2);
        }
        self.next = index.wrapping_add(1);
        self.rng.next_u64()
    }
}

/// Maps a draw to `0..n`. One draw always gives one number, so the bias (at most n / 2^64) stays.
#[inline]
pub const fn below(draw: u64, n: u64) -> u64 {
    ((draw as u128 * n as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_its_address_only() {
        let mut in_order = Draws::new(7, Concern::Key, 3);
        let forward: Vec<u64> = (0..100).map(|i| in_order.at(i)).collect();
        let mut jumping = Draws::new(7, Concern::Key, 3);
        for i in (0..100).rev() {
            assert_eq!(jumping.at(i), forward[i as usize]);
        }
        assert_ne!(Draws::new(7, Concern::Key, 4).at(0), forward[0]);
        assert_ne!(Draws::new(8, Concern::Key, 3).at(0), forward[0]);
        assert_ne!(Draws::new(7, Concern::LocalTimer, 3).at(0), forward[0]);
    }

    #[test]
    fn test_vectors_hold_on_every_platform() {
        let mut draws = Draws::new(1, Concern::Key, 2);
        assert_eq!([draws.at(0), draws.at(1), draws.at(1_000_000)], VECTOR);
    }

    const VECTOR: [u64; 3] = [7_534_945_636_092_859_176, 14_299_988_987_157_314_836, 14_271_664_808_953_391_741];

    #[test]
    fn below_covers_the_range_evenly() {
        let mut draws = Draws::new(1, Concern::Choice, 0);
        let mut seen = [0u32; 10];
        (0..10_000).for_each(|i| seen[below(draws.at(i), 10) as usize] += 1);
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        assert_eq!(below(u64::MAX, 10), 9);
        assert_eq!(below(0, 10), 0);
    }
}
