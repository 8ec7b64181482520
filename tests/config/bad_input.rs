//! What is wrong with a file is told with its place and what to do, and without a secret.

use crate::folder::Folder;
use crate::{NOW, SECRET, builder, jam, message, refusal, variable};
use jamguard::config::{Document, Format};
use jamguard::{ErrorKind, Jam};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const JWT: &str = "
[jam.jwt]
algorithm = 'HS256'
secret = '${SECRET}'
";

#[test]
fn an_unknown_key_is_told_with_file_line_key_and_the_nearest_known_one() {
    let folder = Folder::new("unknown-key");
    for (name, text, place) in [
        (
            "a.toml",
            "[jam.jwt]\nalgorithm = 'HS256'\n\nissuerr = 'x'\n",
            "a.toml:4",
        ),
        (
            "b.yaml",
            "jam:\n  jwt:\n    algorithm: HS256\n    issuerr: x\n",
            "b.yaml:4",
        ),
        (
            "c.json",
            "{\"jam\": {\n\"jwt\": {\n\"algorithm\": \"HS256\",\n\"issuerr\": 1\n}}}",
            "c.json:4",
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let message = message(Jam::from_file(&path));
        let wanted = format!("{place}: jam.jwt.issuerr: unknown key: did you mean 'issuer'?");
        assert!(message.ends_with(&wanted), "{message}");
    }
    let far = refusal("[jam.jwt]\nzzz = 1");
    assert!(
        far.contains("unknown key: known are algorithm, key_id, secret"),
        "{far}"
    );
    let deep = refusal("[jam.stores.main]\nredis = { url = 'redis://localhost', prefx = 'a' }");
    assert_eq!(
        deep,
        "configuration:2: jam.stores.main.redis.prefx: unknown key: did you mean 'prefix'?"
    );
    let top = refusal("[jam]\nverifier = {}");
    assert!(
        top.contains("jam.verifier: unknown key: did you mean 'verifiers'?"),
        "{top}"
    );
    let guard =
        refusal("[jam]\nunmatched='deny'\n[[jam.guards]]\npath='/a'\npolcy='authenticated'");
    assert!(
        guard.contains(":5: jam.guards.0.polcy: unknown key: did you mean 'policy'?"),
        "{guard}"
    );
}

#[test]
fn a_wrong_type_is_told_with_what_belongs_there() {
    for (text, wanted) in [
        (
            "[jam.jwt]\nlifetime = 15",
            ":2: jam.jwt.lifetime: this must be a time with its unit",
        ),
        (
            "[jam.jwt]\nlifetime = 'long'",
            ":2: jam.jwt.lifetime: this must be a time with its unit",
        ),
        (
            "[jam.jwt]\nsecret = 15",
            ":2: jam.jwt.secret: this must be a text, and is a whole number",
        ),
        (
            "[jam.jwt]\nissuer = ['a']",
            ":2: jam.jwt.issuer: this must be a text, and is a list",
        ),
        (
            "[jam.jwt]\naudience = ['a', 1]",
            ":2: jam.jwt.audience.1: this must be a text",
        ),
        (
            "[jam.jwt]\naudience = true",
            ":2: jam.jwt.audience: this must be a text or a list of texts",
        ),
        (
            "[jam]\njwt = 'x'",
            ":2: jam.jwt: this must be a table, and is a text",
        ),
        (
            "[jam]\njwt = ['HS256']",
            ":2: jam.jwt: this must be a table, and is a list",
        ),
        (
            "[jam]\nguards = 'x'",
            ":2: jam.guards: this must be a list, and is a text",
        ),
        (
            "[jam]\nkeep_encoded_slashes = 'yes'",
            ": this must be true or false, and is a text",
        ),
        (
            "[jam.verifiers.a]\ncache_bytes = -1",
            ":2: jam.verifiers.a.cache_bytes: ",
        ),
        (
            "[jam.verifiers.a]\ncache_bytes = 1.5",
            ":2: jam.verifiers.a.cache_bytes: this must be a whole number",
        ),
        (
            "[jam.verifiers.a]\ncache_bytes = 99999999999999999999",
            ":2: jam.verifiers.a.cache_bytes: the number is too large",
        ),
        (
            "[jam.verifiers.a]\nalgorithms = ['ES513']",
            ":2: jam.verifiers.a.algorithms.0: this must be one of HS256",
        ),
        (
            "[jam.verifiers.a]\nalgorithms = ['ES513']",
            "did you mean 'ES512'?",
        ),
        (
            "[jam.lists.a]\nkind = 'block'\nstore = 'memory'",
            ":2: jam.lists.a.kind: this must be one of deny, allow",
        ),
        (
            "[jam.lists.a]\nkind = 'deny'",
            ":1: jam.lists.a: the key 'store' is missing",
        ),
        (
            "[jam]\nunmatched = 'no'",
            ":2: jam.unmatched: this must be one of deny, allow",
        ),
        (
            "[jam]\nlog_level = 'loud'",
            ":2: jam.log_level: this must be one of off, error, warn, info, debug",
        ),
        (
            "[jam.key_rings.a]\nalgorithm='ES512'\nkeys=[{current_from='tomorrow'}]",
            ":3: jam.key_rings.a.keys.0.current_from: this must be a time such as",
        ),
        (
            "[jam.authenticator]\nsources = ['bearer', {header = 1}]",
            ":2: jam.authenticator.sources.1.header: this must be a text",
        ),
        (
            "[jam.authenticator]\nsources = ['basic']",
            ":2: jam.authenticator.sources.0: this must be one of bearer, header",
        ),
        (
            "[jam.authenticator]\nsources = [{header='a', cookie='b'}]",
            ": this must be a table with exactly one key",
        ),
        (
            "[jam.authenticator]\nclaim_paths = { roles = [1] }",
            ".roles.0: this must be a claim such as",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text}\n{message}");
    }
}

/// "conflicting keys are errors", "both `secret` and `secret_file`".
#[test]
fn keys_that_exclude_each_other_are_told() {
    let both = "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nsecret_file='/nowhere'";
    assert_eq!(
        refusal(both),
        "configuration:4: jam.jwt.secret_file: 'secret' is given too: keep one of the two"
    );
    for (text, wanted) in [
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nprivate_key='x'",
            ":4: jam.jwt.private_key: 'secret' is given too",
        ),
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nkey_ring='a'\n[jam.key_rings.a]\nalgorithm='ES256'",
            ":4: jam.jwt.key_ring: there is a key too",
        ),
        (
            "[jam.jwt]\nalgorithm='HS256'\nkey_ring='a'\n[jam.key_rings.a]\nalgorithm='ES256'",
            "leave 'algorithm' and 'key_id' out here",
        ),
        (
            "[jam.verifiers.a]\njwks_url='https://a.example'\ndiscover='https://a.example'",
            ":3: jam.verifiers.a.discover: 'jwks_url' is given too",
        ),
        (
            "[jam.verifiers.a]\njwks='{}'\nkeys=[{secret='${SECRET}'}]",
            ":3: jam.verifiers.a.keys: 'jwks' is given too",
        ),
        (
            "[jam.verifiers.a]\nkeys=[{secret='${SECRET}', public_key='x'}]",
            ".keys.0.public_key: 'secret' is given too",
        ),
        (
            "[jam.verifiers.a]\nkey_set={timeout='1s'}",
            ":2: jam.verifiers.a.key_set: there is no 'jwks_url' or 'discover'",
        ),
        (
            "[jam.stores.a]\nmemory={}\nfile={path='x'}",
            ":3: jam.stores.a.file: 'memory' is given too",
        ),
        (
            "[jam.stores.a]\nredis={url='redis://a', url_file='x'}",
            ".redis.url_file: 'url' is given too",
        ),
        (
            "[jam.stores.a.redis]\nurl='redis://a'\nclient_key_file='x'",
            "give both or neither",
        ),
        (
            "[jam.sessions]\nstore='memory'\nencryption={key='a', key_file='b'}",
            ".encryption.key_file: 'key' is given too",
        ),
        (
            "[jam.key_rings.a]\nalgorithm='ES256'\nstore='memory'",
            "give it 'sealing' with a key",
        ),
        (
            "[jam.key_rings.a]\nalgorithm='ES256'\nsealing={key='a'}",
            ":3: jam.key_rings.a.sealing: there is no 'store'",
        ),
        (
            "[jam]\nunmatched='deny'\nguards=[{path='/a', public=true, policy='authenticated'}]",
            ".guards.0: the rule '* /a' of the route table: it has a policy and is public",
        ),
        (
            "[jam]\nguards=[{path='/a', public=true}]",
            "'guards' without 'unmatched'",
        ),
        (
            "[jam.issuers.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\n[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'",
            "jam.issuers.jwt: the section 'jwt' has this name",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\nprovider='github'\ndiscover='https://a.example'",
            ":4: jam.oauth2.a.discover: 'provider' is given too",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\nauthorize_url='https://a.example'",
            "'authorize_url' goes with 'token_url'",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\ntoken_url='https://a.example'",
            ":3: jam.oauth2.a.token_url: it goes with 'authorize_url'",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'",
            ":1: jam.oauth2.a: which provider is it?",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\nsecret='b'\nsecret_file='c'",
            ":4: jam.oauth2.github.secret_file: 'secret' is given too",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\nlogin={}",
            "logins have no place to end in",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\nredirect_url='https://a.example'\nlogin={into_jwt='x'}\n[jam.sessions]\nstore='memory'",
            ".login.into_jwt: there is no issuer of this name",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\nlogin={}\n[jam.sessions]\nstore='memory'",
            "jam.oauth2.github.login: logins come back to a callback",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\ntoken_source={}",
            "jam.oauth2.github.token_source: ",
        ),
        (
            "[jam.otp]\nkind='hotp'\nperiod='30s'",
            "jam.otp: HOTP goes by a counter",
        ),
        (
            "[jam.otp]\ndigits=5",
            "jam.otp: a one-time password of 5 digits",
        ),
        (
            "[jam.second_factor]\nstore='memory'\nissuer='a:b'\nsealing={key='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}",
            "jam.second_factor: a second factor without a name",
        ),
        (
            "[jam.authenticator]\nsessions=true",
            "jam.authenticator.sessions: the file configures no sessions",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text}\n{message}");
    }
}

