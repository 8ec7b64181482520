//! Variables, pointers and files that lead nowhere, and texts that are no settings.

use crate::files::{SECRET, builder, jam, message, refusal};
use crate::support::folder::Folder;
use jamguard::config::{Document, Format};
use jamguard::{ErrorKind, Jamguard};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// An unset variable is an error that names it.
#[test]
fn an_unset_variable_is_told_by_its_name() {
    assert_eq!(
        refusal("[jam.jwt]\nalgorithm='HS256'\nsecret='${JWT_KEY}'"),
        "configuration:3: jam.jwt.secret: the environment variable JWT_KEY is not set: set it, or \
         give a default as in ${JWT_KEY:-…}"
    );
    let listed = refusal("[jam.jwt]\naudience=['a', 'b-${NOPE}']");
    assert!(listed.contains("jam.jwt.audience.1: the environment variable NOPE"), "{listed}");
    for bad in [
        "${",
        "a${b",
        "${}",
        "${A B}",
        "${1A}",
        "${A-b}",
        "${:-x}",
        "${A:b}",
        // A default ends at the first brace: the rest would be a text that nobody meant.
        "${NOPE:-${SECRET}}",
        "${SECRET:-${NOPE}}",
        "${NOPE:-$${A}}",
        "${SECRET:-{\"a\":1}}",
    ] {
        let message = refusal(&format!("[jam.jwt]\nissuer='{bad}'"));
        assert!(message.contains(":2: jam.jwt.issuer: "), "{bad}: {message}");
    }
}

/// What a variable holds is the environment's, and may be of any length.
#[test]
fn what_variables_make_of_a_text_is_bounded() {
    let most = 1 << 20;
    let read = |length: usize, text: &str| {
        let document = Document::from_value(&serde_json::json!({"a": {"b": text}})).unwrap();
        let document = document.with_variables(move |_| Some("x".repeat(length)));
        document.read::<Value>("a")
    };
    let whole = read(most, "${LONG}").unwrap();
    assert_eq!(whole["b"].as_str().unwrap().len(), most);
    for (length, text) in [
        (most + 1, "${LONG}"),
        (most, "a${LONG}"),
        (most, "${LONG}a"),
        (most / 2 + 1, "${LONG}${LONG}"),
        (most, "${LONG}$${"),
    ] {
        let refused = message(read(length, text));
        assert!(refused.contains("over 1 MiB"), "{text} {refused}");
    }
}

#[test]
fn a_pointer_that_leads_nowhere_or_in_circles_is_told() {
    let toml = "[jam]\n[other.place]\nx = 'y'\nlist = [1]\n[api]\nunique = 1\n";
    let at = |pointer: &str| {
        let built = builder().pointer(pointer).from_str(toml, Format::Toml);
        message(built)
    };
    for (pointer, wanted) in [
        (
            "jams",
            "configuration:1: jams: the pointer leads nowhere: there is no 'jams'; did you mean 'jam'?",
        ),
        ("nowhere", "there is no 'nowhere'; there are jam, other, api"),
        ("jam.jwt", "there is no 'jwt'; there is nothing"),
        ("api.jwt", "there is no 'jwt'; there is only unique"),
        ("other.place.z", "there is no 'z'"),
        ("other.place.x", "the pointer must lead to a table, not to a string"),
        ("other.place.x.x", "the pointer leads through a string where a table is needed, at 'x'"),
        ("other.place.list", "the pointer must lead to a table, not to a list"),
        ("other.place.list.0", "the pointer leads through a list where a table is needed"),
        (".jam", "there is no ''"),
        ("jam.", "there is no ''"),
        ("jam..jwt", "there is no ''"),
    ] {
        let message = at(pointer);
        assert!(message.contains(wanted), "{pointer}: {message}");
    }
    // The whole, which has other keys.
    assert!(at("").contains("jam: unknown key"), "{}", at(""));
    let empty = builder().from_str("", Format::Toml);
    assert!(message(empty).contains("there is no 'jam'"));

    // A structure that holds itself has no end.
    let circle = "a: &a\n  b: *a\njam: *a\n";
    let message = message(builder().from_str(circle, Format::Yaml));
    assert!(message.contains(":2: a.b: an alias inside its own value"), "{message}");
    // A text that holds its own variable is not looked at again.
    let jam = jam("[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nissuer='${ITSELF}'").unwrap();
    let issued = jam.block_on(jam.jwt().unwrap().issue(&serde_json::json!({}))).unwrap();
    let verifier = jam.jwt().unwrap().verifier();
    let verified = jam.block_on(verifier.verify(issued.expose())).unwrap();
    assert_eq!(verified.issuer(), Some("${ITSELF} ${SECRET}"));
}

