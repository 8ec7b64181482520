//! Keys and names that are none, or do not go together.

use crate::files::{builder, message, refusal};
use crate::support::folder::Folder;
use jamguard::Jamguard;
use jamguard::config::Format;
use std::fs;

#[test]
fn an_unknown_key_is_told_with_file_line_key_and_the_nearest_known_one() {
    let folder = Folder::new("unknown-key");
    for (name, text, place) in [
        ("a.toml", "[jam.jwt]\nalgorithm = 'HS256'\n\nissuerr = 'x'\n", "a.toml:4"),
        ("b.yaml", "jam:\n  jwt:\n    algorithm: HS256\n    issuerr: x\n", "b.yaml:4"),
        (
            "c.json",
            "{\"jam\": {\n\"jwt\": {\n\"algorithm\": \"HS256\",\n\"issuerr\": 1\n}}}",
            "c.json:4",
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let message = message(Jamguard::from_file(&path));
        let wanted = format!("{place}: jam.jwt.issuerr: unknown key: did you mean 'issuer'?");
        assert!(message.ends_with(&wanted), "{message}");
    }
    let far = refusal("[jam.jwt]\nzzz = 1");
    assert!(
        far.contains("unknown key: known are algorithm, key_id, key_ring, deny_lists"),
        "{far}"
    );
    let deep = refusal("[jam.stores.main]\nredis = { url = 'redis://localhost', prefx = 'a' }");
    assert_eq!(
        deep,
        "configuration:2: jam.stores.main.redis.prefx: unknown key: did you mean 'prefix'?"
    );
    let top = refusal("[jam]\nverifier = {}");
    assert!(top.contains("jam.verifier: unknown key: did you mean 'verifiers'?"), "{top}");
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
        ("[jam.jwt]\nlifetime = 15", ":2: jam.jwt.lifetime: this must be a duration with its unit"),
        (
            "[jam.jwt]\nlifetime = 'long'",
            ":2: jam.jwt.lifetime: this must be a duration with its unit",
        ),
        (
            "[jam.jwt]\nsecret = 15",
            ":2: jam.jwt.secret: this must be a string, and is a whole number",
        ),
        ("[jam.jwt]\nissuer = ['a']", ":2: jam.jwt.issuer: this must be a string, and is a list"),
        ("[jam.jwt]\naudience = ['a', 1]", ":2: jam.jwt.audience.1: this must be a string"),
        (
            "[jam.jwt]\naudience = true",
            ":2: jam.jwt.audience: this must be a string or a list of strings",
        ),
        ("[jam]\njwt = 'x'", ":2: jam.jwt: this must be a table, and is a string"),
        ("[jam]\njwt = ['HS256']", ":2: jam.jwt: this must be a table, and is a list"),
        ("[jam]\nguards = 'x'", ":2: jam.guards: this must be a list, and is a string"),
        ("[jam]\nkeep_encoded_slashes = 'yes'", ": this must be true or false, and is a string"),
        (
            "[jam.authenticator]\nverification_pool = { threads = -1 }",
            ":2: jam.authenticator.verification_pool.threads: ",
        ),
        ("[jam.verifiers.a]\ncache_bytes = -1", ":2: jam.verifiers.a.cache_bytes: "),
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
        ("[jam.verifiers.a]\nalgorithms = ['ES513']", "did you mean 'ES512'?"),
        (
            "[jam.lists.a]\nkind = 'block'\nstore = 'memory'",
            ":2: jam.lists.a.kind: this must be one of deny, allow",
        ),
        ("[jam.lists.a]\nkind = 'deny'", ":1: jam.lists.a: the key 'store' is missing"),
        ("[jam]\nunmatched = 'no'", ":2: jam.unmatched: this must be one of deny, allow"),
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
            ":2: jam.authenticator.sources.1.header: this must be a string",
        ),
        (
            "[jam.authenticator]\nsources = ['basic']",
            ":2: jam.authenticator.sources.0: this must be one of bearer, dpop, header",
        ),
        (
            "[jam.authenticator]\nsources = [{header='a', cookie='b'}]",
            ": this must be a table with exactly one key",
        ),
        (
            "[jam.authenticator]\nclaim_paths = { roles = [1] }",
            ".roles.0: this must be a claim such as \"realm_access.roles\", or a list of names, and is a \
             whole number",
        ),
        (
            "[jam.authenticator]\nclaim_paths = { roles = [['a', 1]] }",
            ".roles.0.1: this must be a string, and is a whole number",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text}\n{message}");
    }
}