#[test]
fn a_key_that_stands_twice_is_told() {
    for (format, text, line) in [
        (Format::Toml, "[jam.jwt]\nissuer='a'\nissuer='b'", ":3"),
        (
            Format::Yaml,
            "jam:\n  jwt:\n    issuer: a\n    issuer: b",
            ":4",
        ),
        (
            Format::Json,
            "{\"jam\": {\"jwt\": {\"issuer\": \"a\",\n\"issuer\": \"b\"}}}",
            ":2",
        ),
    ] {
        let message = message(builder().from_str(text, format));
        assert!(message.contains(line), "{format:?} {message}");
    }
}

#[test]
fn a_name_of_nothing_is_told_with_the_nearest() {
    for (text, wanted) in [
        (
            "[jam.lists.a]\nkind='deny'\nstore='memry'",
            ":3: jam.lists.a.store: there is no store of this name; did you mean 'memory'?",
        ),
        (
            "[jam.sessions]\nstore='redis'\n[jam.stores.main]\nmemory={}",
            ":2: jam.sessions.store: there is no store of this name; there are main, memory",
        ),
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\ndeny_lists='denied'",
            ":4: jam.jwt.deny_lists: there is no list of this name; none is configured",
        ),
        (
            "[jam.jwt]\nkey_ring='a'",
            ":2: jam.jwt.key_ring: there is no key ring of this name",
        ),
        (
            "[jam.authenticator]\nverifiers='a'",
            ":2: jam.authenticator.verifiers: there is no verifier of this name",
        ),
        (
            "[jam.authenticator]\napps='a'",
            "there is no app of this name",
        ),
        (
            "[jam.authenticator]\nsilent_refresh='a'",
            "there is no app of this name",
        ),
        ("[jam.login]\napp='a'", "there is no app of this name"),
        ("[jam.login]\nhome='/'", "say which of the apps it is for"),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text}\n{message}");
    }
}

