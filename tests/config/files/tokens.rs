//! Tokens, keys and verifiers, configured by a file.

use crate::files::{NOW, SECRET, builder, jam};
use crate::support::folder::Folder;
use jamguard::config::Format;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{ErrorKind, Jamguard};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

const JWT: &str = "
    [jam.jwt]
    algorithm = 'HS256'
    secret = '${SECRET}'
    lifetime = '1h'
";

fn payload(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// `jwt_make_payload(exp, data)`: flat claims with `jti` (UUID v4), `iat`, `exp` = now + exp (None:
/// the configured default), then the data, which may not override `jti`, `iat` or `exp`.
#[test]
fn jwt_make_payload() {
    let jam = jam(JWT).unwrap();
    let jwt = jam.jwt().unwrap();
    let claims = jwt.claims(&json!({"user": "ann"})).unwrap();
    let id = claims.token_id();
    assert_eq!(id.len(), 36);
    let value = serde_json::to_value(&claims).unwrap();
    assert_eq!(value, json!({"jti": id, "iat": NOW, "exp": NOW + 3600, "user": "ann"}));
    let own = jwt.claims_for(Duration::from_secs(60), &json!({})).unwrap();
    assert_eq!(serde_json::to_value(&own).unwrap()["exp"], NOW + 60);
    for name in ["jti", "iat", "exp"] {
        let refused = jwt.claims(&json!({name: 1})).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
    }
}

/// `jwt_create_token(payload)` signs any serializable claims under `{"alg","typ":"JWT"}`, with
/// `kid` where the issuer has one. With an allow list the token is entered at creation.
#[tokio::test]
async fn jwt_create_token() {
    let listed = format!(
        "{JWT}
        key_id = '2026'
        allow_lists = 'known'
        [jam.lists.known]
        kind = 'allow'
        store = 'memory'
        "
    );
    let jam = jam(&listed).unwrap();
    let jwt = jam.jwt().unwrap();
    let token = jwt.issue(&json!({"sub": "42"})).await.unwrap();
    let verified = jwt.verifier().verify(token.expose()).await.unwrap();
    assert_eq!(verified.header().unwrap().algorithm(), Algorithm::HS256);
    assert_eq!(verified.header().unwrap().token_type(), Some("JWT"));
    assert_eq!(verified.header().unwrap().key_id(), Some("2026"));
    let list = jam.list("known").unwrap();
    assert!(list.contains(&verified).await.unwrap());
    list.revoke(&verified).await.unwrap();
    let refused = jwt.verifier().verify(token.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotListed);
}

/// `jwt_verify_token(token, check_exp, check_list)`: both checks are on by default, and switching
/// one off has `danger` in its name.
#[tokio::test]
async fn jwt_verify_token() {
    let clock = ManualClock::at(NOW);
    let listed = format!(
        "{JWT}
        deny_lists = 'denied'
        [jam.lists.denied]
        kind = 'deny'
        store = 'memory'
        [jam.verifiers.lenient]
        any_audience = true
        algorithms = ['HS256']
        keys = [{{ algorithm = 'HS256', secret = '${{SECRET}}' }}]
        danger_accept_expired = true
        "
    );
    let jam = builder().clock(clock.clone()).from_str(&listed, Format::Toml).unwrap();
    let jwt = jam.jwt().unwrap();
    let token = jwt.issue(&json!({"sub": "42"})).await.unwrap();
    let verified = jwt.verifier().verify(token.expose()).await.unwrap();
    jam.list("denied").unwrap().revoke(&verified).await.unwrap();
    let verify = async |verifier: jamguard::Verifier| {
        let verified = verifier.verify(token.expose()).await;
        verified.map(drop).map_err(|error| error.kind())
    };
    assert_eq!(verify(jwt.verifier()).await, Err(ErrorKind::Revoked));
    assert_eq!(verify(jwt.verifier().danger_without_lists()).await, Ok(()));
    clock.advance(Duration::from_secs(3600 + 61));
    assert_eq!(verify(jwt.verifier().danger_without_lists()).await, Err(ErrorKind::Expired));
    let lenient = jam.verifier("lenient").unwrap();
    assert_eq!(verify(lenient.clone()).await, Ok(()));
    assert_eq!(verify(jwt.verifier()).await, Err(ErrorKind::Expired));
}

/// The algorithms HS, RS and PS 256/384/512, ES256/384/512, EdDSA and its newer name `Ed25519`.
#[tokio::test]
async fn every_algorithm() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let material = match algorithm.name().starts_with("HS") {
            true => format!("secret = '{SECRET}{SECRET}'"),
            false => format!("private_key = '''{}'''", key.expose_private_pem().unwrap().expose()),
        };
        let name = algorithm.name();
        let jam = jam(&format!("[jam.jwt]\nalgorithm = '{name}'\n{material}")).unwrap();
        let jwt = jam.jwt().unwrap();
        let token = jwt.issue(&json!({})).await.unwrap();
        let verified = jwt.verifier().verify(token.expose()).await.unwrap();
        assert_eq!(verified.header().unwrap().algorithm(), algorithm);
    }
}