/// Keys that conflict are errors, such as both `secret` and `secret_file`.
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
            ":4: jam.jwt.key_ring: a key is given too",
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
            "[jam.verifiers.a]\njwks_url='https://a.example'\ndiscover_at='https://b.example'",
            ":3: jam.verifiers.a.discover_at: it goes with 'discover'",
        ),
        (
            "[jam.verifiers.a]\naws_alb_keys_url='https://a.example'",
            ":2: jam.verifiers.a.aws_alb_keys_url: it goes with 'aws_alb'",
        ),
        (
            "[jam.verifiers.a]\naws_alb='arn:of:nothing'",
            ":2: jam.verifiers.a.aws_alb: '…' is not the ARN",
        ),
        (
            "[jam.verifiers.a]\njwks_url='https://a.example'\n[jam.verifiers.a.key_set]\n\
             danger_plain_http_hosts='http://a'",
            ":3: jam.verifiers.a.key_set: '…' in danger_plain_http_hosts is not a host",
        ),
        (
            "[jam.verifiers.a]\njwks_url='https://a.example'\nkey_set={ca_file='/nowhere.pem'}",
            ":3: jam.verifiers.a.key_set.ca_file: the file that this key names",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\nprovider='github'\ndiscover_at='https://a.example'",
            ":4: jam.oauth2.a.discover_at: it goes with 'discover'",
        ),
        (
            "[jam.stores.a]\nmemory={}\nfile={path='x'}",
            ":3: jam.stores.a.file: 'memory' is given too",
        ),
        (
            "[jam.stores.a]\nredis={url='redis://a', url_file='x'}",
            ".redis.url_file: 'url' is given too",
        ),
        ("[jam.stores.a.redis]\nurl='redis://a'\nclient_key_file='x'", "give both or neither"),
        (
            "[jam.sessions]\nstore='memory'\nencryption={key='a', key_file='b'}",
            ".encryption.key_file: 'key' is given too",
        ),
        ("[jam.key_rings.a]\nalgorithm='ES256'\nstore='memory'", "give it 'sealing' with a key"),
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
            ":2: jam.guards: 'guards' without 'unmatched'",
        ),
        ("[jam]\nkeep_encoded_slashes=true", ":2: jam.keep_encoded_slashes: there are no 'guards'"),
        (
            "[jam.verifiers.a]\njwks='{}'\nkey_ring='a'",
            ":3: jam.verifiers.a.key_ring: 'jwks' is given too",
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
            "[jam.oauth2.a]\nclient_id='a'\ndiscover='https://a.example'\nissuer='https://b.example'",
            ":4: jam.oauth2.a.issuer: 'discover' is given too",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\ndiscover='https://a.example'\nuserinfo='http://a.example'",
            "plain http",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\nredirect_url='https://a.example'\nlogin={parameters={state='x'}}\n[jam.sessions]\nstore='memory'",
            "jam.oauth2.github.login: the parameter 'state'",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\nauthorize_url='https://a.example'",
            "'authorize_url' goes with 'token_url'",
        ),
        (
            "[jam.oauth2.a]\nclient_id='a'\ntoken_url='https://a.example'",
            ":3: jam.oauth2.a.token_url: it goes with 'authorize_url'",
        ),
        ("[jam.oauth2.a]\nclient_id='a'", ":1: jam.oauth2.a: no provider: set 'provider'"),
        (
            "[jam.oauth2.github]\nclient_id='a'\nsecret='b'\nsecret_file='c'",
            ":4: jam.oauth2.github.secret_file: 'secret' is given too",
        ),
        ("[jam.oauth2.github]\nclient_id='a'\nlogin={}", "a login needs a session or a token"),
        (
            "[jam.oauth2.github]\nclient_id='a'\nredirect_url='https://a.example'\nlogin={into_jwt='x'}\n[jam.sessions]\nstore='memory'",
            ".login.into_jwt: there is no issuer of this name",
        ),
        (
            "[jam.oauth2.github]\nclient_id='a'\nlogin={}\n[jam.sessions]\nstore='memory'",
            "jam.oauth2.github.login: the client has no redirect URL",
        ),
        ("[jam.oauth2.github]\nclient_id='a'\ntoken_source={}", "jam.oauth2.github.token_source: "),
        ("[jam.otp]\nkind='hotp'\nperiod='30s'", "jam.otp: HOTP has no period"),
        ("[jam.otp]\ndigits=5", "jam.otp: a one-time password of 5 digits"),
        (
            "[jam.second_factor]\nstore='memory'\nissuer='a:b'\nsealing={key='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}",
            "jam.second_factor: a second factor needs a name",
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

/// A setting that works on nothing is no setting: what it needs is told.
#[test]
fn a_setting_that_works_on_nothing_is_told() {
    let jwt = "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\n";
    let sessions = "[jam.sessions]\nstore='memory'\n";
    let app = "[jam.apps.a]\napp_id='a'\n";
    for (others, setting, wanted) in [
        (jwt, "enrichment_ttl='1s'", "call .enrich(…) too"),
        (jwt, "enrichment_store='memory'", "call .enrich(…) too"),
        (jwt, "session_cookie={}", "call .sessions(…) too"),
        (jwt, "sources=['session']", "call .sessions(…) too"),
        (
            &format!("{app}{sessions}"),
            "outage_grace='1h'",
            "call .sessions(…) and .silent_refresh(…) too",
        ),
        (
            app,
            "outage_grace='1h'\nsilent_refresh='a'\nlogin_cookies={}",
            "call .sessions(…) and .silent_refresh(…) too",
        ),
        (app, "silent_refresh='a'", "or .sessions(…) too"),
    ] {
        let message = refusal(&format!("{others}[jam.authenticator]\n{setting}"));
        assert!(
            message.contains("jam.authenticator: ") && message.contains(wanted),
            "{setting}\n{message}"
        );
    }
}

#[test]
fn a_key_that_stands_twice_is_told() {
    for (format, text, line) in [
        (Format::Toml, "[jam.jwt]\nissuer='a'\nissuer='b'", ":3"),
        (Format::Yaml, "jam:\n  jwt:\n    issuer: a\n    issuer: b", ":4"),
        (Format::Json, "{\"jam\": {\"jwt\": {\"issuer\": \"a\",\n\"issuer\": \"b\"}}}", ":2"),
    ] {
        let message = message(builder().from_str(text, format));
        assert!(message.contains(line), "{format:?} {message}");
    }
}

/// A key without a value is no key that was left out: what it is for would be off, and nobody told.
#[test]
fn a_missing_value_is_told_and_switches_nothing_off() {
    let yaml = |text: &str| builder().from_str(text, Format::Yaml);
    let json = |text: &str| builder().from_str(text, Format::Json);
    for (text, wanted) in [
        (
            "jam:\n  sessions:\n    store: memory\n    encryption:\n",
            ":4: jam.sessions.encryption: a value is missing",
        ),
        (
            "jam:\n  jwt:\n    algorithm: HS256\n    secret: ${SECRET}\n    deny_lists: ~\n",
            ":5: jam.jwt.deny_lists: a value is missing",
        ),
        (
            "jam:\n  verifiers:\n    a:\n      audience: null\n      algorithms: ES256\n",
            ":4: jam.verifiers.a.audience: a value is missing",
        ),
        (
            "jam:\n  stores:\n    main:\n      memory:\n",
            ":4: jam.stores.main.memory: a value is missing: give one, {} for a section",
        ),
        (
            "jam:\n  authenticator:\n    sources: [{bearer: }]\n",
            ":3: jam.authenticator.sources.0.bearer: a value is missing",
        ),
        ("jam:\n  guards:\n", ":2: jam.guards: a value is missing"),
        ("jam:\n", ":1: jam: the pointer must lead to a table"),
    ] {
        let message = message(yaml(text));
        assert!(message.contains(wanted), "{text}\n{message}");
    }
    let message = message(json("{\"jam\": {\"jwt\": {\"deny_lists\": [null]}}}"));
    assert!(message.contains("jam.jwt.deny_lists.0: a value is missing"), "{message}");
    let given = "jam:\n  stores: {main: {memory: {}}}\n  sessions: {store: main}\n";
    yaml(given).unwrap().sessions().unwrap();
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
        ("[jam.jwt]\nkey_ring='a'", ":2: jam.jwt.key_ring: there is no key ring of this name"),
        (
            "[jam.verifiers.a]\nkey_ring='a'",
            ":2: jam.verifiers.a.key_ring: there is no key ring of this name",
        ),
        (
            "[jam.authenticator]\nverifiers='a'",
            ":2: jam.authenticator.verifiers: there is no verifier of this name",
        ),
        ("[jam.authenticator]\napps='a'", "there is no app of this name"),
        ("[jam.authenticator]\nsilent_refresh='a'", "there is no app of this name"),
        ("[jam.login]\napp='a'", "there is no app of this name"),
        ("[jam.login]\nhome='/'", "no single app: name one"),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text}\n{message}");
    }
}
