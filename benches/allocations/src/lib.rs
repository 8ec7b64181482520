//! Counts the allocations of a piece of work on its own thread.
//!
//! An allocator cannot be written without `unsafe`, which jamguard forbids; so this is a package
//! of its own. While nothing is counted it costs one look at a thread-local number, so that times
//! measured in the same program stay true.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// `None` while nothing is counted.
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates or grows an allocation.
pub fn count(work: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    work();
    COUNT.take().unwrap_or_default()
}

fn note() {
    if let Some(count) = COUNT.get() {
        COUNT.set(Some(count + 1));
    }
}

// SAFETY: every call goes to the system's allocator unchanged; counting neither allocates nor
// panics, as the thread-local has a constant start and no destructor.
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
