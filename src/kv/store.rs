//! The entries, and how much memory they may take.

use std::collections::HashMap;

/// What an entry takes besides the bytes of its key and value, in bytes: its place in the table,
/// and what the allocator adds to two strings. Measured with glibc, for keys and values of 6 to
/// 60 000 bytes: 76 to 124. While the table grows, it exists twice: for this moment small entries
/// take a fifth more than is counted.
pub const OVERHEAD: usize = 128;

/// Keys with their values, up to a limit.
#[derive(Debug)]
pub(super) struct Store {
    entries: HashMap<Box<str>, Box<str>>,
    /// Of all keys and values, and [`OVERHEAD`] for each entry.
    bytes: usize,
    max_bytes: usize,
}

impl Store {
    pub(super) fn new(max_bytes: usize) -> Store {
        Store {
            entries: HashMap::new(),
            bytes: 0,
            max_bytes,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(|value| &**value)
    }

    /// Stores a value under a key, in place of an earlier one.
    ///
    /// # Errors
    /// The text of a JSON-RPC error: it would take more than the limit. Nothing has changed.
    pub(super) fn put(&mut self, key: &str, value: &str) -> Result<(), String> {
        let earlier = self.entries.get_mut(key);
        let before = earlier
            .as_ref()
            .map_or(0, |earlier| key.len() + earlier.len() + OVERHEAD);
        let bytes = self.bytes - before + key.len() + value.len() + OVERHEAD;
        if bytes > self.max_bytes {
            return Err(format!(
                "the store is full: with this value it would hold {bytes} bytes, and it may hold \
                 {} (serve --max-memory)",
                self.max_bytes
            ));
        }
        match earlier {
            Some(earlier) => *earlier = value.into(),
            None => drop(self.entries.insert(key.into(), value.into())),
        }
        self.bytes = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERHEAD, Store};

    #[test]
    fn a_value_that_is_replaced_counts_by_the_difference() {
        let mut store = Store::new(2 * (OVERHEAD + 10));
        store.put("a", "123456789").unwrap();
        store.put("b", "123456789").unwrap();
        for value in ["", "123456789", "987654321"] {
            store.put("a", value).unwrap();
        }
        assert_eq!(store.bytes, 2 * (OVERHEAD + 10));
        assert!(store.put("a", "1234567890").is_err());
        assert_eq!(store.get("a"), Some("987654321"), "it is still there");
        store.put("b", "").unwrap();
        store.put("a", "1234567890").unwrap();
    }

    #[test]
    fn an_entry_counts_even_if_it_is_empty() {
        let mut store = Store::new(2 * OVERHEAD + 1);
        store.put("", "").unwrap();
        store.put("a", "").unwrap();
        let error = store.put("b", "").unwrap_err();
        assert_eq!(
            error,
            "the store is full: with this value it would hold 386 bytes, and it may hold 257 \
             (serve --max-memory)"
        );
        assert_eq!(store.get("b"), None);
    }
}
