//! What one operator's state is made of in one task: changes in memory, and files that never change.
//!
//! A [`File`] holds entries, each a place in the operator's table and the value it had when the file was written; files are
//! read from the oldest to the newest, and the last word counts. Which of them a snapshot has to store, and which of
//! them may be deleted, is not known here.
//!
//! Two ways to keep changes differ only in what a file is. [`Keeps::Files`]: a change is a key that is not as it was;
//! when the changes in memory are large enough they become a file at once, between two records, and files are merged as
//! soon as there are enough of them. [`Keeps::Log`]: a change is a record, and a file is a piece of the log, cut where
//! somebody asks. Both are functions of the records alone, so that it does not matter in how many steps a task was
//! moved. What is written so is written beside the thread, and costs it no time.

use super::Keeps;
use crate::base::mix;
use crate::scenario::StateSize;
use std::sync::Arc;

/// A file of state; its name is never used again.
#[derive(Clone, Debug)]
pub(in crate::world) struct File {
    pub name: u64,
    /// Place and value, in the order of places.
    pub entries: Vec<(u32, u32)>,
    pub bytes: u64,
    /// Of them: what grows with records, not with keys.
    pub appended: u64,
    /// What is there from the beginning: it is never merged.
    pub is_base: bool,
    /// A piece of a log.
    pub is_log: bool,
}

/// The state of one operator.
#[derive(Clone, Debug)]
pub(in crate::world) struct Table {
    keeps: Keeps,
    size: StateSize,
    /// Its files' names begin with it.
    prefix: u64,
    next: u64,
    /// Places that have changed since the last file, in the order of their first change.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    /// Changes since then.
    changes: u64,
    /// Records applied up to then.
    applied: u64,
    /// Oldest first.
    pub files: Vec<Arc<File>>,
    /// Merges that nobody was told of: how many files, and the bytes of the one.
    pub merged: Vec<(u32, u64)>,
}

