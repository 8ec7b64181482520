//! A builder given nonsense fails at `build()` with a message that says what to do.

use jamguard::jose::{Algorithm, VerifyingKey};
use jamguard::{
    Authenticator, AuthenticatorBuilder, CredentialSource, ErrorKind, LoginCookies,
    VerificationPool, Verifier, VerifierBuilder,
};
use std::time::Duration;

fn key() -> VerifyingKey {
    VerifyingKey::from_secret(Algorithm::HS256, b"at least thirty-two bytes of secret").unwrap()
}

fn sound() -> VerifierBuilder {
    Verifier::builder()
        .key(key())
        .algorithms([Algorithm::HS256])
        .issuer("https://issuer.example")
        .audience("api")
}

#[test]
fn a_verifier_of_nonsense_says_what_to_do() {
    assert!(sound().build().is_ok());
    let year = Duration::from_secs(365 * 24 * 3600);
    let nonsense = [
        (Verifier::builder().key(key()), ".algorithms("),
        (sound().algorithms([]), ".algorithms("),
        (Verifier::builder().algorithms([Algorithm::HS256]), ".jwks_url("),
        (sound().algorithms([Algorithm::ES512]), "no key is for ES512"),
        (sound().issuer(""), ".issuer("),
        (sound().audience(""), ".audience("),
        (sound().audience(" "), ".audience("),
        (Verifier::builder().key(key()).algorithms([Algorithm::HS256]), ".any_audience()"),
        (sound().any_audience(), "keep one of the two"),
        (sound().token_kind("token_use", [""; 0]), ".token_kind("),
        (sound().token_kind("", ["access"]), "empty claim name"),
        (sound().leeway(year), "issue longer tokens"),
        (sound().leeway(Duration::MAX), "issue longer tokens"),
        (sound().token_type(""), ".token_type("),
        (sound().require([""]), ".require("),
        (sound().max_token_len(0), "64 bytes"),
        (sound().max_token_len(usize::MAX), "1 MiB"),
        (sound().cache_bytes(1), "switch it off with 0"),
    ];
    for (builder, advice) in nonsense {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(advice), "'{error}' lacks '{advice}'");
    }
    assert!(sound().leeway(Duration::from_secs(3600)).build().is_ok());
}

#[test]
fn a_verification_pool_of_nonsense_says_what_to_do() {
    let sound = VerificationPool::builder;
    assert!(sound().threads(0).build().is_ok());
    let nonsense = [
        (sound().queue_length(0), ".threads(0)"),
        (sound().queue_length(1_000_001), "1,000,000"),
        (sound().threads(1025), "1024 threads"),
    ];
    for (builder, advice) in nonsense {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(advice), "'{error}' lacks '{advice}'");
    }
}

#[test]
fn a_secret_of_five_bytes_says_what_to_do() {
    let error = VerifyingKey::from_secret(Algorithm::HS256, b"12345").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.message().contains("5 bytes"), "{error}");
    assert!(error.message().contains("at least 32"), "{error}");
    assert!(!error.message().contains("12345"), "{error}");
}

#[test]
fn an_authenticator_of_nonsense_says_what_to_do() {
    let sound = || -> AuthenticatorBuilder {
        Authenticator::builder().verifier(self::sound().build().unwrap())
    };
    assert!(sound().build().is_ok());
    let nonsense = [
        (Authenticator::builder(), ".verifier("),
        (sound().source(CredentialSource::cookie("a b")), "cannot name a cookie"),
        (sound().source(CredentialSource::cookie("")), "cannot name a cookie"),
        (sound().source(CredentialSource::header("x:y")), "cannot name"),
        (sound().source(CredentialSource::header("X-Amzn-Oidc-Data")), "proxy_header("),
        (sound().source(CredentialSource::header("x-goog-iap-jwt-assertion")), "proxy_header("),
        (sound().source(CredentialSource::header("cf-access-jwt-assertion")), "proxy_header("),
        (sound().source(CredentialSource::query("")), "CredentialSource::query("),
        (sound().realm("a\r\nb"), "printable ASCII"),
        (sound().cookies(LoginCookies::new().with_names("same", "same")), "its own"),
        (
            sound().cookies(LoginCookies::new().danger_plain_http().with_names("__Host-a", "b")),
            "needs Secure",
        ),
        // What works on nothing says on what it would.
        (sound().enrichment_ttl(Duration::from_secs(1)), ".enrich("),
    ];
    for (builder, advice) in nonsense {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(advice), "'{error}' lacks '{advice}'");
    }
}
