//! Tokens to jamlib and back, in the version that `jam.Jam` of the vectors is and in today's, with
//! keys that either side made, in every form that both read.

use crate::interop::python::Python;
use crate::support::tokens::{AUDIENCE, ISSUER};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind, Issuer, Verifier};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One jamlib: `create`, `verify` and `keys` in its own calls, and how it refuses.
struct Jamlib {
    python: Python,
    reads_jwk: bool,
    bad_signature: &'static str,
    expired: &'static str,
}

impl Jamlib {
    fn two() -> Self {
        let setup = r#"
from jam import Jam
from jam.utils import generate_aes_key, generate_rsa_key_pair

def jam(alg, key):
    names = ["secret_key"] if alg.startswith("HS") else ["private_key", "public_key"]
    return Jam(config={"jwt": {"alg": alg} | {name: key for name in names}})

def create(alg, key, exp, data):
    payload = jam(alg, key).jwt_make_payload(exp, data)
    return jam(alg, key).jwt_create_token(payload)

def verify(alg, key, token):
    # Without a list configured, jamlib 2 cannot check the list, and checks it by default.
    return jam(alg, key).jwt_verify_token(token, check_exp=True, check_list=False)

def keys(alg):
    return generate_aes_key().decode() if alg.startswith("HS") else generate_rsa_key_pair()
"#;
        Self {
            python: Python::with("jamlib-2", setup),
            reads_jwk: false,
            bad_signature: "ValueError",
            expired: "TokenLifeTimeExpired",
        }
    }

    fn four() -> Self {
        let setup = r#"
from jam.jose import JWK, JWT
from jam.utils import generate_ecdsa_keypair, generate_rsa_key_pair, generate_symmetric_key

def jwt(alg, key):
    return JWT(alg=alg, secret_key=JWK.from_dict(key) if isinstance(key, dict) else key)

def create(alg, key, exp, data):
    return jwt(alg, key).encode(exp=exp, payload=data)

def verify(alg, key, token):
    return jwt(alg, key).decode(token)["payload"]

def keys(alg):
    if alg.startswith("HS"):
        return generate_symmetric_key(64)
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    return generate_ecdsa_keypair(curves[alg]) if alg in curves else generate_rsa_key_pair()
"#;
        Self {
            python: Python::with("jamlib-4", setup),
            reads_jwk: true,
            bad_signature: "JamJWSVerificationError",
            expired: "JamJWTExpired",
        }
    }

    /// A token of theirs that expires in `exp` seconds.
    fn create(&mut self, algorithm: Algorithm, key: &Value, exp: i64, data: &Value) -> String {
        let values = json!({"alg": algorithm.name(), "key": key, "exp": exp, "data": data});
        self.python.text("create(alg, key, exp, data)", values)
    }

    fn verify(&mut self, algorithm: Algorithm, key: &Value, token: &str) -> Value {
        let values = json!({"alg": algorithm.name(), "key": key, "token": token});
        self.python.gives("verify(alg, key, token)", values)
    }

    fn refuses(&mut self, algorithm: Algorithm, key: &Value, token: &str, class: &str) {
        let values = json!({"alg": algorithm.name(), "key": key, "token": token});
        self.python.raises("verify(alg, key, token)", values, class);
    }

    /// A key of ours, in the forms that they read.
    fn our_key(&self, algorithm: Algorithm) -> Pair {
        let ours = SigningKey::generate(algorithm).unwrap();
        let jwk = json_of(ours.expose_private_jwk().unwrap().expose());
        if let Some(text) = jwk["k"].as_str() {
            return self.secret(algorithm, text);
        }
        let public = ours.verifying_key().unwrap();
        let public_jwk = json_of(&public.to_jwk().unwrap().to_json());
        let mut pair = Pair {
            private: vec![json!(ours.expose_private_pem().unwrap().expose()), jwk],
            public: vec![json!(public.to_pem().unwrap()), public_jwk],
            ours,
        };
        pair.private.retain(|form| self.reads(form));
        pair.public.retain(|form| self.reads(form));
        pair
    }

    /// A key of theirs, as they write it.
    fn their_key(&mut self, algorithm: Algorithm) -> Pair {
        let values = json!({"alg": algorithm.name()});
        let keys = self.python.gives("keys(alg)", values);
        match keys.as_str() {
            Some(secret) => self.secret(algorithm, secret),
            None => Pair {
                ours: SigningKey::from_pem(algorithm, keys["private"].as_str().unwrap()).unwrap(),
                private: vec![keys["private"].clone()],
                public: vec![keys["public"].clone()],
            },
        }
    }

    fn secret(&self, algorithm: Algorithm, text: &str) -> Pair {
        let ours = SigningKey::from_secret(algorithm, text.as_bytes()).unwrap();
        let jwk = json_of(ours.expose_private_jwk().unwrap().expose());
        let mut forms = vec![json!(text), jwk];
        forms.retain(|form| self.reads(form));
        Pair { ours, private: forms.clone(), public: forms }
    }

    fn reads(&self, form: &Value) -> bool {
        self.reads_jwk || form.is_string()
    }
}

/// A key as we hold it, and in the forms in which jamlib signs and verifies with it.
struct Pair {
    ours: SigningKey,
    private: Vec<Value>,
    public: Vec<Value>,
}

impl Pair {
    fn verifier(&self) -> Verifier {
        Verifier::builder()
            .key(self.ours.verifying_key().unwrap())
            .algorithms([self.ours.algorithm()])
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .token_type("JWT")
            .require(["jti", "iat"])
            .build()
            .unwrap()
    }

