//! [`Jamguard`]: the facade over everything built from a file.

use super::builder::{JamguardBuilder, Loaded};
use crate::authenticator::Authenticator;
use crate::config::document::{Document, Format, Node};
use crate::config::parts::{Built, Files, JWT, Parts};
use crate::core::{Error, telemetry};
use crate::policy::{LiveTable, RouteTable};
use crate::session::Sessions;
use crate::store::Store;
use crate::token::{
    issuer::Issuer, list::TokenList, protected_resource::ProtectedResource,
    refresh::RefreshTokensBuilder, ring::KeyRing, verifier::Verifier,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::{collections::BTreeMap, fmt};
use tokio::runtime::Runtime;

/// A facade over everything built from one configuration file. Cheap to clone.
///
/// Each method returns the type that the matching builder builds. If the file does not configure
/// it, the error names the section to add. Building opens store files, but no connections: Redis,
/// issuers and JAM are contacted at first use.
///
/// # Example
/// ```no_run
/// use jamguard::Jamguard;
///
/// # fn example() -> Result<(), jamguard::Error> {
/// let jam = Jamguard::from_file("jam.toml")?;
/// let issuer = jam.jwt()?;
/// let auth = jam.authenticator()?;
/// # Ok(()) }
/// ```
///
/// # Without a runtime
/// [`block_on`](Self::block_on) runs async calls, for command-line tools:
///
/// ```
/// use jamguard::{Jamguard, config::Format};
///
/// let jam = Jamguard::from_str(r#"
///     [jam.jwt]
///     algorithm = "HS256"
///     secret = "a secret of at least thirty-two bytes"
/// "#, Format::Toml)?;
/// let token = jam.block_on(jam.jwt()?.issue(&serde_json::json!({"sub": "42"})))?;
/// # assert_eq!(token.expose().split('.').count(), 3);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Jamguard(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) setup: JamguardBuilder,
    /// The file that a reload reads.
    pub(super) file: Option<PathBuf>,
    pub(super) built: Built,
    pub(super) table: Option<LiveTable>,
    pub(super) state: Mutex<State>,
    pub(super) runtime: OnceLock<Runtime>,
}

/// The settings in force.
pub(super) struct State {
    pub(super) node: Node,
    /// Hashes of the files that were read at the start.
    pub(super) files: Files,
}

impl Jamguard {
    /// Returns a builder, for settings that a file cannot contain.
    pub fn builder() -> JamguardBuilder {
        JamguardBuilder::default()
    }

