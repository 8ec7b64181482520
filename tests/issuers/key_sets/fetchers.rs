//! Fetching in the application's own way: the rules around it stay.

use crate::support::gate::Gate;
use crate::support::issuer::*;
use jamguard::ErrorKind::{Connection, Timeout, Unavailable, UnexpectedBody, UnknownKey};
use jamguard::jose::SigningKey;
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::ManualClock;
use jamguard::{Error, JamApp, Verifier};
use std::error::Error as _;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Script = dyn Fn(&str) -> Result<FetchedDocument, Error> + Send + Sync;

/// Gives the prepared answer, once the gate is open.
struct Own {
    script: Box<Script>,
    gate: Gate,
    urls: Mutex<Vec<String>>,
}

impl Own {
    fn new(
        script: impl Fn(&str) -> Result<FetchedDocument, Error> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), gate: Gate::default(), urls: Mutex::default() })
    }

    fn urls(&self) -> Vec<String> {
        self.urls.lock().unwrap().clone()
    }
}

impl Fetch for Own {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async move {
            self.urls.lock().unwrap().push(url.to_owned());
            self.gate.pass().await;
            (self.script)(url)
        })
    }
}

fn of(key: &SigningKey) -> impl Fn(&str) -> Result<FetchedDocument, Error> + Send + Sync + 'static {
    let set = set_of(&[key]);
    move |_| Ok(FetchedDocument::new(set.clone().into_bytes()))
}

fn keys(own: &Arc<Own>, clock: &ManualClock) -> (RemoteKeySet, Verifier) {
    let keys = RemoteKeySet::builder("https://issuer.example/keys")
        .fetcher(own.clone())
        .timeout(Duration::from_millis(400))
        .clock(clock.clone())
        .build()
        .unwrap();
    let verifier = verifier(&keys, clock);
    (keys, verifier)
}

#[tokio::test]
async fn it_is_asked_for_the_url_and_only_once() {
    let (key, clock) = (key("k1"), ManualClock::at(NOW));
    let own = Own::new(of(&key));
    own.gate.close();
    let (_, verifier) = keys(&own, &clock);
    let sound = token(&key);
    let (a, b, ()) = tokio::join!(verify(&verifier, &sound), verify(&verifier, &sound), async {
        own.gate.until_waiting(1).await;
        own.gate.open();
    });
    assert_eq!((a, b), (Ok(()), Ok(())));
    assert_eq!(own.urls(), ["https://issuer.example/keys"]);
}

#[tokio::test]
async fn its_max_age_is_honoured_and_its_errors_are_failures() {
    let (key, clock) = (key("k1"), ManualClock::at(NOW));
    let set = set_of(&[&key]);
    let own =
        Own::new(move |_| Ok(FetchedDocument::new(set.clone().into()).with_max_age(100 * MINUTE)));
    let (remote, verifier) = keys(&own, &clock);
    let sound = token(&key);
    assert_eq!(verify(&verifier, &sound).await, Ok(()));
    for (minutes, fetches) in [(79, 1), (2, 2)] {
        clock.advance(minutes * MINUTE);
        assert_eq!(at_once(verify(&verifier, &sound)), Some(Ok(())));
        assert_eq!(remote.fetches(), fetches);
    }

    let failing = Own::new(|_| Err(Error::new(Connection, "no way")));
    let (_, verifier) = keys(&failing, &clock);
    let error = verifier.verify(&sound).await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.message().contains("no way"), "{error}");
}

#[tokio::test]
async fn its_deadline_and_its_contents_are_checked_all_the_same() {
    let (key, clock) = (key("k1"), ManualClock::at(NOW));
    let sound = token(&key);
    let slow = Own::new(of(&key));
    slow.gate.close();
    let garbage = Own::new(|_| Ok(FetchedDocument::new(b"\xff".to_vec())));
    for (own, kind) in [(slow, Timeout), (garbage, UnexpectedBody)] {
        let (_, verifier) = keys(&own, &clock);
        let error = verifier.verify(&sound).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable);
        let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(cause.kind(), kind);
    }
}

