//! Paths of requests: those of a route, spelled in other ways.

use super::Random;
use super::patterns::{Pattern, Segment};

/// The spellings by which handlers have to be reached, so that the test tests something.
pub(super) const KINDS: [&str; 6] = [
    "plain letters",
    "capitals",
    "a last slash",
    "parameters",
    "escaped letters",
    "letters that fold to ASCII",
];

pub(super) fn kind_of(path: &str) -> &'static str {
    match path {
        path if path.contains("%E2%84%AA") || path.contains("%C5%BF") => KINDS[5],
        path if path.contains(';') => KINDS[3],
        path if path.len() > 1 && path.ends_with('/') => KINDS[2],
        path if path.replace("%C3%A9", "").contains('%') => KINDS[4],
        path if path.replace("%C3%A9", "").bytes().any(|byte| byte.is_ascii_uppercase()) => {
            KINDS[1]
        }
        _ => KINDS[0],
    }
}

/// A path that some route of these may take for its own.
pub(super) fn path(patterns: &[Pattern], random: &mut Random) -> String {
    let pattern = &patterns[random.below(patterns.len())];
    let words = ["admin", "assets", "kiosk", "s", "caf%C3%A9", "a+b", "k1", "x", "ks", ";q"];
    let mut segments: Vec<String> = pattern
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Text(text) => (*text).to_owned(),
            // To some routers a parameter behind a text may be empty.
            Segment::One(text) if !text.is_empty() && random.percent(20) => (*text).to_owned(),
            Segment::One(text) => format!("{text}{}", random.pick(&words)),
        })
        .collect();
    if let Some(text) = pattern.tail {
        if !text.is_empty() {
            segments.push(format!("{text}{}", random.pick(&["", "", "1", "iosk"])));
        }
        for _ in 0..random.below(3) {
            segments.push(random.pick(&words).to_owned());
        }
    }
    let mut path = format!("/{}", segments.join("/"));
    if pattern.slash {
        path.push('/');
    }
    for _ in 0..random.below(4) {
        path = spelled_otherwise(path, random);
    }
    path
}

fn spelled_otherwise(path: String, random: &mut Random) -> String {
    let at_segment_end = |random: &mut Random| {
        let ends: Vec<usize> =
            path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]).collect();
        random.pick(&ends)
    };
    let insert = |at: usize, text: &str| format!("{}{text}{}", &path[..at], &path[at..]);
    match random.below(12) {
        0 | 1 => {
            let flip = random.below(3);
            let mut escaped = 0;
            let letters = path.chars().enumerate().map(|(at, letter)| {
                escaped = if letter == '%' { 3_usize } else { escaped.saturating_sub(1) };
                match escaped == 0 && (flip == 0 || at % (flip + 1) == 0) {
                    true => letter.to_ascii_uppercase(),
                    false => letter,
                }
            });
            letters.collect()
        }
        2 | 3 => path.replacen('k', "%E2%84%AA", 1 + random.below(2)).replacen(
            's',
            "%C5%BF",
            random.below(2),
        ),
        4 => path.replace("%C3%A9", "%C3%89"),
        5 => insert(at_segment_end(random), random.pick(&[";x=1", ";", "%3Bx"])),
        6 | 7 => format!("{path}/"),
        8 => insert(at_segment_end(random), "/"),
        9 => {
            let letters: Vec<usize> = path
                .match_indices(|letter: char| letter.is_ascii_lowercase())
                .map(|(at, _)| at)
                .collect();
            match letters.is_empty() {
                true => path,
                false => {
                    let at = random.pick(&letters);
                    format!("{}%{:02X}{}", &path[..at], path.as_bytes()[at], &path[at + 1..])
                }
            }
        }
        10 => insert(at_segment_end(random), random.pick(&["/.", "/..", "/%2e%2E"])),
        _ => insert(at_segment_end(random), random.pick(&["%2F", "%2fadmin", "%25", "%2B"])),
    }
}
