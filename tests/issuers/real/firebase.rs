//! Tokens of Firebase's Auth emulator, which does not sign them.

use super::issuer::Announced;
use jamguard::{ErrorKind, Preset};

/// The ordinary preset refuses the token, and so does the opt-in of another project.
pub(super) async fn probe(announced: &Announced, project: &str, token: &str) -> &'static str {
    let ordinary = Preset::firebase(project);
    let ordinary = match &announced.jwks_url {
        Some(url) => ordinary.jwks_url(url),
        None => ordinary,
    };
    let error = ordinary.build().unwrap().verify(token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm, "{error}");
    let another = Preset::firebase("demo-other").danger_firebase_emulator().build().unwrap();
    let error = another.verify(token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSignature, "{error}");
    let emulator = Preset::firebase(project).danger_firebase_emulator().build().unwrap();
    let verified = emulator.verify(token).await.unwrap();
    assert_eq!(verified.issuer(), Some(&*announced.issuer));
    "refused, but for `danger_firebase_emulator`: "
}