/// "an unset variable is an error that names it".
#[test]
fn an_unset_variable_is_told_by_its_name() {
    assert_eq!(
        refusal("[jam.jwt]\nalgorithm='HS256'\nsecret='${JWT_KEY}'"),
        "configuration:3: jam.jwt.secret: the environment variable JWT_KEY is not set: set it, or \
         give a default as in ${JWT_KEY:-…}"
    );
    let listed = refusal("[jam.jwt]\naudience=['a', 'b-${NOPE}']");
    assert!(
        listed.contains("jam.jwt.audience.1: the environment variable NOPE"),
        "{listed}"
    );
    for bad in [
        "${", "a${b", "${}", "${A B}", "${1A}", "${A-b}", "${:-x}", "${A:b}",
    ] {
        let message = refusal(&format!("[jam.jwt]\nissuer='{bad}'"));
        assert!(message.contains(":2: jam.jwt.issuer: "), "{bad}: {message}");
    }
}

#[test]
fn a_pointer_that_leads_nowhere_or_in_circles_is_told() {
    let toml = "[jam]\n[other.place]\nx = 'y'\nlist = [1]\n[api]\n";
    let at = |pointer: &str| {
        let built = builder().pointer(pointer).from_str(toml, Format::Toml);
        message(built)
    };
    for (pointer, wanted) in [
        (
            "jams",
            "configuration:1: jams: the pointer leads nowhere: there is no 'jams'; did you mean 'jam'?",
        ),
        (
            "nowhere",
            "there is no 'nowhere'; there are jam, other, api",
        ),
        ("jam.jwt", "there is no 'jwt'; there is nothing"),
        ("other.place.z", "there is no 'z'"),
        (
            "other.place.x",
            "the pointer leads to what is no table but a text",
        ),
        (
            "other.place.x.x",
            "the pointer leads into what is no table but a text, at 'x'",
        ),
        (
            "other.place.list",
            "the pointer leads to what is no table but a list",
        ),
        (
            "other.place.list.0",
            "the pointer leads into what is no table but a list",
        ),
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
    assert!(
        message.contains(":2: a.b: an alias of what it stands in"),
        "{message}"
    );
    // A text that holds its own variable is not looked at again.
    let jam = jam("[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nissuer='${ITSELF}'").unwrap();
    let issued = jam
        .block_on(jam.jwt().unwrap().issue(&serde_json::json!({})))
        .unwrap();
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
    fs::write(
        &broken,
        format!("[jam.jwt]\nsecret = \"{SECRET}\nissuer = 'a'\n"),
    )
    .unwrap();
    let broken_yaml = path.join("broken.yaml");
    fs::write(
        &broken_yaml,
        format!("jam:\n  jwt:\n    secret: \"{SECRET}\n"),
    )
    .unwrap();
    let broken_json = path.join("broken.json");
    fs::write(
        &broken_json,
        format!("{{\"jam\": {{\n\"jwt\": {{\"secret\": \"{SECRET}\"\n"),
    )
    .unwrap();
    for (file, wanted) in [
        (
            directory,
            "folder.toml: it is a directory: give the file in it",
        ),
        (
            path.join("none.toml"),
            "none.toml: it cannot be read: No such file",
        ),
        (latin, "latin.toml: it is not UTF-8"),
        (
            ini,
            "give the file the extension .toml, .yaml, .yml or .json",
        ),
        (path.to_owned(), "give the file the extension"),
        (broken, "broken.toml:2: not TOML"),
        (broken_yaml, "broken.yaml:"),
        (broken_json, "broken.json:3: not JSON"),
    ] {
        let error = Jam::from_file(&file).expect_err(wanted);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        let message = message(Jam::from_file(&file));
        assert!(message.contains(wanted), "{message}");
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
                let key = shown.contains("there are") || shown.contains("the key stands");
                assert!(key || !shown.contains(SECRET), "{format:?} {text}\n{shown}");
            }
        }
    }
}

