//! Settings of the introspection of opaque tokens.

use super::keys::{PrivateKey, SharedSecret, SigningMaterial};
use super::location::Spot;
use super::scalars::Hidden;
use crate::config::document::{Problem, Section};
use crate::core::{Secret, network::NetworkOptions};
use crate::introspection::{Introspection, IntrospectionBuilder, builder::IntrospectionOptions};
use crate::jose::Algorithm;

settings! {
    /// Introspection of opaque tokens at their authorization server.
    pub(super) struct IntrospectionSettings {
        /// URL of the introspection endpoint: https, or http on loopback.
        url: Option<String>,
        /// Issuer whose metadata names the endpoint. Its `iss` is required.
        discover: Option<String>,
        /// The id of this service at the authorization server.
        client_id: String,
        /// The secret of this service. It excludes a private key.
        secret: Option<Hidden>,
        /// A file with the secret of this service. One line ending at its end is ignored.
        secret_file: Option<String>,
        /// Where id and secret are sent. Default: `header`.
        secret_in: Option<Place>,
        /// Algorithm of the private key, which signs a client assertion for each call.
        algorithm: Option<Algorithm>,
        /// The private key's id, `kid`.
        key_id: Option<String>,
    }

    /// Where id and secret are sent.
    enum Place {
        /// `client_secret_basic`: the `Authorization` header.
        Header,
        /// `client_secret_post`: members of the form.
        Body,
    }
}

/// A section of an introspection.
pub(super) type IntrospectionSection = Section<
    NetworkOptions,
    Section<IntrospectionOptions, Section<PrivateKey, IntrospectionSettings>>,
>;

impl IntrospectionSection {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<Introspection, Problem> {
        let Self(network, Section(options, Section(key, settings))) = self;
        spot.one_of(&["url", "discover"])?;
        let mut introspection = match (&settings.url, &settings.discover) {
            (Some(url), _) => Introspection::builder(url),
            (None, Some(issuer)) => Introspection::discover(issuer),
            (None, None) => return Err(spot.wrong("there is no server: give 'url' or 'discover'")),
        };
        introspection.options = options.clone();
        introspection.network = spot.network(network)?;
        introspection = settings.client(introspection, key, spot)?;
        spot.built(introspection.clock(spot.clock()).build())
    }
}

impl IntrospectionSettings {
    /// Sets the credentials of this service.
    fn client(
        &self,
        introspection: IntrospectionBuilder,
        key: &PrivateKey,
        spot: &Spot<'_>,
    ) -> Result<IntrospectionBuilder, Problem> {
        spot.one_of(&["secret", "secret_file", "private_key", "private_key_file"])?;
        let id = &self.client_id;
        if let Some(secret) = self.secret(spot)? {
            return Ok(match self.secret_in {
                None | Some(Place::Header) => introspection.client_secret_basic(id, secret),
                Some(Place::Body) => introspection.client_secret_post(id, secret),
            });
        }
        if self.secret_in.is_some() {
            return Err(spot.key("secret_in").wrong("there is no 'secret' that it applies to"));
        }
        if !SigningMaterial::is_given(spot) {
            return Err(spot.wrong(
                "there are no credentials: give 'secret', 'secret_file', 'private_key' or \
                 'private_key_file'",
            ));
        }
        let key = Section(SharedSecret::default(), key.clone());
        let key = key.build(self.algorithm, self.key_id.as_ref(), spot)?;
        Ok(introspection.private_key_jwt(id, key))
    }

    fn secret(&self, spot: &Spot<'_>) -> Result<Option<Secret>, Problem> {
        spot.secret("secret", &self.secret, &self.secret_file)
    }
}
