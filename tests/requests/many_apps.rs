//! Many JAM apps and local issuers in one authenticator: each token goes to its own verifier.

use crate::support::{ANN, NOW, Request, Servers, Site, World};
use jamguard::emulator::{App, AppSettings, Endpoint, IdToken};
use jamguard::jose::{Algorithm, KeySet, SigningKey};
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::{self, ManualClock};
use jamguard::{
    Authenticator, AuthenticatorBuilder, CredentialKind, Error, ErrorKind, JamApp, Verifier,
};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const APPS: usize = 20;

fn app_id(at: usize) -> String {
    format!("00000000-0000-4000-8000-{at:012}")
}

/// Twenty apps of one JAM service, and two issuers of our own.
struct Crowd {
    world: World,
    apps: Vec<App>,
    local: Vec<Local>,
}

struct Local {
    issuer: String,
    key: SigningKey,
    clock: ManualClock,
}

impl Local {
    fn new(issuer: &str, algorithm: Algorithm, clock: &ManualClock) -> Self {
        Self {
            issuer: issuer.into(),
            key: SigningKey::generate(algorithm).unwrap(),
            clock: clock.clone(),
        }
    }

    fn verifier(&self, audience: &str) -> Verifier {
        Verifier::builder()
            .key(self.key.verifying_key().unwrap())
            .algorithms([self.key.algorithm()])
            .issuer(&self.issuer)
            .audience(audience)
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }

    fn token(&self, audience: &str) -> String {
        let claims = json!({"iss": self.issuer, "aud": audience, "email": ANN, "exp": NOW + 60});
        testing::mint(&self.key, &claims).unwrap()
    }
}

impl Crowd {
    async fn new() -> Self {
        let world = World::new().await;
        let apps = (0..APPS)
            .map(|at| world.emulator.add_app(AppSettings::new(app_id(at))).unwrap())
            .collect();
        let local = vec![
            Local::new("https://one.example", Algorithm::EdDSA, &world.clock),
            Local::new("https://two.example", Algorithm::HS256, &world.clock),
        ];
        Self { world, apps, local }
    }

    fn jam(&self, at: usize) -> JamApp {
        JamApp::new(app_id(at))
            .base_url(self.world.emulator.base_url())
            .clock(self.world.clock.clone())
            .leeway(Duration::ZERO)
    }

    fn auth(&self) -> AuthenticatorBuilder {
        let with_apps =
            (0..APPS).fold(Authenticator::builder(), |builder, at| builder.jam(self.jam(at)));
        self.local.iter().fold(with_apps, |builder, local| builder.verifier(local.verifier("api")))
    }

    fn fetches(&self) -> u64 {
        self.world.emulator.requests(Endpoint::Jwks)
    }
}

#[tokio::test]
async fn each_token_goes_to_its_own_verifier() {
    let crowd = Crowd::new().await;
    let servers = Servers::start(Site::new(crowd.auth().build().unwrap())).await;
    for round in 0..2 {
        for (at, app) in crowd.apps.iter().enumerate() {
            let address = format!("user{at}@example.com");
            let token = app.id_token(&address).unwrap();
            let answer = servers.ask(Request::get("/me").bearer(&token)).await;
            assert_eq!(answer.text(), address);
            // Each app's keys are fetched when first needed, and only then.
            let expected = if round == 0 { at + 1 } else { APPS };
            assert_eq!(crowd.fetches(), expected as u64);
        }
        for local in &crowd.local {
            let answer = servers.ask(Request::get("/me").bearer(&local.token("api"))).await;
            assert_eq!(answer.text(), ANN);
        }
    }
}