/// "10 MB of YAML aliases".
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
        laughs.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            nine.trim_end_matches(", ")
        ));
    }
    laughs.push_str("jam: {}\n");
    let laughed = message_of(&laughs);
    assert!(
        laughed.contains("its aliases unfold to more than settings need"),
        "{laughed}"
    );

    // One long text, many times.
    let long = format!(
        "a: &a {}\njam:\n{}",
        "x".repeat(500_000),
        "  - *a\n".repeat(50_000)
    );
    assert!(message_of(&long).contains("its aliases unfold"));

    for (format, open) in [
        (Format::Yaml, "["),
        (Format::Json, "["),
        (Format::Json, "{\"a\":"),
    ] {
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

/// "a string is never guessed to be a path".
#[test]
fn a_text_is_never_guessed_to_be_a_file() {
    let folder = Folder::new("no-guess");
    let file = folder.path().join("key");
    fs::write(&file, SECRET).unwrap();
    let name = file.to_str().unwrap();
    let pem = refusal(&format!(
        "[jam.jwt]\nalgorithm='ES256'\nprivate_key='{name}'"
    ));
    assert!(
        pem.contains(":3: jam.jwt.private_key: this is neither PEM nor a JWK; a file is named by 'private_key_file'"),
        "{pem}"
    );
    let public = refusal(&format!(
        "[jam.verifiers.a]\nalgorithms=['ES256']\nkeys=[{{algorithm='ES256', public_key='{name}'}}]"
    ));
    assert!(
        public.contains("a file is named by 'public_key_file'"),
        "{public}"
    );
    // As a secret it is what it is.
    let padded = format!("{name:_<40}");
    let as_text = jam(&format!("[jam.jwt]\nalgorithm='HS256'\nsecret='{padded}'")).unwrap();
    let verifier = jamguard::Verifier::builder()
        .key(
            jamguard::jose::VerifyingKey::from_secret(
                jamguard::jose::Algorithm::HS256,
                padded.as_bytes(),
            )
            .unwrap(),
        )
        .algorithms([jamguard::jose::Algorithm::HS256])
        .clock(jamguard::testing::ManualClock::at(NOW))
        .build()
        .unwrap();
    let claims = serde_json::json!({});
    let issued = as_text.jwt().unwrap().issue(&claims);
    let token = as_text.block_on(issued).unwrap();
    as_text.block_on(verifier.verify(token.expose())).unwrap();
}

/// What a builder refuses is told at its place, by its own kind.
#[test]
fn what_a_builder_refuses_has_its_place_and_kind() {
    for (text, kind, wanted) in [
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='short'",
            ErrorKind::InvalidKey,
            ":3: jam.jwt.secret: ",
        ),
        (
            "[jam.jwt]\nalgorithm='ES256'\nsecret='${SECRET}'",
            ErrorKind::InvalidKey,
            ":3: jam.jwt.secret: ",
        ),
        (
            "[jam.jwt]\nsecret='${SECRET}'",
            ErrorKind::Configuration,
            ":1: jam.jwt: the key 'algorithm' is missing",
        ),
        (
            "[jam.jwt]\nissuer='a'",
            ErrorKind::Configuration,
            ":1: jam.jwt: there is no key",
        ),
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nlifetime='0s'",
            ErrorKind::Configuration,
            ":1: jam.jwt: tokens would expire at once",
        ),
        (
            "[jam.verifiers.a]\nalgorithms=['ES256']",
            ErrorKind::Configuration,
            "jam.verifiers.a: no keys",
        ),
        (
            "[jam.verifiers.a]\nalgorithms=['ES256']\njwks_url='http://a.example'",
            ErrorKind::Configuration,
            "jam.verifiers.a: ",
        ),
        (
            "[jam.verifiers.a]\nalgorithms=['ES256']\njwks='[]'",
            ErrorKind::InvalidKey,
            ":3: jam.verifiers.a.jwks: ",
        ),
        (
            "[jam.apps.a]\napp_id='a/b'",
            ErrorKind::Configuration,
            "jam.apps.a: the app id must be",
        ),
        (
            "[jam.sessions]\nstore='memory'\nidle_timeout='1ms'",
            ErrorKind::Configuration,
            "jam.sessions: the idle timeout",
        ),
        (
            "[jam.sessions]\nstore='memory'\nencryption={key='${SECRET}'}",
            ErrorKind::InvalidKey,
            ".encryption.key: a sealing key is 32 random bytes",
        ),
        (
            "[jam.lists.a]\nkind='deny'\nstore='memory'\nleeway='2h'",
            ErrorKind::Configuration,
            "jam.lists.a: the list's leeway",
        ),
        (
            "[jam.lists.'a b']\nkind='deny'\nstore='memory'",
            ErrorKind::Configuration,
            "jam.lists.a b: a name in a store",
        ),
        (
            "[jam.stores.a]\nredis={url='http://${SECRET}'}",
            ErrorKind::Configuration,
            "jam.stores.a.redis: ",
        ),
        (
            "[jam.stores.a]\n",
            ErrorKind::Configuration,
            "say what keeps the records: 'memory', 'file', 'redis'",
        ),
        (
            "[jam]\nunmatched='deny'\nguards=[{path='/a', policy='scope:'}]",
            ErrorKind::Configuration,
            "jam.guards.0: the rule '* /a' of the route table: column",
        ),
        (
            "[jam]\nunmatched='deny'\nguards=[{path='/a', public=true}, {path='/a', policy='authenticated'}]",
            ErrorKind::Configuration,
            "jam.guards: the rule '* /a'",
        ),
        (
            "[jam.authenticator]\n",
            ErrorKind::Configuration,
            "jam.authenticator: nothing to verify with",
        ),
    ] {
        let error = jam(text).err().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(error.kind(), kind, "{text}\n{error}");
        assert!(error.message().contains(wanted), "{text}\n{error}");
        message::<()>(Err(error));
    }
}

