//! Everything that a file names, to be asked for.

use super::builder::{JamBuilder, Loaded};
use super::reload::State;
use crate::authenticator::Authenticator;
#[cfg(any(feature = "tower", feature = "actix"))]
use crate::authenticator::RouteGuard;
use crate::config::document::{Document, Format};
use crate::config::parts::{JWT, Parts, not_configured};
use crate::core::error::Error;
use crate::core::telemetry;
#[cfg(feature = "client")]
use crate::jam::{app::JamApp, client::JamClient};
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
use crate::login::JamLoginBuilder;
#[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
use crate::login::OAuth2LoginBuilder;
#[cfg(feature = "oauth2")]
use crate::oauth2::{OAuth2Client, TokenSource};
#[cfg(feature = "otp")]
use crate::otp::{Otp, OtpGuard, RecoveryCodes, SecondFactor};
use crate::policy::{LiveTable, RouteTable};
#[cfg(feature = "session")]
use crate::session::Sessions;
use crate::store::Store;
use crate::token::issuer::Issuer;
use crate::token::list::TokenList;
use crate::token::refresh::RefreshTokensBuilder;
use crate::token::ring::KeyRing;
use crate::token::verifier::Verifier;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::runtime::Runtime;

/// Everything that one file describes, built. Cheap to clone.
///
/// Each method gives the crate's own type, as its builder would. Asking for what the file does not
/// configure is an error that says which section to add. Building waits for nothing but a store's
/// file: Redis, issuers and JAM are reached when they are first needed.
///
/// # Example
/// ```no_run
/// use jamguard::Jam;
///
/// # fn example() -> Result<(), jamguard::Error> {
/// let jam = Jam::from_file("jam.toml")?;
/// let issuer = jam.jwt()?;
/// let auth = jam.authenticator()?;
/// # Ok(()) }
/// ```
///
/// # Without a runtime
/// [`block_on`](Self::block_on) runs what waits, for command-line tools:
///
/// ```
/// use jamguard::{Jam, config::Format};
///
/// let jam = Jam::from_str(r#"
///     [jam.jwt]
///     algorithm = "HS256"
///     secret = "a secret of at least thirty-two bytes"
/// "#, Format::Toml)?;
/// let token = jam.block_on(jam.jwt()?.issue(&serde_json::json!({"sub": "42"})))?;
/// # assert_eq!(token.expose().split('.').count(), 3);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Jam(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) setup: JamBuilder,
    /// What is read again.
    pub(super) file: Option<PathBuf>,
    pub(super) parts: Parts,
    pub(super) table: Option<LiveTable>,
    pub(super) state: Mutex<State>,
    pub(super) runtime: OnceLock<Runtime>,
}

impl Jam {
    /// Begins with what a file cannot say.
    pub fn builder() -> JamBuilder {
        JamBuilder::default()
    }