/// Attack 15, among many apps.
#[tokio::test]
async fn a_token_of_one_app_is_none_of_another() {
    let crowd = Crowd::new().await;
    let servers = Servers::start(Site::new(crowd.auth().build().unwrap())).await;
    for (at, app) in crowd.apps.iter().enumerate() {
        let victim = &crowd.apps[(at + 1) % APPS];
        let issue = |token: IdToken| app.issue(token).unwrap();
        let local = &crowd.local[at % 2];
        for token in [
            issue(IdToken::new(ANN).claim("aud", victim.app_id())),
            issue(IdToken::new(ANN).claim("iss", victim.issuer())),
            issue(
                IdToken::new(ANN)
                    .claim("iss", victim.issuer())
                    .claim("aud", victim.app_id()),
            ),
            issue(IdToken::new(ANN).claim("iss", &*local.issuer).claim("aud", "api")),
            testing::mint(
                &local.key,
                &json!({"iss": app.issuer(), "aud": app.app_id(), "token_use": "id", "email": ANN, "exp": NOW + 60}),
            )
            .unwrap(),
            local.token("other"),
            local.token(app.app_id()),
        ] {
            let answer = servers.ask(Request::get("/me").bearer(&token)).await;
            assert_eq!(answer.status, 401);
        }
        let token = app.id_token(ANN).unwrap();
        let answer = servers.ask(Request::get("/me").bearer(&token)).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn an_unknown_issuer_costs_no_fetch() {
    let crowd = Crowd::new().await;
    let auth = crowd.auth().build().unwrap();
    let servers = Servers::start(Site::new(auth.clone())).await;
    let stranger = Local::new("https://stranger.example", Algorithm::ES512, &crowd.world.clock);
    // An app of the same service that nobody configured.
    let unlisted = crowd.world.token();
    let near = crowd.apps[0].issuer().to_owned() + "/";
    let near = crowd.apps[0].issue(IdToken::new(ANN).claim("iss", near)).unwrap();
    for token in [stranger.token("api"), unlisted, near] {
        let answer = servers.ask(Request::get("/me").bearer(&token)).await;
        assert_eq!(answer.status, 401);
        let error = auth.authenticate(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownIssuer);
    }
    assert_eq!(crowd.fetches(), 0);
    // Nor does an app whose service is down keep the others from being served.
    crowd.world.emulator.fail(Endpoint::Jwks, 500);
    let token = crowd.apps[3].id_token(ANN).unwrap();
    let answer = servers.ask(Request::get("/me").bearer(&token)).await;
    assert_eq!(answer.status, 503);
    let token = crowd.local[0].token("api");
    let answer = servers.ask(Request::get("/me").bearer(&token)).await;
    assert_eq!(answer.text(), ANN);
}

#[tokio::test]
async fn one_issuer_may_have_several_verifiers() {
    let clock = ManualClock::at(NOW);
    let local = Local::new("https://one.example", Algorithm::EdDSA, &clock);
    let access = || {
        Verifier::builder()
            .key(local.key.verifying_key().unwrap())
            .algorithms([Algorithm::EdDSA])
            .issuer(&local.issuer)
            .audience("admin")
            .require(["role"])
            .clock(clock.clone())
            .build()
            .unwrap()
    };
    let few = Authenticator::builder().verifier(local.verifier("api")).verifier(access());
    // With many verifiers the issuer is looked up first: the answers are the same.
    let many = (0..8).fold(
        Authenticator::builder().verifier(local.verifier("api")).verifier(access()),
        |builder, at| {
            let other = Local::new(&format!("https://{at}.example"), Algorithm::HS256, &clock);
            builder.verifier(other.verifier("api"))
        },
    );
    let role = |audience: &str| {
        let claims = json!({
            "iss": local.issuer, "aud": audience, "email": ANN, "role": "boss", "exp": NOW + 60,
        });
        testing::mint(&local.key, &claims).unwrap()
    };
    for builder in [few, many] {
        let auth = builder.build().unwrap();
        let servers = Servers::start(Site::new(auth.clone())).await;
        for _ in 0..2 {
            for token in [local.token("api"), role("api"), role("admin")] {
                let answer = servers.ask(Request::get("/me").bearer(&token)).await;
                assert_eq!(answer.text(), ANN);
            }
            for token in [local.token("admin"), local.token("other"), role("other")] {
                let answer = servers.ask(Request::get("/me").bearer(&token)).await;
                assert_eq!(answer.status, 401);
            }
        }
        let error = auth.authenticate(&local.token("other")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidClaim);
        let error = auth.authenticate(&local.token("admin")).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::UnknownIssuer);
    }
}

/// A token without `iss` is nobody's, unless a verifier takes any issuer.
#[tokio::test]
async fn a_verifier_of_any_issuer_gets_what_nobody_else_does() {
    let crowd = Crowd::new().await;
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let any = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .clock(crowd.world.clock.clone())
        .build()
        .unwrap();
    let strict = crowd.auth().build().unwrap();
    let open = crowd.auth().verifier(any).build().unwrap();
    let mint = |claims| testing::mint(&key, &claims).unwrap();
    for token in [
        mint(json!({"exp": NOW + 60})),
        mint(json!({"exp": NOW + 60, "iss": "https://anybody.example"})),
    ] {
        let error = strict.authenticate(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownIssuer);
        open.authenticate(&token).await.unwrap();
    }
    // It does not get tokens that name an issuer with a verifier of its own.
    let claims = json!({"exp": NOW + 60, "iss": "https://one.example", "aud": "api"});
    assert!(open.authenticate(&mint(claims)).await.is_err());
}

#[tokio::test]
async fn authenticate_serves_where_there_is_no_request() {
    let crowd = Crowd::new().await;
    let auth = crowd.auth().build().unwrap();
    for (at, app) in crowd.apps.iter().enumerate() {
        let identity = auth
            .authenticate(&app.id_token(format!("user{at}@example.com")).unwrap())
            .await
            .unwrap();
        assert_eq!(identity.issuer(), Some(app.issuer()));
        assert_eq!(identity.credential(), CredentialKind::Direct);
        let user: &crate::support::User = identity.claims().unwrap();
        assert_eq!(user.email, format!("user{at}@example.com"));
    }
    let local = auth.authenticate(&crowd.local[1].token("api")).await.unwrap();
    assert_eq!(local.issuer(), Some("https://two.example"));
    for (token, kind) in [
        ("", ErrorKind::Malformed),
        ("garbage", ErrorKind::Malformed),
        (&*crate::support::damaged(&crowd.local[0].token("api")), ErrorKind::BadSignature),
        (
            &*crowd.apps[0].issue(IdToken::new(ANN).lifetime(Duration::ZERO)).unwrap(),
            ErrorKind::Expired,
        ),
    ] {
        let error = auth.authenticate(token).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{token}");
    }
}

/// What a verifier of any issuer remembers from elsewhere does not count for a token that has a
/// verifier of its own.
#[tokio::test]
async fn memory_does_not_change_which_verifier_decides() {
    let local = Local::new("https://one.example", Algorithm::HS256, &ManualClock::at(NOW));
    let any = Verifier::builder()
        .any_audience()
        .key(local.key.verifying_key().unwrap())
        .algorithms([Algorithm::HS256])
        .clock(local.clock.clone())
        .build()
        .unwrap();
    let auth = Authenticator::builder()
        .verifier(any.clone())
        .verifier(local.verifier("api"))
        .build()
        .unwrap();
    let token = local.token("another");
    for _ in 0..3 {
        let error = auth.authenticate(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidClaim);
        any.verify(&token).await.unwrap();
    }
    let token = local.token("api");
    for _ in 0..3 {
        any.verify(&token).await.unwrap();
        auth.authenticate(&token).await.unwrap();
    }
}

/// An issuer's key set, until the issuer is gone.
struct Issuer {
    gone: Arc<AtomicBool>,
    keys: String,
}

impl Fetch for Issuer {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async move {
            match self.gone.load(Ordering::SeqCst) {
                true => Err(Error::new(ErrorKind::Connection, "gone")),
                false => Ok(FetchedDocument::new(self.keys.clone().into())),
            }
        })
    }
}

