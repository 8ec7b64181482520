//! What happens to the file store: processes killed while they write, full disks, files that are
//! read-only, damaged, or open elsewhere. Prints its figures.

mod child;
mod damage;
mod disk;
mod kills;
