//! Who owns a key: key → key group → subtask, as Flink assigns them.

use std::sync::Arc;

/// The key group of a key (Flink: murmur over the key's hash code, which for an int is itself).
pub fn key_group(key: u32, groups: u32) -> u32 {
    let mut k = key.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    k = k.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    k ^= 4;
    k = (k ^ (k >> 16)).wrapping_mul(0x85eb_ca6b);
    k = (k ^ (k >> 13)).wrapping_mul(0xc2b2_ae35);
    k ^= k >> 16;
    // A Java int: its absolute value, with the smallest one mapped to zero.
    let positive = match k as i32 {
        i32::MIN => 0,
        k => k.unsigned_abs(),
    };
    positive % groups
}

/// The subtask that owns a key group.
pub fn owner_of_group(group: u32, groups: u32, parallelism: u32) -> u32 {
    (u64::from(group) * u64::from(parallelism) / u64::from(groups)) as u32
}

/// Where the state of each key of an operator lives.
#[derive(Clone, Debug)]
pub struct KeyTable {
    /// Key to subtask; `None`: records come by other ways than by key, so every subtask may see every key.
    pub owner: Option<Arc<[u16]>>,
    /// Key to its place in the owner's dense table.
    pub place: Arc<[u32]>,
    /// How many keys each subtask has a place for.
    pub held: Vec<u32>,
}

/// Key to subtask, for all keys below `keyspace`.
pub(super) fn owners(keyspace: u32, groups: u32, parallelism: u32) -> Arc<[u16]> {
    (0..keyspace).map(|key| owner_of_group(key_group(key, groups), groups, parallelism) as u16).collect()
}

impl KeyTable {
    pub(super) fn by_owner(owner: Arc<[u16]>, parallelism: u32) -> Self {
        let mut held = vec![0; parallelism as usize];
        let place = owner.iter().map(|subtask| {
            let next = &mut held[usize::from(*subtask)];
            *next += 1;
            *next - 1
        });
        Self { place: place.collect(), owner: Some(owner), held }
    }

    /// The keys that one subtask has a place for, each with its place.
    pub fn held_by(&self, subtask: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mine = move |key: usize| self.owner.as_ref().is_none_or(|owner| u32::from(owner[key]) == subtask);
        self.place.iter().enumerate().filter(move |(key, _)| mine(*key)).map(|(key, place)| (key as u32, *place))
    }

    pub(super) fn everywhere(keyspace: u32, parallelism: u32) -> Self {
        Self { owner: None, place: (0..keyspace).collect(), held: vec![keyspace; parallelism as usize] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_shared_out_in_ranges() {
        for (groups, parallelism) in [(128, 1), (128, 3), (128, 128), (200, 7)] {
            let owners: Vec<u32> = (0..groups).map(|g| owner_of_group(g, groups, parallelism)).collect();
            assert!(owners.windows(2).all(|w| w[0] == w[1] || w[0] + 1 == w[1]));
            assert_eq!((owners[0], owners[groups as usize - 1]), (0, parallelism - 1));
        }
    }

    #[test]
    fn the_hash_is_murmur3_of_one_int() {
        // Murmur3 x86 32-bit, seed 0, over the four little-endian bytes of 0 and 1 is 0x2362f9de and 0xfbf1402a.
        assert_eq!(key_group(0, 1 << 31), 0x2362_f9de);
        assert_eq!(key_group(1, 1 << 31), (0xfbf1_402a_u32 as i32).unsigned_abs());
    }

    #[test]
    fn every_key_has_one_place() {
        let table = KeyTable::by_owner(owners(1000, 128, 7), 7);
        let owner = table.owner.as_ref().expect("by owner");
        assert_eq!(table.held.iter().sum::<u32>(), 1000);
        let mut seen: Vec<Vec<bool>> = table.held.iter().map(|n| vec![false; *n as usize]).collect();
        for key in 0..1000usize {
            let slot = &mut seen[usize::from(owner[key])][table.place[key] as usize];
            assert!(!*slot, "two keys share a place");
            *slot = true;
        }
    }
}