/// Of two verifiers of one issuer, the one that remembers the token loses its keys.
#[tokio::test]
async fn a_verifier_without_keys_does_not_hide_another() {
    let local = Local::new("https://one.example", Algorithm::ES256, &ManualClock::at(NOW));
    let gone = Arc::new(AtomicBool::new(false));
    let keys = RemoteKeySet::builder("https://one.example/keys")
        .fetcher(Issuer {
            gone: gone.clone(),
            keys: KeySet::from(local.key.verifying_key().unwrap()).to_json(),
        })
        .clock(local.clock.clone())
        .build()
        .unwrap();
    let remote = Verifier::builder()
        .any_audience()
        .jwks(keys)
        .algorithms([Algorithm::ES256])
        .issuer(&local.issuer)
        .clock(local.clock.clone())
        .build()
        .unwrap();
    let auth =
        Authenticator::builder().verifier(remote).verifier(local.verifier("api")).build().unwrap();
    let claims = json!({"iss": local.issuer, "aud": "api", "exp": NOW + 100_000});
    let token = testing::mint(&local.key, &claims).unwrap();
    for at in 0..4 {
        auth.authenticate(&token).await.unwrap();
        if at == 1 {
            gone.store(true, Ordering::SeqCst);
            local.clock.advance(Duration::from_secs(50_000));
        }
    }
}