/// The issue of a value in the wrong place: it is not shown, however it got there.
#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    for key in [
        "log_level",
        "unmatched",
        "guards",
        "jwt",
        "keep_encoded_slashes",
        "stores",
        "sessions",
        "authenticator",
        "refresh_tokens",
    ] {
        refusal(&format!("[jam]\n{key}='${{SECRET}}'"));
    }
    for (section, keys) in [
        (
            "jwt",
            &[
                "algorithm",
                "lifetime",
                "leeway",
                "private_key",
                "key_ring",
                "danger_lifetime_over_a_year",
            ][..],
        ),
        (
            "verifiers.a",
            &[
                "discover",
                "jwks_url",
                "jwks",
                "jwks_file",
                "key_set",
                "algorithms",
                "keys",
                "leeway",
            ],
        ),
        ("lists.a", &["kind", "store", "max_token_lifetime"]),
        (
            "authenticator",
            &[
                "sources",
                "claim_paths",
                "apps",
                "silent_refresh",
                "enrichment_store",
            ],
        ),
        ("stores.a", &["memory", "file", "redis", "near"]),
        ("stores.a.redis", &["url", "url_file", "timeout"]),
        ("apps.a", &["key_set", "leeway"]),
    ] {
        for key in keys {
            refusal(&format!("[jam.{section}]\n{key}='${{SECRET}}'"));
        }
    }
}

/// A document of the application's own.
#[test]
fn variables_count_inside_the_pointer_alone() {
    let text = format!("{JWT}\n[elsewhere]\nx = '${{NOPE}}'\n");
    assert!(jam(&text).is_ok());
    let document = Document::from_str(&text, Format::Toml)
        .unwrap()
        .with_variables(variable);
    assert!(message(document.read::<Value>("elsewhere")).contains("NOPE"));
    assert!(message(document.read::<Value>("")).contains("elsewhere.x"));
    assert_eq!(document.read::<Value>("jam.jwt").unwrap()["secret"], SECRET);
}
