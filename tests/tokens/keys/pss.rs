//! RSA keys of type id-RSASSA-PSS (RFC 4055): each verifies what its parameters allow.

use super::{MESSAGE, der, refused, vectors};
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};

const PS: [Algorithm; 3] = [Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// One DER element.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [&head[..], content].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// 1.2.840.113549.1.1.x
fn pkcs1(last: u8) -> Vec<u8> {
    tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last])
}

/// The hash of an algorithm, with and without the NULL that some write.
fn hash(bits: u16, null: bool) -> Vec<u8> {
    let last = match bits {
        256 => 1,
        384 => 2,
        512 => 3,
        _ => 4,
    };
    let name = tlv(6, &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last]);
    match null {
        true => sequence(&[name, tlv(5, &[])]),
        false => sequence(&[name]),
    }
}

fn mask(hash: Vec<u8>) -> Vec<u8> {
    sequence(&[pkcs1(8), hash])
}

fn integer(number: u16) -> Vec<u8> {
    match number {
        0..=0x7f => tlv(2, &[number as u8]),
        _ => tlv(2, &[(number >> 8) as u8, number as u8]),
    }
}

/// The test key's numbers under these parameters.
fn spki(parameters: Option<Vec<u8>>) -> Vec<u8> {
    let numbers = der(vectors()["rsa"]["pkcs1_public"].as_str().unwrap());
    let mut kind = vec![pkcs1(10)];
    kind.extend(parameters);
    let bits = tlv(3, &[&[0], &numbers[..]].concat());
    sequence(&[sequence(&kind), bits])
}

fn limited(bits: u16, salt: u16) -> Vec<u8> {
    sequence(&[
        tlv(0xa0, &hash(bits, true)),
        tlv(0xa1, &mask(hash(bits, true))),
        tlv(0xa2, &integer(salt)),
    ])
}

/// The algorithms that the key verifies, each tried with a sound signature.
#[track_caller]
fn verifies(parameters: Option<Vec<u8>>, expected: &[Algorithm]) {
    let der = spki(parameters);
    let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", der.clone()));
    let private = vectors()["rsa"]["pkcs8"].as_str().unwrap().to_owned();
    for algorithm in Algorithm::ALL {
        let keys =
            [VerifyingKey::from_der(algorithm, &der), VerifyingKey::from_pem(algorithm, &pem)];
        for key in keys {
            if !expected.contains(&algorithm) {
                assert!(key.is_err(), "{algorithm}");
                continue;
            }
            let key = key.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
            let signing = SigningKey::from_pem(algorithm, &private).unwrap();
            let signature = signing.sign(MESSAGE).unwrap();
            key.verify(algorithm, MESSAGE, &signature).unwrap();
            assert!(key.verify(algorithm, b"massage", &signature).is_err());
            assert_eq!(key.algorithms().collect::<Vec<_>>(), [algorithm]);
        }
    }
}

#[test]
fn a_key_without_parameters_verifies_every_pss_algorithm_and_no_other() {
    verifies(None, &PS);
}

#[test]
fn parameters_limit_the_hash_and_the_salt() {
    for (bits, algorithm) in [256, 384, 512].into_iter().zip(PS) {
        for salt in [0, 20, bits / 8] {
            verifies(Some(limited(bits, salt)), &[algorithm]);
        }
        verifies(Some(limited(bits, bits / 8 + 1)), &[]);
        verifies(Some(limited(bits, 300)), &[]);
    }
    let parts = |parts: &[(u8, Vec<u8>)]| {
        let parts: Vec<_> = parts.iter().map(|(tag, part)| tlv(*tag, part)).collect();
        Some(sequence(&parts))
    };
    let sha256 = || hash(256, false);
    verifies(parts(&[(0xa0, sha256()), (0xa1, mask(sha256()))]), &[Algorithm::PS256]);
    verifies(
        parts(&[(0xa0, sha256()), (0xa1, mask(sha256())), (0xa3, integer(1))]),
        &[Algorithm::PS256],
    );
    for parameters in [
        // SHA-1 is the default of both hashes.
        parts(&[]),
        parts(&[(0xa0, sha256())]),
        parts(&[(0xa1, mask(sha256()))]),
        parts(&[(0xa0, sha256()), (0xa1, mask(hash(512, true)))]),
        parts(&[(0xa0, hash(224, true)), (0xa1, mask(hash(224, true)))]),
        // Another mask, another trailer.
        parts(&[(0xa0, sha256()), (0xa1, sequence(&[pkcs1(9), sha256()]))]),
        parts(&[(0xa0, sha256()), (0xa1, mask(sha256())), (0xa3, integer(2))]),
        // Not such parameters at all.
        Some(tlv(5, &[])),
        Some(tlv(0x30, &[0xff])),
        parts(&[(0xa1, mask(sha256())), (0xa0, sha256())]),
        parts(&[(0xa0, sha256()), (0xa1, mask(sha256())), (0xa4, integer(1))]),
    ] {
        verifies(parameters, &[]);
    }
}

#[test]
fn a_refused_algorithm_is_told_with_those_allowed() {
    let only = spki(Some(limited(384, 32)));
    for algorithm in [Algorithm::RS256, Algorithm::RS384, Algorithm::PS256] {
        let key = VerifyingKey::from_der(algorithm, &only);
        refused(key, &format!("allows PS384 but not {algorithm}"));
    }
    let none = spki(Some(sequence(&[])));
    refused(VerifyingKey::from_der(Algorithm::PS256, &none), "none of PS256, PS384 and PS512");
    let any = spki(None);
    refused(
        VerifyingKey::from_der(Algorithm::RS256, &any),
        "allows PS256, PS384, PS512 but not RS256",
    );
}

/// As OpenSSL 3.0 writes them.
#[test]
fn keys_of_openssl() {
    let recorded = include_str!("../../vectors/rsa_pss.pem");
    let keys: Vec<_> = pem::parse_many(recorded).unwrap();
    let allowed = [&[Algorithm::PS256][..], &[Algorithm::PS384], &PS, &[]];
    assert_eq!(keys.len(), allowed.len());
    for (key, allowed) in keys.iter().zip(allowed) {
        for algorithm in Algorithm::ALL {
            let read = VerifyingKey::from_der(algorithm, key.contents());
            assert_eq!(read.is_ok(), allowed.contains(&algorithm), "{algorithm}");
        }
    }
}