    /// A token of ours that was issued at `now` and lives for a quarter of an hour.
    async fn issue(&self, now: SystemTime, data: &Value) -> String {
        let now = now.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let issuer = Issuer::builder().key(self.ours.clone());
        let issuer = issuer.issuer(ISSUER).audience(AUDIENCE);
        let issuer = issuer.clock(ManualClock::at(now)).build().unwrap();
        issuer.issue(data).await.unwrap().expose().to_owned()
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn data() -> Value {
    json!({
        "sub": "42", "name": "Ünï \"cödé\" ☃", "big": 9_007_199_254_740_991_u64, "ratio": 0.1,
        "deep": {"list": [1, null, "x", {}]},
    })
}

async fn kind(verifier: &Verifier, token: &str) -> ErrorKind {
    let verdict: Result<_, Error> = verifier.verify(token).await;
    verdict.expect_err("refused").kind()
}

/// Everything about one key: gives how many tokens went each way.
async fn exchange(jamlib: &mut Jamlib, algorithm: Algorithm, pair: &Pair) -> [usize; 2] {
    let verifier = pair.verifier();
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let stranger = jamlib.our_key(algorithm);
    let mut theirs = data();
    theirs["iss"] = json!(ISSUER);
    theirs["aud"] = json!(AUDIENCE);

    for key in &pair.private {
        let token = jamlib.create(algorithm, key, 900, &theirs);
        let verified = verifier.verify(&token).await;
        let verified = verified.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let claims = verified.claims::<Value>().unwrap();
        assert_eq!(claims, &jamlib.verify(algorithm, key, &token));
        for (name, value) in theirs.as_object().unwrap() {
            assert_eq!(&claims[name], value, "{algorithm}");
        }
        let lives = verified.expires_at().unwrap().duration_since(now).unwrap();
        assert!((880..=1000).contains(&lives.as_secs()), "{lives:?}");

        let expired = jamlib.create(algorithm, key, -3600, &theirs);
        assert_eq!(kind(&verifier, &expired).await, ErrorKind::Expired);
    }
    let forged = jamlib.create(algorithm, &stranger.private[0], 900, &theirs);
    assert_eq!(kind(&verifier, &forged).await, ErrorKind::BadSignature);

    let token = pair.issue(now, &data()).await;
    let verified = verifier.verify(&token).await.unwrap();
    let forged = stranger.issue(now, &data()).await;
    let expired = pair.issue(now - hour, &data()).await;
    for key in &pair.public {
        let claims = jamlib.verify(algorithm, key, &token);
        assert_eq!(&claims, verified.claims::<Value>().unwrap());
        let (bad_signature, is_expired) = (jamlib.bad_signature, jamlib.expired);
        jamlib.refuses(algorithm, key, &forged, bad_signature);
        jamlib.refuses(algorithm, key, &expired, is_expired);
    }
    [pair.private.len(), pair.public.len()]
}

/// Every algorithm, with a key of ours and one of theirs.
async fn exchanges(mut jamlib: Jamlib, algorithms: &[Algorithm]) -> [usize; 2] {
    let mut counts = [0, 0];
    for &algorithm in algorithms {
        for pair in [jamlib.our_key(algorithm), jamlib.their_key(algorithm)] {
            let [theirs, ours] = exchange(&mut jamlib, algorithm, &pair).await;
            counts = [counts[0] + theirs, counts[1] + ours];
        }
    }
    let [theirs, ours] = counts;
    println!("{theirs} tokens of theirs verified by us, {ours} of ours by them");
    counts
}

#[tokio::test]
async fn jamlib_2_and_ours_verify_each_other() {
    let algorithms = [Algorithm::HS256, Algorithm::RS256];
    assert_eq!(exchanges(Jamlib::two(), &algorithms).await, [4, 4]);
}

/// Its times are floats, with a fraction.
#[tokio::test]
async fn the_times_of_jamlib_2_are_read_as_they_are() {
    let mut jamlib = Jamlib::two();
    let pair = jamlib.our_key(Algorithm::HS256);
    let values = json!({"key": pair.private[0], "payload": {
        "iss": ISSUER, "aud": AUDIENCE, "jti": "1", "iat": 1_700_000_000.75, "exp": 4e9 + 0.25,
    }});
    let code = "jam('HS256', key).jwt_create_token(payload)";
    let token = jamlib.python.text(code, values);
    let verified = pair.verifier().verify(&token).await.unwrap();
    let expires = verified.expires_at().unwrap().duration_since(UNIX_EPOCH);
    assert_eq!(expires.unwrap().as_secs(), 4_000_000_000);
    assert_eq!(verified.claims::<Value>().unwrap()["exp"], 4e9 + 0.25);
}

#[tokio::test]
async fn jamlib_4_and_ours_verify_each_other() {
    let algorithms = [
        Algorithm::HS256,
        Algorithm::HS384,
        Algorithm::HS512,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
    ];
    // As text and JWK, or PEM and JWK; theirs, unless it is a secret, as PEM alone.
    assert_eq!(exchanges(Jamlib::four(), &algorithms).await, [3 * 4 + 6 * 3; 2]);
}

/// RFC 7518 section 3.5 wants a salt as long as the hash; jamlib 4 signs with the longest that fits,
/// and verifies with any.
#[tokio::test]
async fn jamlib_4_verifies_our_ps256_and_ours_refuses_theirs() {
    let mut jamlib = Jamlib::four();
    let pair = jamlib.our_key(Algorithm::PS256);
    let token = pair.issue(SystemTime::now(), &data()).await;
    let claims = jamlib.verify(Algorithm::PS256, &pair.public[0], &token);
    assert_eq!(claims["sub"], "42");

    let data = json!({"iss": ISSUER, "aud": AUDIENCE});
    let token = jamlib.create(Algorithm::PS256, &pair.private[0], 900, &data);
    assert_eq!(kind(&pair.verifier(), &token).await, ErrorKind::BadSignature);
}