    /// Builds what a file describes under the pointer `jam`. Its extension says in which format it
    /// is.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with file, line and key for
    /// whatever is wrong with the file; the kind that a builder gives where it refuses what it finds,
    /// such as [`InvalidKey`](crate::ErrorKind::InvalidKey) for a key and
    /// [`Storage`](crate::ErrorKind::Storage) for a store's file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().from_file(path)
    }

    /// Builds what a text describes under the pointer `jam`.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_str(text: &str, format: Format) -> Result<Self, Error> {
        Self::builder().from_str(text, format)
    }

    /// Builds what a value of your own describes under the pointer `jam`: a map, a type, a tree that
    /// another library read. What is not set has to be left out, as serde's `skip_serializing_if`
    /// does: a `null` is an error.
    ///
    /// ```
    /// let jam = jamguard::Jam::from_value(&serde_json::json!({"jam": {"verifiers": {}}}))?;
    /// assert!(jam.verifier("api").is_err());
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        Self::builder().from_value(value)
    }

    pub(super) fn new(
        setup: JamBuilder,
        document: &Document,
        file: Option<&Path>,
    ) -> Result<Self, Error> {
        let Loaded {
            node,
            settings,
            parts,
            files,
        } = setup.load(document, &Arc::default(), false)?;
        if let Some(level) = settings.log_level {
            telemetry::set_level(level.level());
        }
        Ok(Self(Arc::new(Inner {
            setup,
            file: file.map(Path::to_owned),
            table: parts.table.as_ref().map(LiveTable::new),
            parts,
            state: Mutex::new(State { node, files }),
            runtime: OnceLock::new(),
        })))
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The issuer of the section `jwt`: it makes and signs claims, and its
    /// [verifier](Issuer::verifier) accepts them.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    pub fn jwt(&self) -> Result<&Issuer, Error> {
        let jwt = self.parts().issuers.get(JWT);
        jwt.ok_or_else(|| not_configured("issuer of tokens", "jwt"))
    }

    /// The issuer of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    pub fn issuer(&self, name: &str) -> Result<&Issuer, Error> {
        named(&self.parts().issuers, "issuer", "issuers", name)
    }

    /// The verifier of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    pub fn verifier(&self, name: &str) -> Result<&Verifier, Error> {
        named(&self.parts().verifiers, "verifier", "verifiers", name)
    }

    /// The key ring of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    pub fn key_ring(&self, name: &str) -> Result<&KeyRing, Error> {
        let ring = self.parts().rings.get(name);
        ring.ok_or_else(|| no_such("key ring", "key_rings", name))
    }

    /// The deny or allow list of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    pub fn list(&self, name: &str) -> Result<&TokenList, Error> {
        let list = self.parts().lists.get(name);
        list.ok_or_else(|| no_such("list", "lists", name))
    }

    /// The store of this name, for data of your own.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where there is none of it.
    pub fn store(&self, name: &str) -> Result<Arc<dyn Store>, Error> {
        let store = self.parts().stores.get(name).cloned();
        store.ok_or_else(|| no_such("store", "stores", name))
    }

    /// Begins the refresh tokens of the file, for data of your own type.
    ///
    /// ```
    /// # fn example(jam: jamguard::Jam) -> Result<(), jamguard::Error> {
    /// use jamguard::RefreshTokens;
    ///
    /// let refresh: RefreshTokens<String> = jam
    ///     .refresh_tokens()?
    ///     .on_reuse(|reuse| eprintln!("stolen from {}", reuse.subject))
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    pub fn refresh_tokens<T>(&self) -> Result<RefreshTokensBuilder<T>, Error> {
        match &self.parts().refresh {
            Some(refresh) => Ok(refresh.begin()),
            None => Err(not_configured("refresh tokens", "refresh_tokens")),
        }
    }

    /// The sessions.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    #[cfg(feature = "session")]
    pub fn sessions(&self) -> Result<&Sessions, Error> {
        let sessions = self.parts().sessions.as_ref();
        sessions.ok_or_else(|| not_configured("sessions", "sessions"))
    }

    /// The JustAuthenticateMe app of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    #[cfg(feature = "client")]
    pub fn app(&self, name: &str) -> Result<&JamApp, Error> {
        named(&self.parts().apps, "app", "apps", name).map(|app| &app.app)
    }

    /// The client of the only app.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none, or
    /// several.
    #[cfg(feature = "client")]
    pub fn client(&self) -> Result<&JamClient, Error> {
        self.parts().only_app().map(|app| &app.client)
    }

    /// The client of the app of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    #[cfg(feature = "client")]
    pub fn client_of(&self, app: &str) -> Result<&JamClient, Error> {
        named(&self.parts().apps, "app", "apps", app).map(|app| &app.client)
    }

    /// The authenticator: that of the section `authenticator`, and without it one that accepts
    /// whatever the file can verify.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has nothing that
    /// could be verified with.
    pub fn authenticator(&self) -> Result<&Authenticator, Error> {
        self.parts().authenticator.as_ref().ok_or_else(|| {
            Error::configuration(
                "the configuration has nothing to authenticate with: add an app, a verifier, an \
                 issuer or sessions",
            )
        })
    }

    /// Begins the handlers of the browser's login, to which a closure of your own may be added.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
    pub fn login(&self) -> Result<JamLoginBuilder, Error> {
        match &self.parts().login {
            Some(login) => Ok(login.begin(self.authenticator()?)),
            None => Err(not_configured("login", "login")),
        }
    }

    /// How one-time passwords are made and checked.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file does not say.
    #[cfg(feature = "otp")]
    pub fn otp(&self) -> Result<&Otp, Error> {
        let otp = self.parts().otp.as_ref();
        otp.ok_or_else(|| not_configured("one-time passwords", "otp"))
    }

    /// What accepts one-time passwords once, for secrets that the application keeps.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    #[cfg(feature = "otp")]
    pub fn otp_guard(&self) -> Result<&OtpGuard, Error> {
        let guard = self.parts().otp_guard.as_ref();
        guard.ok_or_else(|| not_configured("guard of one-time passwords", "otp_guard"))
    }

    /// The recovery codes, for applications that keep the secrets of one-time passwords themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    #[cfg(feature = "otp")]
    pub fn recovery_codes(&self) -> Result<&RecoveryCodes, Error> {
        let codes = self.parts().recovery_codes.as_ref();
        codes.ok_or_else(|| not_configured("recovery codes", "recovery_codes"))
    }

    /// Users' second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    #[cfg(feature = "otp")]
    pub fn second_factor(&self) -> Result<&SecondFactor, Error> {
        let factor = self.parts().second_factor.as_ref();
        factor.ok_or_else(|| not_configured("second factor", "second_factor"))
    }

    /// The client of the OAuth2 provider of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    #[cfg(feature = "oauth2")]
    pub fn oauth2(&self, name: &str) -> Result<&OAuth2Client, Error> {
        named(&self.parts().oauth2, "OAuth2 client", "oauth2", name).map(|found| &found.client)
    }

    /// Begins the handlers of logins through the OAuth2 provider of this name, to which who
    /// somebody is here may be added.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    #[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
    pub fn oauth2_login(&self, name: &str) -> Result<OAuth2LoginBuilder, Error> {
        let found = named(&self.parts().oauth2, "OAuth2 client", "oauth2", name)?;
        match &found.login {
            Some(login) => Ok(login.begin(self.authenticator()?)),
            None => Err(not_configured(
                "OAuth2 login",
                &format!("oauth2.{name}.login"),
            )),
        }
    }

    /// The tokens of the OAuth2 client of this name for calls of other services.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none of it.
    #[cfg(feature = "oauth2")]
    pub fn token_source(&self, name: &str) -> Result<&TokenSource, Error> {
        let found = named(&self.parts().oauth2, "OAuth2 client", "oauth2", name)?;
        let source = found.source.as_ref();
        source.ok_or_else(|| not_configured("token source", &format!("oauth2.{name}.token_source")))
    }

    /// The guard of the file's table of routes, to go around the whole application as
    /// [`Authenticator::routes`] does. It follows [`reload`](Self::reload).
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub fn guards(&self) -> Result<RouteGuard, Error> {
        let auth = self.authenticator()?;
        Ok(auth.live_routes(self.live_table()?.clone()))
    }

    /// The table of routes as it is at the moment, to be looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the file has none.
    pub fn route_table(&self) -> Result<RouteTable, Error> {
        Ok((*self.live_table()?.now()).clone())
    }

    fn live_table(&self) -> Result<&LiveTable, Error> {
        let table = self.0.table.as_ref();
        table.ok_or_else(|| not_configured("table of routes", "guards"))
    }
}

