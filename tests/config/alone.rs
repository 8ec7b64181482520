//! The configuration in a build without most of the crate: what is left works, and what is not there
//! is told by its feature.

use jamguard::config::Format;
use jamguard::{Error, Jamguard};
use serde_json::json;

fn jam(toml: &str) -> Result<Jamguard, Error> {
    let variable = |name: &str| (name == "SECRET").then(|| "x".repeat(32));
    Jamguard::builder().variables(variable).from_str(toml, Format::Toml)
}

#[test]
fn tokens_and_lists_need_no_other_feature() {
    let jam = jam("
        [jam.jwt]
        algorithm = 'HS256'
        secret = '${SECRET}'
        deny_lists = 'denied'
        [jam.lists.denied]
        kind = 'deny'
        store = 'memory'
    ")
    .unwrap();
    let jwt = jam.jwt().unwrap();
    let token = jam.block_on(jwt.issue(&json!({"sub": "42"}))).unwrap();
    let verified = jam.block_on(jwt.verifier().verify(token.expose())).unwrap();
    jam.block_on(jam.list("denied").unwrap().revoke(&verified)).unwrap();
    assert!(jam.block_on(jwt.verifier().verify(token.expose())).is_err());
}

/// Each key that belongs to a feature is either read or told with that feature.
#[test]
fn a_key_of_a_feature_that_is_not_there_is_told() {
    for (text, key, there, feature) in [
        ("[jam.apps.a]\napp_id='?'", "apps", cfg!(feature = "client"), "client"),
        ("[jam.stores.a]\nfile={path=''}", "file", cfg!(feature = "file"), "file"),
        ("[jam.stores.a]\nredis={url='?'}", "redis", cfg!(feature = "redis"), "redis"),
        (
            "[jam.verifiers.a]\naudience='a'\njwks_url='?'\nalgorithms=['ES256']",
            "jwks_url",
            cfg!(feature = "client"),
            "client",
        ),
        (
            "[jam.verifiers.a]\naudience='a'\ndiscover='?'\nalgorithms=['ES256']",
            "discover",
            cfg!(feature = "client"),
            "client",
        ),
        ("[jam.otp]\ndigits=1", "otp", cfg!(feature = "otp"), "otp"),
        ("[jam.second_factor]\nissuer=1", "second_factor", cfg!(feature = "otp"), "otp"),
        ("[jam.oauth2.a]\nclient_id=''", "oauth2", cfg!(feature = "oauth2"), "oauth2"),
    ] {
        let error = jam(text).err().unwrap();
        let told = format!("built without jamguard's feature '{feature}'");
        assert_eq!(error.message().contains(&told), !there, "{key}: {error}");
    }
}
