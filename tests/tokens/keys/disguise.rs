//! Public keys given as HMAC secrets: a client that knows the key could sign any token.

use super::{der, key, refused, vectors};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use serde_json::json;

/// Made by OpenSSH 9.2 for these tests.
const SSH: [&str; 3] = [
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCU4877WdX2HRIBHDFUSDrwz/eHynM21D8Gd19X1BVawDkL9AvCm341Bn1/yRUf+OtbcYfwYbsKOH88CH2q20AXxNTNTymYcQE1mYZWt3hUgLNfowg/zxa6VzF2uOKI/hkLL0qltM3lVwa8G54hjE+K7jNtvo62yU6Q8RKKk3BdCWHiMf6IDVOLODwo+M0anTnZQKIRFks1Z/uUmC2Myd77arI7K1Hew+CZo+kvFElgrFQjjJPy0FiUy3M0l11BkmMsSnUGUbCUAjw8SkVTJ05GvgR6+ZDRYJPdjpqZ/e8Ugso3kQXofe5+drqfX9uoWaWJnmcbfQMTWmwIY3vrzTwD ann@host",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGYPltyAOKYJ3f2KAZ+53yLAj0VLnXeXTTvXeHOboISmhnvP2D6n0yniVvQ4ixYZ1JiFn21F3I6DqdiXPtnD9qc= ann@host",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPJUi2sn/BHxWN5fuOFSGPLo67UcVoH49k5H62vcnpIN ann@host",
];

#[track_caller]
fn is_refused(secret: &[u8], what: &str) {
    for result in [
        SigningKey::from_secret(Algorithm::HS256, secret).map(drop),
        VerifyingKey::from_secret(Algorithm::HS256, secret).map(drop),
    ] {
        refused(result, what);
    }
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret)}).to_string();
    refused(VerifyingKey::from_jwk(&jwk), what);
    refused(SigningKey::from_jwk(Algorithm::HS256, &jwk), what);
}

/// The bytes, and what environments and copy and paste make of them.
#[track_caller]
fn is_refused_in_base64(bytes: &[u8], what: &str) {
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(<[u8]>::to_vec).collect();
    is_refused(text.as_bytes(), what);
    is_refused(format!("{text}\n").as_bytes(), what);
    is_refused(&lines.join(&b"\n"[..]), what);
    is_refused(&lines.join(&b"\r\n"[..]), what);
    is_refused(&lines.join(&br"\n"[..]), what);
    is_refused(&lines.join(&br"\r\n"[..]), what);
    is_refused(format!("\u{feff}{text}").as_bytes(), what);
    is_refused(STANDARD_NO_PAD.encode(bytes).as_bytes(), what);
    is_refused(URL_SAFE_NO_PAD.encode(bytes).as_bytes(), what);
}

#[test]
fn a_public_key_in_another_form_is_no_secret() {
    let keys = vectors();
    for (name, form) in [
        ("rsa", "spki"),
        ("rsa", "pkcs1_public"),
        ("p256", "spki"),
        ("p384", "spki"),
        ("p521", "spki"),
        ("secp256k1", "spki"),
        ("ed25519", "spki"),
        ("p256", "certificate"),
    ] {
        let pem = keys[name][form].as_str().unwrap();
        let der = der(pem);
        is_refused(&der, "a public key in DER");
        is_refused_in_base64(&der, "a public key in DER");
        is_refused_in_base64(pem.as_bytes(), "a PEM text");
        is_refused(pem.replace('\n', "\\n").as_bytes(), "a PEM text");
    }
    for name in ["p256", "p384", "p521"] {
        let spki = der(keys[name]["spki"].as_str().unwrap());
        let length = match name {
            "p256" => 65,
            "p384" => 97,
            _ => 133,
        };
        let point = &spki[spki.len() - length..];
        is_refused(point, "point");
        is_refused_in_base64(point, "point");
    }
    for name in ["rsa", "p256", "p521", "ed25519"] {
        let mut jwk = key(name)["jwk"].clone();
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            jwk.as_object_mut().unwrap().remove(private);
        }
        let set = json!({"keys": [jwk]});
        let marked = format!("\u{feff}{jwk}");
        for text in [jwk.to_string(), format!("\n {jwk:#}\n"), set.to_string(), marked] {
            is_refused(text.as_bytes(), "a JWK");
            is_refused_in_base64(text.as_bytes(), "a JWK");
        }
    }
    for line in SSH {
        let (kind, blob) = line.split_once(' ').unwrap();
        let (blob, _) = blob.split_once(' ').unwrap();
        for text in [
            line.to_owned(),
            format!("{line}\n"),
            format!("{kind} {blob}"),
            format!("no-pty,command=\"ls\" {line}"),
            blob.to_owned(),
        ] {
            is_refused(text.as_bytes(), "an OpenSSH public key");
        }
        let split =
            format!("---- BEGIN SSH2 PUBLIC KEY ----\n{blob}\n---- END SSH2 PUBLIC KEY ----");
        is_refused(split.as_bytes(), "a PEM text");
    }
}

/// What is not certain is left to those who chose the secret.
#[test]
fn what_only_resembles_a_key_is_a_secret() {
    let keys = vectors();
    let spki = der(keys["p256"]["spki"].as_str().unwrap());
    let point = &spki[spki.len() - 65..];
    let mut off_the_curve = point.to_vec();
    off_the_curve[64] ^= 1;
    let cut = &spki[..spki.len() - 1];
    let more = [&spki[..], &[0]].concat();
    let texts = [
        "ssh-ed25519 is the kind of key that we use here",
        "{\"kty\": \"RSA\", and then something that is no JSON}",
        "{\"name\": \"a JSON text that is a secret of some service\"}",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
        "correct horse battery staple correct horse",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "BEGIN PUBLIC KEY, said the secret that is none",
        "                                                ",
        "================================================",
    ];
    let texts = texts.map(str::as_bytes);
    let bytes = [&off_the_curve[..], cut, &more, &[0x30; 40], &[0; 64], &[4; 65]];
    for secret in texts.iter().chain(&bytes) {
        let key = SigningKey::from_secret(Algorithm::HS256, secret);
        let key = key.unwrap_or_else(|error| panic!("{error}: {secret:?}"));
        let verifying = VerifyingKey::from_secret(Algorithm::HS256, secret).unwrap();
        let signature = key.sign(b"message").unwrap();
        verifying.verify(Algorithm::HS256, b"message", &signature).unwrap();
    }
}