/// Two verifiers of one issuer: the one that the token is for says what is wrong with it.
#[tokio::test]
async fn the_refusal_is_that_of_the_verifier_it_is_for() {
    let local = Local::new("https://one.example", Algorithm::HS256, &ManualClock::at(NOW));
    let (a, b) = (local.verifier("a"), local.verifier("b"));
    let auth = Authenticator::builder().verifier(a).verifier(b).build().unwrap();
    let tokens = ["a", "b", "c"].map(|audience| local.token(audience));
    local.clock.advance(Duration::from_secs(3600));
    let kinds = [ErrorKind::Expired, ErrorKind::Expired, ErrorKind::InvalidClaim];
    for (token, kind) in tokens.iter().zip(kinds) {
        let error = auth.authenticate(token).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

/// A family is found by the form of its issuers, beside verifiers of exact issuers and of any.
#[tokio::test]
async fn a_token_finds_the_verifier_of_its_issuer_family() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let clock = testing::ManualClock::at(NOW);
    let verifier = |audience: &str| {
        Verifier::builder()
            .audience(audience)
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .clock(clock.clone())
    };
    let template = "https://issuer.example/{tid}";
    let few = || {
        Authenticator::builder()
            .verifier(verifier("api").issuer_family(template, ["blue", "green"]).build().unwrap())
            .verifier(verifier("admin").issuer("https://issuer.example/blue").build().unwrap())
    };
    let many = (0..8).fold(few(), |builder, at| {
        let issuer = format!("https://{at}.example");
        builder.verifier(verifier("api").issuer(issuer).build().unwrap())
    });
    let token = |tenant: &str, audience: &str| {
        let issuer = format!("https://issuer.example/{tenant}");
        let claims = json!({"iss": issuer, "tid": tenant, "aud": audience, "exp": NOW + 60});
        testing::mint(&key, &claims).unwrap()
    };
    for builder in [few(), many] {
        let auth = builder.build().unwrap();
        let kind = async |tenant: &str, audience: &str| {
            let answer = auth.authenticate(&token(tenant, audience)).await;
            answer.map(drop).map_err(|error| error.kind())
        };
        for _ in 0..2 {
            assert_eq!(kind("blue", "api").await, Ok(()));
            assert_eq!(kind("green", "api").await, Ok(()));
            // The exact issuer has a verifier of its own as well.
            assert_eq!(kind("blue", "admin").await, Ok(()));
            assert_eq!(kind("green", "admin").await, Err(ErrorKind::InvalidClaim));
            assert_eq!(kind("red", "api").await, Err(ErrorKind::InvalidClaim));
            assert_eq!(kind("a/b", "api").await, Err(ErrorKind::UnknownIssuer));
        }
        let error = auth.authenticate(&token("a/b", "api")).await.unwrap_err();
        assert!(error.message().contains(template), "{error}");
    }
    // A verifier of any issuer does not answer for a tenant that the family refuses.
    let any = verifier("api").build().unwrap();
    let auth = few().verifier(any.clone()).build().unwrap();
    let red = token("red", "api");
    any.verify(&red).await.unwrap();
    let error = auth.authenticate(&red).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidClaim);
    auth.authenticate(&token("a/b", "api")).await.unwrap();
}
