//! The documents: the tests that `docs/attacks.md` and `docs/faults.md` name exist, the rows that the
//! tests name exist, and relative links lead to files.

use std::fs;
use std::path::{Path, PathBuf};

/// A document whose rows are numbered, and the words by which the tests name its rows: in comments,
/// and at the start of test names.
struct Document {
    file: &'static str,
    words: &'static [&'static str],
    prefixes: &'static [&'static str],
}

const DOCUMENTS: [Document; 2] = [
    Document {
        file: "docs/attacks.md",
        words: &["attack", "attacks", "docs/attacks.md"],
        prefixes: &["attack_", "attacks_", "line_", "lines_"],
    },
    Document {
        file: "docs/faults.md",
        words: &["fault", "faults", "docs/faults.md"],
        prefixes: &["fault_", "faults_"],
    },
];

/// Documents with links, as far as they exist; those in `docs` are added.
const LINKING: [&str; 5] =
    ["README.md", "SECURITY.md", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder with this extension, relative to the root.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                let relative = path.strip_prefix(root()).unwrap();
                found.push(relative.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    assert!(!found.is_empty(), "no files in {folder}");
    found
}

/// The names of the tests in a source file.
fn tests_of(source: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.contains("test");
        } else if !line.starts_with("//") {
            let declared = line.strip_prefix("async ").unwrap_or(line);
            if let Some(name) = declared.strip_prefix("fn ").filter(|_| is_test) {
                names.extend(name.split('(').next());
            }
            is_test = false;
        }
    }
    names
}

/// A row of a document: its number, and the tests that it names.
struct Row {
    number: usize,
    tests: Vec<(String, String)>,
}

/// The rows of a document. In the last cell a path is followed by the tests of that file.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let (Some(number), Some(named)) = (cells.first(), cells.last()) else {
            continue;
        };
        let Ok(number) = number.trim().parse() else {
            continue;
        };
        let (mut file, mut tests) = ("", Vec::new());
        for code in named.split('`').skip(1).step_by(2) {
            if code.starts_with("tests/") {
                file = code;
            } else {
                tests.push((file.to_owned(), code.to_owned()));
            }
        }
        rows.push(Row { number, tests });
    }
    rows
}

/// Lists the mistakes in a document of numbered rows.
fn mistakes_in(text: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, row) in rows(text).iter().enumerate() {
        let number = row.number;
        if number != place + 1 {
            wrong.push(format!("row {number} stands at place {}", place + 1));
        }
        if row.tests.is_empty() {
            wrong.push(format!("row {number} names no test"));
        }
        for (file, name) in &row.tests {
            match source(file) {
                None => wrong.push(format!("row {number}: there is no file {file:?}")),
                Some(source) if !tests_of(&source).contains(&&**name) => {
                    wrong.push(format!("row {number}: {file} has no test {name}"));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

/// The comments of a source file; the lines of one comment are joined.
fn comments(source: &str) -> Vec<String> {
    let mut comments: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in source.lines() {
        let Some(comment) = line.trim().strip_prefix("//") else {
            goes_on = false;
            continue;
        };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        match comments.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(' ');
                last.push_str(comment);
            }
            None => comments.push(comment.to_owned()),
        }
        goes_on = true;
    }
    comments
}

/// The numbers behind a document's words in a comment: "attack 31", "faults 12, 13 and 16",
/// "`docs/attacks.md` rows 20 to 24".
fn numbers_in(comment: &str, document: &Document) -> Vec<usize> {
    let plain = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    let mut numbers = Vec::new();
    let mut words = comment.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if !document.words.contains(&&*plain(word)) {
            continue;
        }
        while let Some(next) = words.peek().map(|next| plain(next)) {
            match next.parse() {
                Ok(number) => numbers.push(number),
                Err(_) if ["row", "rows", "line", "lines", "to", "and"].contains(&&*next) => {}
                Err(_) => break,
            }
            words.next();
        }
    }
    numbers
}

/// The numbers at the start of a test's name: `line_07_…`, `lines_16_and_18_…`.
fn numbers_of(name: &str, document: &Document) -> Vec<usize> {
    let prefix = document.prefixes.iter().find(|p| name.starts_with(**p));
    let rest = prefix.map_or("", |prefix| &name[prefix.len()..]);
    rest.split('_').filter(|part| *part != "and").map_while(|part| part.parse().ok()).collect()
}

/// The targets of a document's links, without code.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            continue;
        }
        for text in line.split('`').step_by(2) {
            let targets = text.split("](").skip(1);
            links.extend(targets.filter_map(|target| target.split([')', ' ']).next()));
        }
        let defined = line.strip_prefix('[').and_then(|line| line.split_once("]: "));
        links.extend(defined.and_then(|(_, target)| target.split_whitespace().next()));
    }
    links
}