#[tokio::test]
async fn discovery_goes_through_it_too() {
    let (key, clock) = (key("k1"), ManualClock::at(NOW));
    let set = set_of(&[&key]);
    let own = Own::new(move |url| match url {
        "https://issuer.example/.well-known/openid-configuration" => Ok(FetchedDocument::new(
            br#"{"issuer":"https://issuer.example","jwks_uri":"https://keys.example/"}"#.to_vec(),
        )),
        "https://keys.example/" => Ok(FetchedDocument::new(set.clone().into())),
        _ => Err(Error::new(Connection, "nothing there")),
    });
    let remote =
        RemoteKeySet::discover(ISSUER).fetcher(own.clone()).clock(clock.clone()).build().unwrap();
    let verifier = verifier(&remote, &clock);
    assert_eq!(verify(&verifier, &token(&key)).await, Ok(()));
    assert_eq!(own.urls().len(), 2);
    assert_eq!(remote.fetches(), 1, "one fetch, of two documents");
}

/// The built-in client refuses such URLs itself; a fetcher is never even asked for them.
#[tokio::test]
async fn discovery_hands_it_no_url_that_is_not_https() {
    let (key, clock) = (key("k1"), ManualClock::at(NOW));
    for place in ["http://keys.example/", "file:///etc/keys.json"] {
        let document = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{place}"}}"#);
        let own = Own::new(move |_| Ok(FetchedDocument::new(document.clone().into())));
        let remote = RemoteKeySet::discover(ISSUER).fetcher(own.clone()).build().unwrap();
        let verifier = verifier(&remote, &clock);
        assert_eq!(verify(&verifier, &token(&key)).await, Err(Unavailable));
        let document = format!("{ISSUER}/.well-known/openid-configuration");
        assert_eq!(own.urls(), [document]);
    }
}

#[tokio::test]
async fn a_jam_app_takes_one() {
    let own = Own::new(|_| Ok(FetchedDocument::new(br#"{"keys":[]}"#.to_vec())));
    let app = JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895").fetcher(own.clone());
    let url = app.jwks_url().unwrap();
    let emulator = jamguard::emulator::Emulator::builder().start().await.unwrap();
    let settings = jamguard::emulator::AppSettings::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895");
    let other = emulator.add_app(settings).unwrap();
    // Of the right form, but for `iss`: not worth a fetch.
    let token = other.id_token("ann@example.com").unwrap();
    let verifier = app.verifier().unwrap();
    assert!(verify(&verifier, &token).await.is_err());
    assert_eq!(own.urls(), Vec::<String>::new());
    let issuer = url.strip_suffix("/.well-known/jwks.json").unwrap();
    let token = jamguard::emulator::IdToken::new("ann@example.com").claim("iss", issuer);
    let token = other.issue(token).unwrap();
    assert_eq!(verify(&verifier, &token).await, Err(Unavailable));
    assert_eq!(own.urls(), [url]);
    emulator.stop().await;
}

/// A fetch that was under way when a token came may have begun before its key was published: the
/// token is not refused for that.
#[tokio::test]
async fn a_fetch_that_is_older_than_the_key_is_not_the_last_word() {
    let (old, new) = (key("k1"), key("k2"));
    let clock = ManualClock::at(NOW);
    let published = Arc::new(Mutex::new(set_of(&[&old])));
    /// Reads the set first and delivers it once the gate is open.
    struct Slow(Arc<Mutex<String>>, Gate);
    impl Fetch for Slow {
        fn fetch<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
            Box::pin(async {
                let set = self.0.lock().unwrap().clone();
                self.1.pass().await;
                Ok(FetchedDocument::new(set.into()))
            })
        }
    }
    let gate = Gate::default();
    let remote = RemoteKeySet::builder("https://issuer.example/keys")
        .fetcher(Slow(published.clone(), gate.clone()))
        .clock(clock.clone())
        .build()
        .unwrap();
    let verifier = verifier(&remote, &clock);
    let (sound, first) = (token(&old), token(&new));
    assert_eq!(verify(&verifier, &sound).await, Ok(()));
    clock.advance(9 * MINUTE);
    gate.close();
    assert_eq!(at_once(verify(&verifier, &sound)), Some(Ok(())));
    gate.until_waiting(1).await;
    published.lock().unwrap().clone_from(&set_of(&[&old, &new]));
    let mut first = pin!(verify(&verifier, &first));
    assert_eq!(at_once(first.as_mut()), None, "it waits for the fetch");
    gate.open();
    assert_eq!(first.await, Ok(()));
    assert_eq!(remote.fetches(), 3, "the first, the older one, one more");
    // And a key that is nowhere costs no more than that.
    assert_eq!(verify(&verifier, &token(&key("k3"))).await, Err(UnknownKey));
    assert_eq!(remote.fetches(), 3);
}
