//! Each target over its corpus, and over mutations of it.
//!
//! `JAMGUARD_FUZZ_RUNS` sets the mutated inputs per target (default: a few seconds for all),
//! `JAMGUARD_FUZZ_SEED` the seed (default: 1), and `JAMGUARD_FUZZ_TARGET` limits the run to one target. A
//! failing input is written to `artifacts/`.

use jamguard_fuzz::mutate::{Random, mutated};
use jamguard_fuzz::{TARGETS, Target, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder("corpus").join(target.name))
        .unwrap_or_else(|error| panic!("the corpus of {}: {error}", target.name))
        .map(|entry| entry.unwrap().path())
        .collect();
    // The order of a folder is not the same everywhere.
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Runs one input; an input that fails is kept.
fn run(target: &Target, input: &[u8]) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).unwrap_or_else(|panic| {
        let kept = folder("artifacts").join(target.name);
        std::fs::create_dir_all(&kept).unwrap();
        let file = kept.join(format!("failed-{}", std::process::id()));
        std::fs::write(&file, input).unwrap();
        eprintln!("{}: {}", file.display(), String::from_utf8_lossy(input));
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn every_target_agrees_with_its_oracle() {
    let seed = setting("JAMGUARD_FUZZ_SEED").unwrap_or(1);
    let only = std::env::var("JAMGUARD_FUZZ_TARGET").ok();
    let chosen = |target: &&Target| only.as_ref().is_none_or(|only| only == target.name);
    for target in TARGETS.iter().filter(chosen) {
        let runs = setting("JAMGUARD_FUZZ_RUNS").unwrap_or(target.smoke);
        let (corpus, mut random, began) = (corpus(target), Random(seed), Instant::now());
        let mut accepted = 0;
        for input in &corpus {
            accepted += u64::from(run(target, input) == Verdict::Accepted);
        }
        let of_corpus = accepted;
        for _ in 0..runs {
            let input = mutated(&corpus, target.words, &mut random);
            accepted += u64::from(run(target, &input) == Verdict::Accepted);
        }
        println!(
            "{}: seed {seed}, corpus {}, mutated {runs}, accepted {accepted}, {:.1} s",
            target.name,
            corpus.len(),
            began.elapsed().as_secs_f64()
        );
        // An oracle that sees one side only says nothing.
        assert!(of_corpus > 0, "no input of the corpus of {} is accepted", target.name);
        assert!((of_corpus as usize) < corpus.len(), "all of the corpus of {}", target.name);
    }
}
