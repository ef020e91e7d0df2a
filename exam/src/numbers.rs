//! Numbers that look random and are the same in every run.

/// A sequence of such numbers: xorshift (Marsaglia, 2003).
#[derive(Clone, Debug)]
pub struct Numbers(u32);

impl Numbers {
    /// The sequence that begins with this seed, which must not be 0.
    #[must_use]
    pub const fn new(seed: u32) -> Numbers {
        Numbers(seed)
    }

    /// The next number, below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % limit
    }

    /// One of these.
    ///
    /// # Panics
    /// There are none.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