    /// Builds everything from a file's table `jam`. Its extension determines the format.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with file, line and key if the
    /// file is invalid. If a builder fails, its kind with the same location, such as
    /// [`InvalidKey`](crate::ErrorKind::InvalidKey) for a key and
    /// [`Storage`](crate::ErrorKind::Storage) for a store's file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().from_file(path)
    }

    /// Builds everything from a string's table `jam`.
    ///
    /// # Errors
    /// See [`from_file`](Self::from_file).
    pub fn from_str(text: &str, format: Format) -> Result<Self, Error> {
        Self::builder().from_str(text, format)
    }

    /// Builds everything from a value's member `jam`.
    ///
    /// The value is a map, a type of yours, or a tree that another library read. Leave out unset
    /// keys, such as with serde's `skip_serializing_if`: a `null` is an error.
    ///
    /// ```
    /// let jam = jamguard::Jamguard::from_value(&serde_json::json!({"jam": {"verifiers": {}}}))?;
    /// assert!(jam.verifier("api").is_err());
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`from_file`](Self::from_file).
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        Self::builder().from_value(value)
    }

    pub(super) fn new(setup: JamguardBuilder, document: &Document) -> Result<Self, Error> {
        let Loaded { node, built, files } = setup.load(document, &Arc::default(), false)?;
        if let Some(level) = built.log_level {
            telemetry::set_level(level);
        }
        Ok(Self(Arc::new(Inner {
            setup,
            file: document.file().map(Path::to_owned),
            table: built.table.as_ref().map(LiveTable::new),
            built,
            state: Mutex::new(State { node, files }),
            runtime: OnceLock::new(),
        })))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0.built.parts
    }

    /// Returns the issuer of the section `jwt`.
    ///
    /// Its [verifier](Issuer::verifier) accepts the tokens it issues.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn jwt(&self) -> Result<&Issuer, Error> {
        let jwt = self.parts().issuers.get(JWT);
        jwt.ok_or_else(|| not_configured("issuer of tokens", JWT))
    }

    /// Returns the issuer with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn issuer(&self, name: &str) -> Result<&Issuer, Error> {
        named(&self.parts().issuers, "issuer", "issuers", name)
    }

    /// Returns the verifier with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn verifier(&self, name: &str) -> Result<&Verifier, Error> {
        let accepted = named(&self.parts().verifiers, "verifier", "verifiers", name)?;
        Ok(&accepted.verifier)
    }

    /// Returns the key ring with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn key_ring(&self, name: &str) -> Result<&KeyRing, Error> {
        named(&self.parts().rings, "key ring", "key_rings", name)
    }

    /// Returns the deny or allow list with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn list(&self, name: &str) -> Result<&TokenList, Error> {
        named(&self.parts().lists, "list", "lists", name)
    }

    /// Returns the store with this name, for your own data.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if there is no such store.
    pub fn store(&self, name: &str) -> Result<Arc<dyn Store>, Error> {
        named(&self.parts().stores, "store", "stores", name).cloned()
    }

    /// Returns a builder of the file's refresh tokens, for data of your own type.
    ///
    /// ```
    /// # fn example(jam: jamguard::Jamguard) -> Result<(), jamguard::Error> {
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
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn refresh_tokens<T>(&self) -> Result<RefreshTokensBuilder<T>, Error> {
        let refresh = configured(&self.0.built.refresh, "refresh tokens", "refresh_tokens")?;
        Ok(refresh.begin())
    }

    /// Returns the sessions.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn sessions(&self) -> Result<&Sessions, Error> {
        configured(&self.parts().sessions, "sessions", "sessions")
    }

    /// Returns the protected resource, whose metadata the application serves.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn protected_resource(&self) -> Result<&ProtectedResource, Error> {
        configured(&self.parts().resource, "protected resource", "protected_resource")
    }

    /// Returns the authenticator.
    ///
    /// Without the section `authenticator`, it accepts everything that the file can verify.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has nothing to
    /// verify credentials with.
    pub fn authenticator(&self) -> Result<&Authenticator, Error> {
        self.parts().authenticator.as_ref().ok_or_else(|| {
            Error::configuration(
                "the configuration has nothing to authenticate with: add an app, a verifier, an \
                 issuer or sessions",
            )
        })
    }

    /// Returns the guard of the file's route table, to wrap the whole application.
    ///
    /// See [`Authenticator::routes`]. It follows [`reload`](Self::reload).
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub fn guards(&self) -> Result<crate::authenticator::request::RouteGuard, Error> {
        let auth = self.authenticator()?;
        Ok(auth.live_routes(self.live_table()?.clone()))
    }

    /// Returns a copy of the current route table, for inspection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn route_table(&self) -> Result<RouteTable, Error> {
        Ok((*self.live_table()?.now()).clone())
    }

    fn live_table(&self) -> Result<&LiveTable, Error> {
        configured(&self.0.table, "table of routes", "guards")
    }
}

/// Returns the named entry of a section.
pub(super) fn named<'p, T>(
    all: &'p BTreeMap<String, T>,
    what: &str,
    section: &str,
    name: &str,
) -> Result<&'p T, Error> {
    let missing = || not_configured(&format!("{what} '{name}'"), &format!("{section}.{name}"));
    all.get(name).ok_or_else(missing)
}

/// Returns what a section builds, if the file has it.
pub(super) fn configured<'p, T>(
    built: &'p Option<T>,
    what: &str,
    section: &str,
) -> Result<&'p T, Error> {
    built.as_ref().ok_or_else(|| not_configured(what, section))
}

/// Returns the error for a section that the file does not configure.
pub(super) fn not_configured(what: &str, section: &str) -> Error {
    Error::configuration(format!("the configuration has no {what}: add the section '{section}'"))
}

/// Shows everything that was built, without secrets.
impl fmt::Debug for Jamguard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, built) = (self.parts(), &self.0.built);
        f.debug_struct("Jamguard")
            .field("file", &self.0.file)
            .field("pointer", &self.0.setup.pointer)
            .field("stores", &parts.stores.keys())
            .field("key_rings", &parts.rings)
            .field("lists", &parts.lists)
            .field("issuers", &parts.issuers)
            .field("refresh_tokens", &built.refresh.is_some())
            .field("verifiers", &parts.verifiers)
            .field("apps", &parts.apps)
            .field("sessions", &parts.sessions)
            .field("login", &built.login)
            .field("otp", &built.otp)
            .field("oauth2", &built.oauth2)
            .field("authenticator", &parts.authenticator)
            .field("guards", &self.0.table)
            .finish()
    }
}