#[test]
fn what_is_no_file_of_settings_is_told() {
    let folder = Folder::new("no-file");
    let path = folder.path();
    let directory = path.join("folder.toml");
    fs::create_dir(&directory).unwrap();
    let latin = path.join("latin.toml");
    fs::write(&latin, b"[jam]\n# \xe4\n").unwrap();
    let ini = path.join("jam.ini");
    fs::write(&ini, "[jam]\n").unwrap();
    let broken = path.join("broken.toml");
    fs::write(&broken, format!("[jam.jwt]\nsecret = \"{SECRET}\nissuer = 'a'\n")).unwrap();
    let broken_yaml = path.join("broken.yaml");
    fs::write(&broken_yaml, format!("jam:\n  jwt:\n    secret: \"{SECRET}\n")).unwrap();
    let broken_json = path.join("broken.json");
    fs::write(&broken_json, format!("{{\"jam\": {{\n\"jwt\": {{\"secret\": \"{SECRET}\"\n"))
        .unwrap();
    for (file, wanted) in [
        (directory, "folder.toml: it is a directory: give the file in it"),
        (path.join("none.toml"), "none.toml: it cannot be read: No such file"),
        (latin, "latin.toml: it is not UTF-8"),
        (ini, "give the file the extension .toml, .yaml, .yml or .json"),
        (path.to_owned(), "give the file the extension"),
        (broken, "broken.toml:2: not TOML"),
        (broken_yaml, "broken.yaml:"),
        (broken_json, "broken.json:3: not JSON"),
    ] {
        let error = Jamguard::from_file(&file).expect_err(wanted);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        let message = message(Jamguard::from_file(&file));
        assert!(message.contains(wanted), "{message}");
    }
}

/// JSON may be one long line, of which the number alone says nothing.
#[test]
fn what_is_wrong_in_a_line_of_json_is_told_by_its_column() {
    for (text, wanted) in [
        ("{\"jam\": {},}", "configuration:1: not JSON from column 12 on"),
        ("{\n\"jam\": x\n}", "configuration:2: not JSON from column 8 on"),
        ("{\n\"jam\": tru\n}", "configuration:2: not JSON from the end of the line on"),
        ("{\n\"jam\": tru\r\n}", "configuration:2: not JSON from column 11 on"),
        ("{\"jam\":\n", "configuration:2: not JSON: it ends too early"),
        (
            "{\"jam\":\n{\"a\":\n\"\\ud800\"}}",
            "configuration:3: jam.a: this value cannot be represented",
        ),
        ("{\"jam\":\n{\"a\":\n1e999}}", "configuration:3: jam.a: this value cannot be represented"),
    ] {
        assert_eq!(message(builder().from_str(text, Format::Json)), wanted);
    }
}

/// A pipe would keep whoever opens it waiting for a writer, and a device has no end.
#[test]
fn pipes_and_devices_are_refused_at_once() {
    let folder = Folder::new("pipe");
    let pipe = folder.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tell.send(message(Jamguard::from_file(&pipe))).unwrap();
        for file in [pipe.to_str().unwrap(), "/dev/zero", "/dev/null"] {
            let text = format!("[jam.jwt]\nalgorithm='HS256'\nsecret_file='{file}'");
            tell.send(refusal(&text)).unwrap();
        }
    });
    for _ in 0..4 {
        let refused = told.recv_timeout(Duration::from_secs(20));
        let refused = refused.expect("it waits for a writer");
        assert!(refused.contains("a pipe or a device"), "{refused}");
    }
}

/// Words of the text are no part of a message, whatever a parser would like to show.
#[test]
fn a_broken_text_shows_nothing_of_itself() {
    let texts = [
        format!("[jam.jwt]\nsecret = {SECRET}\n"),
        format!("[jam.jwt]\nsecret = '{SECRET}' x\n"),
        SECRET.to_owned(),
        format!("{SECRET} = "),
        format!("[jam.jwt\n{SECRET} = 1"),
        format!("[[{SECRET}]"),
        format!("a = \"\\{SECRET}\""),
        format!("jam: {{ a: {SECRET}, b: [ "),
        format!("jam: &{SECRET} a\nb: *x{SECRET}"),
        format!("jam: !{SECRET} a"),
        format!("%{SECRET}\n---\n{SECRET}: {SECRET}: {SECRET}"),
        format!("\t{SECRET}: a\n\tb: \"\\{SECRET}\""),
        format!("{{\"a\": {SECRET}}}"),
        format!("{{\"a\": \"\\{SECRET}\"}}"),
        format!("[{SECRET}, 1"),
    ];
    for text in &texts {
        for format in [Format::Toml, Format::Yaml, Format::Json] {
            let read = Document::from_str(text, format).and_then(|d| d.read::<Value>("nowhere"));
            if let Err(error) = read {
                // A whole file that is one word is a key of that name, which is shown.
                let shown = format!("{error:?}");
                let key = shown.contains("there are") || shown.contains("the key is given");
                assert!(key || !shown.contains(SECRET), "{format:?} {text}\n{shown}");
            }
        }
    }
}

