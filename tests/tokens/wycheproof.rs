//! Every wycheproof vector of our algorithms and sizes, at the signature primitive.
//!
//! One vector of each RSA PKCS#1 set is "acceptable": the hash's `NULL` parameter is missing. We
//! refuse it, because RFC 8017 section 8.2.2 compares with the one encoding that has it.

use jamguard::ErrorKind;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use serde_json::Value;
use wycheproof::{ecdsa, eddsa, mac, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// How the vectors of one algorithm went.
#[derive(Debug, Default, PartialEq)]
struct Count {
    accepted: usize,
    refused: usize,
    /// Their key is one that we refuse to load: a secret shorter than the hash. (All RSA keys of
    /// the sets have 2048 bits or more.)
    weak_key: usize,
}

impl Count {
    fn add(&mut self, test: &Value, accepted: bool, algorithm: Algorithm) {
        let valid = match test["result"].as_str().unwrap() {
            "valid" => true,
            "invalid" => false,
            "acceptable" => {
                assert_eq!(test["flags"][0], "MissingNull");
                false
            }
            other => panic!("unknown result {other}"),
        };
        assert_eq!(accepted, valid, "{algorithm} {test}");
        if accepted {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
    }

    /// An empty or shortened run must not pass.
    fn at_least(&self, accepted: usize, refused: usize) {
        assert!(self.accepted >= accepted && self.refused >= refused, "{self:?}");
    }
}

fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn groups(set: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(set).unwrap();
    set["testGroups"].as_array().unwrap().clone()
}

/// The group's key from its PEM, after every other form of it gave the same key.
fn key(algorithm: Algorithm, group: &Value) -> VerifyingKey {
    let thumbprint = |key: &VerifyingKey| key.to_jwk().unwrap().thumbprint().unwrap();
    let key = VerifyingKey::from_pem(algorithm, group["publicKeyPem"].as_str().unwrap()).unwrap();
    for form in ["publicKeyDer", "publicKeyAsn"] {
        if !group[form].is_null() {
            let other = VerifyingKey::from_der(algorithm, &hex(&group[form])).unwrap();
            assert_eq!(thumbprint(&other), thumbprint(&key), "{form}");
        }
    }
    for form in ["publicKeyJwk", "keyJwk"] {
        if !group[form].is_null() {
            let other = VerifyingKey::from_jwk(&group[form].to_string()).unwrap();
            assert_eq!(thumbprint(&other), thumbprint(&key), "{form}");
        }
    }
    key
}

fn signatures(algorithm: Algorithm, groups: impl IntoIterator<Item = Value>) -> Count {
    let mut count = Count::default();
    for group in groups {
        let key = key(algorithm, &group);
        for test in group["tests"].as_array().unwrap() {
            let verdict = key.verify(algorithm, &hex(&test["msg"]), &hex(&test["sig"]));
            if let Err(error) = &verdict {
                assert_eq!(error.kind(), ErrorKind::BadSignature);
            }
            count.add(test, verdict.is_ok(), algorithm);
        }
    }
    println!("{algorithm}: {count:?}");
    count
}

/// Tags of full length; those that are cut are refused even where the set calls them valid.
fn tags(algorithm: Algorithm, set: &str) -> (Count, usize) {
    let full = hash_bits(algorithm);
    let (mut count, mut cut) = (Count::default(), 0);
    for group in groups(set) {
        for test in group["tests"].as_array().unwrap() {
            let (secret, message, tag) = (hex(&test["key"]), hex(&test["msg"]), hex(&test["tag"]));
            let key = match SigningKey::from_secret(algorithm, &secret) {
                Ok(key) => key,
                Err(error) => {
                    assert!(group["keySize"].as_u64().unwrap() < full, "{error}");
                    assert!(error.message().contains("RFC 7518 section 3.2"), "{error}");
                    count.weak_key += 1;
                    continue;
                }
            };
            let verdict = key.verifying_key().unwrap().verify(algorithm, &message, &tag);
            if group["tagSize"].as_u64().unwrap() < full {
                assert!(verdict.is_err(), "{algorithm} {test}");
                cut += 1;
                continue;
            }
            let same = key.sign(&message).unwrap() == tag;
            assert_eq!(same, verdict.is_ok(), "{algorithm} {test}");
            count.add(test, same, algorithm);
        }
    }
    println!("{algorithm}: {count:?}, {cut} cut tags refused");
    (count, cut)
}

fn hash_bits(algorithm: Algorithm) -> u64 {
    algorithm.name()[2..].parse().unwrap()
}

#[test]
fn ecdsa_p1363() {
    use ecdsa::TestName as Set;
    for (algorithm, set, accepted, refused) in [
        (Algorithm::ES256, Set::EcdsaSecp256r1Sha256P1363, 173, 89),
        (Algorithm::ES384, Set::EcdsaSecp384r1Sha384P1363, 193, 87),
        (Algorithm::ES512, Set::EcdsaSecp521r1Sha512P1363, 231, 87),
    ] {
        signatures(algorithm, groups(set.json_data())).at_least(accepted, refused);
    }
}

#[test]
fn ed25519() {
    for algorithm in [Algorithm::EdDSA, Algorithm::Ed25519] {
        signatures(algorithm, groups(eddsa::TestName::Ed25519.json_data())).at_least(88, 63);
    }
}

/// Keys of 2048, 3072, 4096 and 8192 bits.
#[test]
fn rsa_pkcs1() {
    for (algorithm, hash, accepted, refused) in [
        (Algorithm::RS256, "SHA-256", 31, 1003),
        (Algorithm::RS384, "SHA-384", 28, 1007),
        (Algorithm::RS512, "SHA-512", 30, 1007),
    ] {
        let ours = pkcs1::TestName::all()
            .into_iter()
            .flat_map(|set| groups(set.json_data()))
            .filter(|group| group["sha"] == hash);
        signatures(algorithm, ours).at_least(accepted, refused);
    }
}

/// Those groups are ours whose parameters are those of RFC 7518 section 3.5: one hash for
/// everything, and a salt as long as it.
#[test]
fn rsa_pss() {
    for (algorithm, hash, salt, accepted, refused) in [
        (Algorithm::PS256, "SHA-256", 32, 317, 225),
        (Algorithm::PS384, "SHA-384", 48, 192, 92),
        (Algorithm::PS512, "SHA-512", 64, 266, 94),
    ] {
        let ours = pss::TestName::all().into_iter().flat_map(|set| groups(set.json_data())).filter(
            |group| {
                group["mgf"] == "MGF1"
                    && [&group["sha"], &group["mgfSha"]] == [hash, hash]
                    && group["sLen"] == salt
            },
        );
        signatures(algorithm, ours).at_least(accepted, refused);
    }
}

#[test]
fn hmac() {
    use mac::TestName as Set;
    for (algorithm, set) in [
        (Algorithm::HS256, Set::HmacSha256),
        (Algorithm::HS384, Set::HmacSha384),
        (Algorithm::HS512, Set::HmacSha512),
    ] {
        let (count, cut) = tags(algorithm, set.json_data());
        let expected = Count { accepted: 30, refused: 54, weak_key: 6 };
        assert_eq!((count, cut), (expected, 84));
    }
}