impl Table {
    pub fn new(keeps: Keeps, size: StateSize, prefix: u64, places: usize) -> Self {
        Self {
            keeps,
            size,
            prefix,
            next: 0,
            touched: Vec::new(),
            is_touched: vec![false; places],
            changes: 0,
            applied: 0,
            files: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// For a new run.
    pub fn reset(&mut self) {
        self.forget();
        self.next = 0;
    }

    /// A restart: nothing is left but the names that were given.
    pub fn forget(&mut self) {
        self.untouch();
        (self.changes, self.applied) = (0, 0);
        self.files.clear();
        self.merged.clear();
    }

    /// Somebody who does not remember which names were given goes on behind those that he sees.
    pub fn forget_names(&mut self) {
        let seen = self.files.iter().map(|file| (file.name & NUMBERS) + 1);
        self.next = seen.max().unwrap_or(0);
    }

    fn untouch(&mut self) {
        for place in self.touched.drain(..) {
            self.is_touched[place as usize] = false;
        }
        self.changes = 0;
    }

    /// A value has changed; says whether the changes are to become a file before the next one.
    #[inline]
    pub fn touch(&mut self, place: u32) -> bool {
        self.changes += 1;
        if !std::mem::replace(&mut self.is_touched[place as usize], true) {
            self.touched.push(place);
        }
        match self.keeps {
            Keeps::Files { memtable, .. } => self.pending(self.changes) >= memtable,
            Keeps::Log => false,
        }
    }

    /// The bytes of what is in memory, after so many records.
    fn pending(&self, records: u64) -> u64 {
        let keys = match self.keeps {
            Keeps::Files { .. } => self.touched.len() as u64,
            Keeps::Log => self.changes,
        };
        keys * self.size.per_key.0 + records * self.size.per_record.0
    }

    /// What changed in memory becomes a file; says how large it is.
    pub fn flush(&mut self, counts: &[u32], applied: u64) -> u64 {
        let records = applied - self.applied;
        let (bytes, appended) = (self.pending(records), records * self.size.per_record.0);
        self.applied = applied;
        if self.touched.is_empty() && bytes == 0 {
            return 0;
        }
        let mut places = self.touched.clone();
        places.sort_unstable();
        let entries = places.into_iter().map(|place| (place, counts[place as usize])).collect();
        self.untouch();
        let is_log = self.keeps == Keeps::Log;
        self.add(entries, bytes, appended, is_log);
        if let Keeps::Files { compact_at, .. } = self.keeps {
            self.compact(compact_at);
        }
        bytes
    }

    /// What is there from the beginning is a file, too; says how large it is if it was not there.
    pub fn write_base(&mut self) -> u64 {
        let bytes = self.size.base.0;
        if bytes == 0 || self.files.iter().any(|file| file.is_base) {
            return 0;
        }
        let name = self.name();
        let (entries, appended) = (Vec::new(), 0);
        self.files.insert(0, Arc::new(File { name, entries, bytes, appended, is_base: true, is_log: false }));
        bytes
    }

    fn name(&mut self) -> u64 {
        self.next += 1;
        self.prefix << 32 | (self.next - 1)
    }

    fn add(&mut self, entries: Vec<(u32, u32)>, bytes: u64, appended: u64, is_log: bool) {
        let name = self.name();
        self.files.push(Arc::new(File { name, entries, bytes, appended, is_base: false, is_log }));
    }

    /// As soon as there are enough files they become one.
    fn compact(&mut self, at: u32) {
        let first = self.files.iter().position(|file| !file.is_base).unwrap_or(self.files.len());
        let many = (self.files.len() - first) as u32;
        if many < at {
            return;
        }
        let old: Vec<Arc<File>> = self.files.drain(first..).collect();
        let mut entries: Vec<(u32, u32)> = Vec::new();
        for file in &old {
            entries = merge(&entries, &file.entries);
        }
        let appended = old.iter().map(|file| file.appended).sum();
        let bytes = entries.len() as u64 * self.size.per_key.0 + appended;
        self.merged.push((many, bytes));
        self.add(entries, bytes, appended, false);
    }

    /// All of the state as one file, which the table does not have yet, and how many of its files that stands for.
    pub fn materialise(&mut self, counts: &[u32], applied: u64) -> (Arc<File>, usize) {
        let entries: Vec<(u32, u32)> = (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect();
        let appended = applied * self.size.per_record.0;
        let bytes = entries.len() as u64 * self.size.per_key.0 + appended;
        let name = self.name();
        (Arc::new(File { name, entries, bytes, appended, is_base: false, is_log: false }), self.files.len())
    }

    /// A file stands for the first ones, except for what is there from the beginning.
    pub fn replace(&mut self, upto: usize, with: Arc<File>) {
        let base: Vec<Arc<File>> = self.files.drain(..upto).filter(|file| file.is_base).collect();
        let at = base.len();
        self.files.splice(0..0, base);
        self.files.insert(at, with);
    }

    /// The state is what these files say.
    pub fn restore(&mut self, files: Vec<Arc<File>>, applied: u64, counts: &mut [u32]) {
        self.forget();
        counts.fill(0);
        for (place, count) in files.iter().flat_map(|file| &file.entries) {
            counts[*place as usize] = *count;
        }
        (self.files, self.applied) = (files, applied);
    }

    /// The state came from elsewhere: all of it is a change.
    pub fn adopt(&mut self, counts: &[u32]) {
        self.forget();
        for (place, _) in (0u32..).zip(counts).filter(|(_, count)| **count > 0) {
            self.touched.push(place);
            self.is_touched[place as usize] = true;
        }
        self.changes = self.touched.len() as u64;
    }
}

/// The part of a name that counts.
const NUMBERS: u64 = (1 << 32) - 1;

/// Two lists in the order of places as one; the second has the last word.
fn merge(old: &[(u32, u32)], new: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut all = Vec::with_capacity(old.len() + new.len());
    let mut rest = old.iter().peekable();
    for entry in new {
        while let Some(other) = rest.next_if(|other| other.0 < entry.0) {
            all.push(*other);
        }
        rest.next_if(|other| other.0 == entry.0);
        all.push(*entry);
    }
    all.extend(rest);
    all
}

/// How many entries a table has, and a hash of them all.
pub(in crate::world) fn entries(counts: &[u32]) -> (u64, u64) {
    let (mut number, mut hash) = (0, 0u64);
    for (place, count) in (0u64..).zip(counts).filter(|(_, count)| **count > 0) {
        number += 1;
        hash = hash.wrapping_add(mix(place << 32 | u64::from(*count)));
    }
    (number, hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Bytes;

    fn table(keeps: Keeps) -> Table {
        let size = StateSize { base: Bytes(7), per_key: Bytes(10), per_record: Bytes(1) };
        Table::new(keeps, size, 5, 4)
    }

    /// Applies records with these places, and says how large the files are.
    fn apply(table: &mut Table, counts: &mut [u32], places: &[u32]) -> Vec<u64> {
        for place in places {
            counts[*place as usize] += 1;
            if table.touch(*place) {
                let applied = counts.iter().map(|count| u64::from(*count)).sum();
                table.flush(counts, applied);
            }
        }
        table.files.iter().map(|file| file.bytes).collect()
    }

    #[test]
    fn a_hot_key_is_one_entry_of_a_file_and_many_of_a_log() {
        let mut counts = [0; 4];
        let mut files = table(Keeps::Files { memtable: 1000, compact_at: 3 });
        apply(&mut files, &mut counts, &[2, 2, 2, 2, 1]);
        assert_eq!(files.flush(&counts, 5), 2 * 10 + 5);
        assert_eq!(files.files[0].entries, [(1, 1), (2, 4)]);
        let (mut counts, mut log) = ([0; 4], table(Keeps::Log));
        apply(&mut log, &mut counts, &[2, 2, 2, 2, 1]);
        assert_eq!(log.flush(&counts, 5), 5 * 10 + 5);
        assert_eq!(log.flush(&counts, 5), 0, "nothing has changed since");
    }

    #[test]
    fn memory_that_is_full_becomes_a_file_and_enough_files_become_one() {
        let (mut counts, mut files) = ([0; 4], table(Keeps::Files { memtable: 22, compact_at: 3 }));
        assert_eq!(files.write_base(), 7);
        assert_eq!(apply(&mut files, &mut counts, &[0, 1]), [7, 22]);
        assert_eq!(apply(&mut files, &mut counts, &[2, 0]), [7, 22, 22]);
        assert_eq!(apply(&mut files, &mut counts, &[1, 2]), [7, 36], "three keys, six records");
        assert_eq!(files.files[1].entries, [(0, 2), (1, 2), (2, 2)]);
        assert_eq!(files.merged, [(3, 36)]);
        assert_eq!(files.write_base(), 0, "it is there");
    }

    #[test]
    fn names_are_never_used_again() {
        let (mut counts, mut files) = ([0; 4], table(Keeps::Files { memtable: 1, compact_at: 9 }));
        apply(&mut files, &mut counts, &[0]);
        let first = files.files[0].name;
        files.forget();
        apply(&mut files, &mut counts, &[0]);
        assert_ne!(files.files[0].name, first);
        files.forget();
        files.forget_names();
        apply(&mut files, &mut counts, &[0]);
        assert_eq!(files.files[0].name, first, "unless somebody forgets them");
    }

    #[test]
    fn the_newest_file_has_the_last_word() {
        let mut counts = [0, 3, 1, 0];
        let mut log = table(Keeps::Log);
        log.adopt(&counts);
        log.flush(&counts, 4);
        apply(&mut log, &mut counts, &[1, 3]);
        log.flush(&counts, 6);
        let files = log.files.clone();
        let mut restored = [9; 4];
        log.restore(files, 6, &mut restored);
        assert_eq!(restored, [0, 4, 1, 1]);
        assert_eq!(entries(&restored), entries(&counts));
        assert_ne!(entries(&restored), entries(&[0, 1, 4, 1]));
    }

    #[test]
    fn a_materialisation_stands_for_the_log_before_it() {
        let (mut counts, mut log) = ([0; 4], table(Keeps::Log));
        log.write_base();
        apply(&mut log, &mut counts, &[0, 0]);
        log.flush(&counts, 2);
        let (whole, upto) = log.materialise(&counts, 2);
        apply(&mut log, &mut counts, &[0]);
        log.flush(&counts, 3);
        log.replace(upto, whole);
        let bytes: Vec<u64> = log.files.iter().map(|file| file.bytes).collect();
        assert_eq!(bytes, [7, 12, 11], "the base, one key and two records, and the log since");
    }
}
