//! A DPoP proof.
//!
//! Oracle: a second reader applies RFC 9449 section 4.3, with the crate url for `htu`; a proof is accepted
//! once.
//!
//! The first byte selects what the rest is: a proof as it is sent, the header or the claims of a signed
//! one, or `htu`.

use crate::common::{self, AUDIENCE, HMAC, ISSUER, NOW, block_on, clock, sign, verifier};
use crate::{Verdict, strict};
use jamguard::jose::{Algorithm, Jwk, SigningKey};
use jamguard::{Authenticator, Dpop, DpopRequest};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use url::Url;

pub const WORDS: &[&str] = &[
    "\"jti\":\"JTI\"",
    "\"htm\":\"GET\"",
    "\"htu\":\"https://api.example/a\"",
    "\"iat\":1767225600",
    "\"iat\":1767225660",
    "\"iat\":1767225661",
    "\"ath\":\"ATH\"",
    "\"typ\":\"dpop+jwt\"",
    "\"typ\":\"application/DPoP+JWT\"",
    "\"alg\":\"ES256\"",
    "\"jwk\":JWK",
    "\"d\":\"AQAB\"",
    "\"nonce\":\"a\"",
    "HTTPS://API.example:443/%61",
    "https://api.example/b/../a",
    "?q#f",
    "%2e",
    "%2F",
    "\\u0061",
];

const URL: &str = "https://api.example/a";

struct World {
    auth: Authenticator,
    key: SigningKey,
    jwk: Value,
    token: String,
    hash: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::from_jwk(Algorithm::ES256, super::compact::P256).unwrap();
    let public: Jwk = key.verifying_key().unwrap().to_jwk().unwrap().clone();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": NOW + 600,
        "cnf": {"jkt": public.thumbprint().unwrap()},
    });
    let token = sign(&HMAC, br#"{"alg":"HS256"}"#, claims.to_string().as_bytes());
    let dpop = Dpop::builder().public_url("https://api.example").clock(clock()).build().unwrap();
    let auth =
        Authenticator::builder().verifier(verifier()).dpop(dpop).clock(clock()).build().unwrap();
    let hash = common::encode(common::sha256(token.as_bytes()));
    World { auth, key, jwk: serde_json::from_str(&public.to_json()).unwrap(), token, hash }
});

/// Makes the `jti` of each input new.
static PROOFS: AtomicU64 = AtomicU64::new(0);

pub fn run(data: &[u8]) -> Verdict {
    let world = &*WORLD;
    let Some((&selected, rest)) = data.split_first() else {
        return Verdict::Refused;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return Verdict::Refused;
    };
    let id = PROOFS.fetch_add(1, Ordering::Relaxed).to_string();
    let jwk = world.jwk.to_string();
    let filled = |text: &str| {
        text.replace("JTI", &id).replace("ATH", &world.hash).replace("JWK", &jwk).into_bytes()
    };
    let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": world.jwk});
    let mut claims = json!({"jti": id, "htm": "GET", "htu": URL, "iat": NOW, "ath": world.hash});
    let (header, claims) = match selected % 4 {
        0 => {
            // Only what the key signed is accepted, and this text was never signed by it.
            let answer = ask(world, text);
            assert!(answer.is_err(), "{text}");
            return Verdict::Refused;
        }
        1 => (filled(text), claims.to_string().into_bytes()),
        2 => (header.to_string().into_bytes(), filled(text)),
        _ => {
            claims["htu"] = text.into();
            (header.to_string().into_bytes(), claims.to_string().into_bytes())
        }
    };
    let proof = sign(&world.key, &header, &claims);
    let answer = ask(world, &proof);
    let shown =
        || format!("{} {}", String::from_utf8_lossy(&header), String::from_utf8_lossy(&claims));
    let may = header_fits(world, &header) && claims_fit(world, &claims) && proof.len() <= 8 * 1024;
    match &answer {
        Ok(()) => {
            assert!(may, "{}", shown());
            assert!(ask(world, &proof).is_err(), "a proof is accepted twice");
        }
        Err(error) => {
            // `url` repairs many spellings of a URL, and ids may have been used before.
            let excused = selected % 4 > 1;
            assert!(!may || excused, "{}: {error}", shown());
        }
    }
    Verdict::of(&answer)
}

fn ask(world: &World, proof: &str) -> Result<(), jamguard::Error> {
    let request = DpopRequest::new("GET", URL, proof);
    block_on(world.auth.authenticate_dpop(&world.token, request)).map(drop)
}

fn header_fits(world: &World, header: &[u8]) -> bool {
    let Some(header) = strict::object(header) else {
        return false;
    };
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let text = |name: &str| header.get(name).is_none_or(Value::is_string);
    let cty = header.get("cty").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let kid = header.get("kid").and_then(Value::as_str).unwrap_or_default();
    (typ == "dpop+jwt" || typ == "application/dpop+jwt")
        && header.get("alg").is_some_and(|alg| alg == "ES256")
        && ["crit", "b64", "zip", "enc"].iter().all(|name| !header.contains_key(*name))
        && text("kid")
        && kid.len() <= 256
        && !kid.chars().any(char::is_control)
        && cty != "jwt"
        && cty != "application/jwt"
        && header.get("jwk").and_then(Value::as_object).is_some_and(|jwk| is_key(world, jwk))
}

/// Whether this is the key, which verifies signatures.
fn is_key(world: &World, jwk: &Map<String, Value>) -> bool {
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let usual = ["kty", "crv", "x", "y", "use", "alg"];
    let same = ["kty", "crv", "x", "y"].iter().all(|name| jwk.get(*name) == world.jwk.get(name));
    same && private.iter().all(|name| !jwk.contains_key(*name))
        // What further members may say is the target `jwk`'s question.
        && (jwk.keys().all(|name| usual.contains(&&**name))
            && jwk.get("use").is_none_or(|name| name == "sig" || name.is_null())
            && jwk.get("alg").is_none_or(|name| name == "ES256" || name.is_null())
            || jamguard::jose::VerifyingKey::from_jwk(&json!(jwk).to_string()).is_ok())
}

fn claims_fit(world: &World, claims: &[u8]) -> bool {
    let Some(claims) = strict::object(claims) else {
        return false;
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let iat = claims.get("iat").and_then(Value::as_f64).map(f64::floor);
    let is_ours = |url: &str| {
        let Ok(mut url) = Url::parse(url) else { return false };
        url.set_query(None);
        url.set_fragment(None);
        unescaped(url.as_str()) == unescaped(URL)
    };
    text("jti").is_some_and(|id| (1..=256).contains(&id.len()))
        && text("htm") == Some("GET")
        && text("htu").is_some_and(is_ours)
        && text("ath") == Some(&world.hash)
        && iat.is_some_and(|iat| (iat - NOW as f64).abs() <= 60.0)
        && claims.get("nonce").is_none_or(Value::is_string)
}

/// Decodes escapes of unreserved characters (RFC 3986 section 6.2.2.2).
fn unescaped(url: &str) -> String {
    let mut out = String::new();
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let digits = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits.map(char::from) {
            Some(c) if c.is_ascii_alphanumeric() || "-._~".contains(c) => {
                out.push(c);
                rest = &after[2..];
            }
            _ => {
                out.push('%');
                rest = after;
            }
        }
    }
    out + rest
}