fn no_such(what: &str, section: &str, name: &str) -> Error {
    not_configured(&format!("{what} '{name}'"), &format!("{section}.{name}"))
}

fn named<'p, T>(
    all: &'p BTreeMap<String, T>,
    what: &str,
    section: &str,
    name: &str,
) -> Result<&'p T, Error> {
    all.get(name).ok_or_else(|| no_such(what, section, name))
}

/// All that was built, without any secret.
impl fmt::Debug for Jam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        let mut all = f.debug_struct("Jam");
        all.field("file", &self.0.file)
            .field("pointer", &self.0.setup.pointer)
            .field("stores", &parts.stores.names().collect::<Vec<_>>())
            .field("key_rings", &parts.rings.iter().collect::<BTreeMap<_, _>>())
            .field("lists", &parts.lists.iter().collect::<BTreeMap<_, _>>())
            .field("issuers", &parts.issuers)
            .field("refresh_tokens", &parts.refresh.is_some())
            .field("verifiers", &parts.verifiers);
        #[cfg(feature = "client")]
        {
            let apps: BTreeMap<_, _> = parts
                .apps
                .iter()
                .map(|(name, app)| (name, &app.app))
                .collect();
            all.field("apps", &apps);
        }
        #[cfg(feature = "session")]
        all.field("sessions", &parts.sessions);
        #[cfg(feature = "otp")]
        all.field("otp", &parts.otp)
            .field("otp_guard", &parts.otp_guard)
            .field("recovery_codes", &parts.recovery_codes)
            .field("second_factor", &parts.second_factor);
        #[cfg(feature = "oauth2")]
        {
            let clients = parts
                .oauth2
                .iter()
                .map(|(name, found)| (name, &found.client));
            all.field("oauth2", &clients.collect::<BTreeMap<_, _>>());
        }
        all.field("authenticator", &parts.authenticator)
            .field("guards", &self.0.table)
            .finish()
    }
}
