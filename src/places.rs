//! A limit on how much goes on at once: a counting semaphore, which std does not have.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of places. Each [`Place`] is taken until it is dropped.
#[derive(Debug)]
pub struct Places {
    free: Mutex<usize>,
    returned: Condvar,
}

/// One of the [`Places`], in use until this is dropped.
#[derive(Debug)]
#[must_use = "a place is free again when this is dropped"]
pub struct Place<'a>(&'a Places);

impl Places {
    /// This many, all free.
    #[must_use]
    pub fn new(number: usize) -> Places {
        Places {
            free: Mutex::new(number),
            returned: Condvar::new(),
        }
    }

    /// Takes a place. Waits, without a limit, until one is free.
    pub fn take(&self) -> Place<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.returned.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use super::Places;

    #[test]
    fn no_more_threads_have_a_place_than_there_are_places() {
        let places = Places::new(3);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _place = places.take();
                        most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
    }
}