/// The key decides the algorithm, never the token.
#[tokio::test]
async fn the_algorithm_is_pinned_by_the_key() {
    let jam = jam(JWT).unwrap();
    let secret = format!("{SECRET:-<64}");
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let key = SigningKey::from_secret(algorithm, secret.as_bytes()).unwrap();
        let token = mint(&key, &json!({"exp": NOW + 60})).unwrap();
        let refused = jam.jwt().unwrap().verifier().verify(&token).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UnknownKey, "{refused}");
    }
}

/// Keys: a secret (at least as long as the hash), PEM (PKCS#8, PKCS#1, SEC1), DER, JWK, or a file
/// that is named as such (`secret_file`, `private_key_file`).
#[tokio::test]
async fn keys_of_each_form_inside_the_file_and_beside_it() {
    let folder = Folder::new("key-forms");
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(path, content).unwrap();
    };
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let pem = key.expose_private_pem().unwrap();
    let jwk = key.expose_private_jwk().unwrap();
    let der = {
        use base64::Engine as _;
        let body: String = pem.expose().lines().filter(|line| !line.starts_with('-')).collect();
        base64::engine::general_purpose::STANDARD.decode(body).unwrap()
    };
    write("key.pem", pem.expose().as_bytes());
    write("key.der", &der);
    write("key.jwk", jwk.expose().as_bytes());
    write("secret", SECRET.as_bytes());
    write("secret.line", format!("{SECRET}\n").as_bytes());
    write("secret.crlf", format!("{SECRET}\r\n").as_bytes());
    write("public.pem", key.verifying_key().unwrap().to_pem().unwrap().as_bytes());
    let public_jwk = key.verifying_key().unwrap().to_jwk().unwrap().to_json();
    write("public.jwk", public_jwk.as_bytes());
    write("keys.json", format!("{{\"keys\": [{public_jwk}]}}").as_bytes());
    let load = |jwt: &str, rest: &str| -> Jamguard {
        let path = folder.path().join("jam.toml");
        fs::write(&path, format!("[jam.jwt]\n{jwt}\n{rest}")).unwrap();
        builder().from_file(&path).unwrap()
    };
    let of_secret = load(&format!("algorithm = 'HS256'\nsecret = '{SECRET}'"), "");
    let token = of_secret.jwt().unwrap().issue(&json!({"a": 1})).await.unwrap();
    for file in ["secret", "secret.line", "secret.crlf"] {
        let jam = load(&format!("algorithm = 'HS256'\nsecret_file = '{file}'"), "");
        jam.jwt().unwrap().verifier().verify(token.expose()).await.expect(file);
    }
    let verifiers = format!(
        "
        [jam.verifiers.set]
        any_audience = true
        algorithms = ['ES256']
        jwks_file = 'keys.json'
        [jam.verifiers.text]
        any_audience = true
        algorithms = ['ES256']
        jwks = '{{\"keys\": [{public_jwk}]}}'
        [jam.verifiers.pem]
        any_audience = true
        algorithms = ['ES256']
        keys = [{{ algorithm = 'ES256', public_key_file = 'public.pem' }}]
        [jam.verifiers.jwk]
        any_audience = true
        algorithms = ['ES256']
        keys = [{{ public_key_file = 'public.jwk' }}]
        [jam.verifiers.inline]
        any_audience = true
        algorithms = ['ES256']
        keys = [{{ public_key = '{public_jwk}', key_id = 'renamed' }}]
        "
    );
    for jwt in [
        "private_key_file = 'key.pem'".to_owned(),
        "private_key_file = 'key.der'".to_owned(),
        "private_key_file = 'key.jwk'".to_owned(),
        format!("private_key_file = '{}'", folder.path().join("key.pem").display()),
        format!("private_key = '''{}'''", pem.expose()),
        format!("private_key = '''{}'''", jwk.expose()),
    ] {
        let jam = load(&format!("algorithm = 'ES256'\n{jwt}"), &verifiers);
        let token = jam.jwt().unwrap().issue(&json!({"sub": "42"})).await.unwrap();
        for name in ["set", "text", "pem", "jwk"] {
            let verified = jam.verifier(name).unwrap().verify(token.expose()).await;
            assert_eq!(verified.expect(name).subject(), Some("42"));
        }
        let renamed = jam.verifier("inline").unwrap().verify(token.expose()).await;
        assert_eq!(renamed.unwrap_err().kind(), ErrorKind::UnknownKey);
    }
}