/// 10 MB of YAML aliases are refused quickly.
#[test]
fn aliases_without_measure_are_refused_in_no_time() {
    let started = Instant::now();
    let mut flat = String::from("a: &a [x, x, x, x, x, x, x, x]\njam:\n");
    while flat.len() < 10 << 20 {
        flat.push_str("  - *a\n");
    }
    let message_of = |text: &str| message(builder().from_str(text, Format::Yaml));
    assert!(message_of(&flat).contains("longer than 1 MiB"));

    // Nine lines that unfold to a billion.
    let mut laughs = String::from("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for level in 1..10 {
        let one = format!("*a{}, ", level - 1);
        let nine = one.repeat(9);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", nine.trim_end_matches(", ")));
    }
    laughs.push_str("jam: {}\n");
    let laughed = message_of(&laughs);
    assert!(laughed.contains("its anchors and aliases expand to over 4 MiB"), "{laughed}");

    // One long text, many times.
    let long = format!("a: &a {}\njam:\n{}", "x".repeat(500_000), "  - *a\n".repeat(50_000));
    assert!(message_of(&long).contains("its anchors and aliases expand"));

    // The same as a key.
    let key = "x".repeat(500_000);
    let long = format!("a: &a {{? \"{key}\" : 1}}\njam:\n{}", "  - *a\n".repeat(30_000));
    assert!(message_of(&long).contains("its anchors and aliases expand"), "long keys");

    for (format, open) in [(Format::Yaml, "["), (Format::Json, "["), (Format::Json, "{\"a\":")] {
        let deep = open.repeat(100_000);
        message(builder().from_str(&deep, format));
        let closed = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let nested = message(builder().from_str(&closed, format));
        assert!(nested.contains("nested"), "{format:?} {nested}");
    }
    message(builder().from_str(&format!("a = {}", "[".repeat(100_000)), Format::Toml));
    let took = started.elapsed();
    println!("10 MB of aliases and their like: refused in {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");

    // Aliases of a sound measure are followed.
    let sound = "times: &times\n  idle_timeout: 1h\n  store: memory\njam:\n  sessions: *times\n";
    let jam = builder().from_str(sound, Format::Yaml).unwrap();
    assert!(format!("{:?}", jam.sessions().unwrap()).contains("3600"));
}

/// Values are nested at most 64 deep, in every way that a format allows.
#[test]
fn no_way_of_nesting_is_deeper_than_another() {
    let lists = |levels: usize, inner: &str| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!("{open}{inner}{close}")
    };
    // Each alias stands for all that the one before it does.
    let mut aliases = format!("a0: &a0 {}\n", lists(50, "1"));
    for level in 1..40 {
        let inner = format!("*a{}", level - 1);
        aliases.push_str(&format!("a{level}: &a{level} {}\n", lists(50, &inner)));
    }
    let name = ["a"; 60].join(".");
    let (open, close) = (format!("{name} = {{").repeat(10), "}".repeat(10));
    let names = format!("{open}b = 1{close}");
    for (text, format) in [(aliases, Format::Yaml), (names, Format::Toml)] {
        let refused = message(Document::from_str(&text, format));
        assert!(refused.contains("nested too deeply"), "{format:?} {refused}");
    }
    for (text, format) in [
        (format!("a = {}", lists(60, "1")), Format::Toml),
        (format!("a: {}", lists(60, "1")), Format::Yaml),
        (format!("a: &a {}\nb: [*a]", lists(60, "1")), Format::Yaml),
        (format!("{{\"a\": {}}}", lists(60, "1")), Format::Json),
    ] {
        let document = Document::from_str(&text, format).unwrap();
        assert!(document.read::<Value>("").unwrap()["a"].is_array());
    }
}

/// As long as a file may be, it is read in no time, whatever it is full of.
#[test]
fn a_long_file_is_read_in_no_time() {
    let filled = |begin: &str, one: &dyn Fn(usize) -> String, end: &str| {
        let mut text = begin.to_owned();
        let mut number = 0;
        while text.len() < (1 << 20) - 32 {
            text.push_str(&one(number));
            number += 1;
        }
        text + end
    };
    let started = Instant::now();
    for (text, format) in [
        (filled("[a]\n", &|n| format!("k{n}=1\n"), ""), Format::Toml),
        (filled("a = [1", &|_| ",\n1".to_owned(), "]"), Format::Toml),
        (filled("{\"k\":1", &|n| format!(",\"k{n}\":1"), "}"), Format::Json),
        (filled("[1", &|_| ",\n1".to_owned(), "]"), Format::Json),
    ] {
        Document::from_str(&text, format).unwrap();
    }
    // Without an alias there is nothing that could unfold.
    for yaml in [
        filled("a:\n", &|n| format!("  key-{n}: {n:030}\n"), ""),
        filled("a: &a [1]\nb: [*a", &|_| ",\n 1".to_owned(), "]"),
    ] {
        Document::from_str(&yaml, Format::Yaml).unwrap();
    }
    // A copy for each anchor, one in the other.
    let anchors: String = (0..60).map(|n| format!("&a{n} [")).collect();
    let nested = format!("a: {anchors}1{}{}", ",1".repeat(200_000), "]".repeat(60));
    let refused = message(Document::from_str(&nested, Format::Yaml));
    assert!(refused.contains("its anchors and aliases expand"), "{refused}");
    let took = started.elapsed();
    println!("7 files of 1 MiB: {took:?}");
    assert!(took < Duration::from_secs(40), "{took:?}");
}