/// The links of a document that lead to no file.
fn broken_links(file: &str, text: &str) -> Vec<String> {
    let folder = root().join(file);
    let folder = folder.parent().unwrap();
    let mut broken = Vec::new();
    for link in links(text) {
        let target = link.split('#').next().unwrap();
        let elsewhere = target.contains("://") || target.starts_with("mailto:");
        if !target.is_empty() && !elsewhere && !folder.join(target).exists() {
            broken.push(format!("{file}: {link} leads to no file"));
        }
    }
    broken
}

#[test]
fn every_row_names_tests_that_exist() {
    for document in &DOCUMENTS {
        let text = read(document.file);
        assert!(rows(&text).len() > 1, "{} has no rows", document.file);
        let wrong = mistakes_in(&text, |file| fs::read_to_string(root().join(file)).ok());
        assert!(wrong.is_empty(), "{}: {wrong:#?}", document.file);
    }
}

#[test]
fn every_row_that_a_test_names_exists() {
    let mut wrong = Vec::new();
    for document in &DOCUMENTS {
        let rows = rows(&read(document.file)).len();
        let mut named = 0;
        for file in files("tests", "rs") {
            // The words are used otherwise here.
            if file == "tests/project/documents.rs" {
                continue;
            }
            let source = read(&file);
            let comments = comments(&source);
            let in_comments = comments.iter().flat_map(|text| numbers_in(text, document));
            let names = tests_of(&source);
            let in_names = names.iter().flat_map(|name| numbers_of(name, document));
            for number in in_comments.chain(in_names) {
                named += 1;
                if !(1..=rows).contains(&number) {
                    wrong.push(format!("{file}: {} has no row {number}", document.file));
                }
            }
        }
        assert!(named > rows, "the tests name only {named} rows");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_link_leads_to_a_file() {
    let linking = LINKING.map(str::to_owned).into_iter();
    let linking = linking.filter(|file| root().join(file).exists());
    let mut wrong = Vec::new();
    for file in linking.chain(files("docs", "md")) {
        wrong.extend(broken_links(&file, &read(&file)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_mistake_is_found() {
    let source = |file: &str| {
        (file == "tests/a.rs").then(|| "#[test]\nfn one() {}\n\nfn helper() {}\n".to_owned())
    };
    let row = |number: &str, tests: &str| format!("| {number} | attack | rejects | {tests} |\n");
    let good = row("1", "`tests/a.rs` `one`");
    assert_eq!(mistakes_in(&good, source), [""; 0]);
    for (text, says) in [
        (good.clone() + &good, "row 1 stands at place 2"),
        (row("1", "none yet"), "row 1 names no test"),
        (row("1", "`one`"), "there is no file \"\""),
        (row("1", "`tests/b.rs` `one`"), "there is no file"),
        (row("1", "`tests/a.rs` `two`"), "has no test two"),
        (row("1", "`tests/a.rs` `helper`"), "has no test helper"),
    ] {
        let wrong = mistakes_in(&text, source);
        assert!(wrong.iter().any(|wrong| wrong.contains(says)), "{wrong:?}");
    }

    let [attacks, faults] = &DOCUMENTS;
    let text = "//! Attacks 4, 5 and 18 of `docs/attacks.md`, then\n//! fault\n//! 16: lost.\n";
    let comment = &comments(text)[0];
    assert_eq!(numbers_in(comment, attacks), [4, 5, 18]);
    assert_eq!(numbers_in(comment, faults), [16]);
    assert_eq!(numbers_of("lines_16_and_18_revoked", attacks), [16, 18]);
    assert_eq!(numbers_of("attack_27_of_100_writers", attacks), [27]);
    assert_eq!(numbers_of("fault_01_down", attacks), [0; 0]);

    let text = "[a](README.md#top) `[b](none.md)` [c](https://a.example) [d](none.md \"d\")\n\
                ```\n[e](none.md)\n```\n[f]: docs/none.md\n";
    let broken = broken_links("README.md", text);
    assert_eq!(broken.len(), 2, "{broken:?}");
}