/// PEM text (PKCS#8, PKCS#1, SEC1), as OpenSSL wrote it.
#[tokio::test]
async fn private_keys_in_each_form_of_pem() {
    let keys: Value = serde_json::from_str(include_str!("../../vectors/keys.json")).unwrap();
    for (algorithm, name, form, label) in [
        ("RS256", "rsa", "pkcs8", "-----BEGIN PRIVATE KEY"),
        ("PS512", "rsa", "traditional", "-----BEGIN RSA PRIVATE KEY"),
        ("ES256", "p256", "pkcs8", "-----BEGIN PRIVATE KEY"),
        ("ES384", "p384", "traditional", "-----BEGIN EC PRIVATE KEY"),
        ("EdDSA", "ed25519", "pkcs8", "-----BEGIN PRIVATE KEY"),
    ] {
        let pem = keys[name][form].as_str().unwrap();
        assert!(pem.starts_with(label), "{name} {form}");
        let text = format!("[jam.jwt]\nalgorithm = '{algorithm}'\nprivate_key = '''{pem}'''");
        let jam = jam(&text).unwrap();
        let jwt = jam.jwt().unwrap();
        let token = jwt.issue(&json!({"sub": "42"})).await.unwrap();
        let verified = jwt.verifier().verify(token.expose()).await.unwrap();
        assert_eq!(verified.subject(), Some("42"), "{name} {form}");
    }
}

/// `exp` and `iat` that other systems wrote as floats verify.
#[tokio::test]
async fn dates_with_fractions_verify() {
    let jam = jam(JWT).unwrap();
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
    let claims = json!({"iat": NOW as f64 - 0.5, "exp": NOW as f64 + 60.25});
    let token = mint(&key, &claims).unwrap();
    jam.jwt().unwrap().verifier().verify(&token).await.unwrap();
}

