//! An allocator that counts the allocations of the current thread.
//!
//! A separate package, because an allocator needs `unsafe`, which jamguard forbids. While it does not
//! count, it costs one read of a thread-local, so it does not distort timings of the program.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// `None` outside of [`count`].
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how often `work` allocates or grows an allocation.
pub fn count(work: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    work();
    COUNT.take().unwrap_or_default()
}

/// Starts to count this thread's allocations; [`so_far`] returns their number.
pub fn begin() {
    COUNT.set(Some(0));
}

/// Returns the number of this thread's allocations since [`begin`]; 0 without it.
pub fn so_far() -> u64 {
    COUNT.get().unwrap_or_default()
}

fn note() {
    if let Some(count) = COUNT.get() {
        COUNT.set(Some(count + 1));
    }
}

// SAFETY: every call is forwarded unchanged to the system allocator; counting neither allocates
// nor panics, since the thread-local has a const initializer and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}