/// A missing key, a wrong key type, a bad signature, an expired or not yet valid token, one in the
/// deny list, one missing from the allow list, a malformed one: each has its own error kind.
#[tokio::test]
async fn each_error_is_of_its_own_kind() {
    let kind = |text: &str| jam(text).err().unwrap().kind();
    assert_eq!(kind("[jam.jwt]\nalgorithm = 'HS256'"), ErrorKind::Configuration);
    let wrong = "[jam.jwt]\nalgorithm = 'ES256'\nsecret = '${SECRET}'";
    assert_eq!(kind(wrong), ErrorKind::InvalidKey);

    let jam = jam(&format!(
        "{JWT}
        deny_lists = 'denied'
        [jam.lists.denied]
        kind = 'deny'
        store = 'memory'
        [jam.lists.allowed]
        kind = 'allow'
        store = 'memory'
        [jam.verifiers.listed]
        any_audience = true
        algorithms = ['HS256']
        keys = [{{ algorithm = 'HS256', secret = '${{SECRET}}' }}]
        allow_lists = 'allowed'
        "
    ))
    .unwrap();
    let verifier = jam.jwt().unwrap().verifier();
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
    let good = mint(&key, &json!({"exp": NOW + 60, "jti": "a"})).unwrap();
    let verify = async |token: &str| verifier.verify(token).await.map(drop).map_err(|e| e.kind());
    assert_eq!(verify(&good).await, Ok(()));
    let other = SigningKey::generate(Algorithm::HS256).unwrap();
    let forged = mint(&other, &json!({"exp": NOW + 60})).unwrap();
    assert_eq!(verify(&forged).await, Err(ErrorKind::BadSignature));
    let old = mint(&key, &json!({"exp": NOW - 61})).unwrap();
    assert_eq!(verify(&old).await, Err(ErrorKind::Expired));
    let early = mint(&key, &json!({"exp": NOW + 600, "nbf": NOW + 61})).unwrap();
    assert_eq!(verify(&early).await, Err(ErrorKind::NotYetValid));
    assert_eq!(verify("a.b").await, Err(ErrorKind::Malformed));
    jam.list("denied").unwrap().revoke_unverified(&good).await.unwrap();
    assert_eq!(verify(&good).await, Err(ErrorKind::Revoked));
    let listed = jam.verifier("listed").unwrap().verify(&good).await.unwrap_err();
    assert_eq!(listed.kind(), ErrorKind::NotListed);
}

/// Rings rotate, in memory and in a store.
#[tokio::test]
async fn key_rings_of_the_file() {
    let sealing = jamguard::store::SealingKeys::generate_key().unwrap();
    let clock = ManualClock::at(NOW);
    let text = format!(
        "
        [jam.jwt]
        key_ring = 'main'
        lifetime = '1h'
        [jam.key_rings.main]
        algorithm = 'ES256'
        store = 'memory'
        sealing = {{ key = '{}' }}
        rotate_every = '30 days'
        publish_ahead = '2h'
        overlap = '7 days'
        [jam.verifiers.other]
        any_audience = true
        key_ring = 'main'
        ",
        sealing.expose()
    );
    let jam = builder().clock(clock.clone()).from_str(&text, Format::Toml).unwrap();
    let jwt = jam.jwt().unwrap();
    let first = jwt.issue(&json!({})).await.unwrap();
    let ring = jam.key_ring("main").unwrap();
    assert_eq!(ring.keys().await.unwrap().len(), 1);
    clock.advance(Duration::from_secs(31 * 86_400));
    // One is published, and signs when its time has come.
    jwt.issue(&json!({})).await.unwrap();
    assert_eq!(ring.keys().await.unwrap().len(), 2);
    clock.advance(Duration::from_secs(3 * 3600));
    let second = jwt.issue(&json!({})).await.unwrap();
    let kid = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_ne!(kid(first.expose()), kid(second.expose()));
    assert_eq!(payload(second.expose())["exp"], NOW + 31 * 86_400 + 4 * 3600);
    // Whoever only verifies names the ring too.
    let verifier = jam.verifier("other").unwrap();
    verifier.verify(second.expose()).await.unwrap();
}

/// The challenges name the section's metadata, and its verifiers accept its tokens alone.
#[tokio::test]
async fn a_protected_resource_is_the_audience_of_verifiers() {
    let resource = "
        [jam.protected_resource]
        resource = 'https://app.example/mcp'
        authorization_servers = 'https://issuer.example'
    ";
    let verifier = "
        [jam.verifiers.mcp]
        algorithms = ['HS256']
        keys = [{ algorithm = 'HS256', secret = '${SECRET}' }]
        protected_resource = true
    ";
    let build = |text: &str| builder().from_str(text, Format::Toml);
    let jam = build(&format!("{resource}{verifier}")).unwrap();
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
    let verify = async |audience: &str| {
        let claims = json!({"sub": "42", "aud": audience, "exp": 4_102_444_800_u64});
        let token = mint(&key, &claims).unwrap();
        let verified = jam.verifier("mcp").unwrap().verify(&token).await;
        verified.map(drop).map_err(|error| error.kind())
    };
    assert_eq!(verify("https://app.example/mcp/").await, Ok(()));
    assert_eq!(verify("https://app.example").await, Err(ErrorKind::InvalidClaim));
    let metadata = jam.protected_resource().unwrap().metadata();
    assert!(metadata.contains("https://issuer.example"), "{metadata}");

    let error = build(verifier).unwrap_err();
    assert!(error.message().contains("add the section 'protected_resource'"), "{error}");
    assert!(build("[jam.verifiers]").unwrap().protected_resource().is_err());
    let query = "[jam.authenticator]\nsources = [{ query = 'access_token' }]";
    let error = build(&format!("{resource}{verifier}{query}")).unwrap_err();
    assert!(error.message().contains("query"), "{error}");
}

/// The rules for tokens of other authorization servers do in the file what they do in code.
#[tokio::test]
async fn the_rules_of_verifiers() {
    let verify = async |rules: &str, claims: Value| {
        let text = format!(
            "[jam.verifiers.a]
            algorithms = 'HS256'
            keys = [{{ algorithm = 'HS256', secret = '${{SECRET}}' }}]
            {rules}"
        );
        let verifier = jam(&text).unwrap().verifier("a").unwrap().clone();
        let key = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
        let verified = verifier.verify(&mint(&key, &claims).unwrap()).await;
        verified.map(drop).map_err(|error| error.kind())
    };
    let clients = "client_ids = ['web', 'app']\nclient_id_instead_of_audience = true";
    let any = "any_audience = true";
    let family = "any_audience = true
        issuer_family = { 'https://a.example/{tid}' = ['blue', 'green'] }";
    let every = "any_audience = true
        any_of_issuer_family = 'https://a.example/{tid}'";
    let of = |tenant: &str| json!({"iss": format!("https://a.example/{tenant}"), "tid": tenant, "exp": NOW + 60});
    let invalid = Err(ErrorKind::InvalidClaim);
    for (rules, claims, answer) in [
        (clients, json!({"azp": "app", "exp": NOW + 60}), Ok(())),
        (clients, json!({"azp": "other", "exp": NOW + 60}), invalid),
        (clients, json!({"azp": "app", "aud": "b", "exp": NOW + 60}), invalid),
        (family, of("green"), Ok(())),
        (family, of("red"), invalid),
        (every, of("red"), Ok(())),
        (every, json!({"iss": "https://a.example/red", "tid": "blue", "exp": NOW + 60}), invalid),
        (every, json!({"iss": "https://b.example/red", "tid": "red", "exp": NOW + 60}), invalid),
        (any, json!({"sub": 42, "exp": NOW + 60}), invalid),
        (
            "any_audience = true\nnumeric_subject = true",
            json!({"sub": 42, "exp": NOW + 60}),
            Ok(()),
        ),
        (any, json!({"exp": (NOW + 60).to_string()}), invalid),
        (
            "any_audience = true\ndanger_accept_text_dates = true",
            json!({"exp": (NOW + 60).to_string()}),
            Ok(()),
        ),
        (
            "any_audience = true\naccess_token_profile = true",
            of("green"),
            Err(ErrorKind::WrongType),
        ),
        (
            "any_audience = true\ntoken_kind = { use = 'access' }",
            of("green"),
            Err(ErrorKind::MissingClaim),
        ),
    ] {
        assert_eq!(verify(rules, claims.clone()).await, answer, "{rules} {claims}");
    }
    let undecided = "[jam.verifiers.a]
        algorithms = 'HS256'
        keys = [{ algorithm = 'HS256', secret = '${SECRET}' }]
        client_ids = 'web'";
    let error = jam(undecided).err().unwrap().to_string();
    assert!(error.contains("client_id_instead_of_audience = true"), "{error}");
    let error = jam(&format!(
        "{undecided}
        any_audience = true
        issuer_family = {{ 'https://a.example' = 'blue' }}"
    ))
    .err()
    .unwrap()
    .to_string();
    assert!(error.contains("jam.verifiers.a: ") && error.contains("is no template"), "{error}");
}
