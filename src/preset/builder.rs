//! `Preset`: a verifier's rules, the place of its tokens and its claim paths.

use super::argument::Argument;
use crate::authenticator::{CredentialSource, accepted::AcceptedTokens};
use crate::core::{Error, debug_fields, telemetry};
use crate::jose::Algorithm;
use crate::jwks::{AwsAlb, RemoteKeySet, RemoteKeySetBuilder};
use crate::policy::ClaimPaths;
use crate::token::firebase_emulator::EmulatorSigner;
use crate::token::protected_resource::ProtectedResource;
use crate::token::{builder::VerifierBuilder, issuers::Issuers, verifier::Verifier};

/// Adds the keys of a provider to its verifier.
type AddKeys = Box<dyn FnOnce(VerifierBuilder) -> Result<VerifierBuilder, Error> + Send>;
/// Changes how a provider's keys are fetched.
type ChangeKeySet = Box<dyn FnOnce(RemoteKeySetBuilder) -> RemoteKeySetBuilder + Send>;

/// The rules for the tokens of a well-known provider.
///
/// A preset sets the issuer, where its keys are, the algorithms, what names the recipient of a
/// token, where requests carry it, and the claims that hold scopes and roles. Everything that it
/// sets can be changed. `docs/providers` has a page for each: what it checks, which tokens of the
/// provider it refuses and why, and where to find the arguments.
///
/// | preset | tokens | names the recipient |
/// |---|---|---|
/// | [`auth0`](Self::auth0) | access tokens of Auth0 | `aud` |
/// | [`cognito`](Self::cognito) | access tokens of an Amazon Cognito user pool | `client_id` |
/// | [`entra`](Self::entra), [`entra_tenants`](Self::entra_tenants), [`entra_any_tenant`](Self::entra_any_tenant) | access tokens of Microsoft Entra ID, v1.0 and v2.0 | `aud` |
/// | [`keycloak`](Self::keycloak) | access tokens of a Keycloak realm | `aud` |
/// | [`okta`](Self::okta) | access tokens of an Okta custom authorization server | `aud` |
/// | [`zitadel`](Self::zitadel) | JWT access tokens of ZITADEL | `aud` |
/// | [`apple`](Self::apple) | identity tokens of Sign in with Apple | `aud` |
/// | [`clerk`](Self::clerk) | session tokens of Clerk | `azp` |
/// | [`firebase`](Self::firebase) | ID tokens of Firebase Authentication | `aud` |
/// | [`google`](Self::google) | ID tokens of Google | `aud` |
/// | [`supabase`](Self::supabase) | access tokens of Supabase Auth | the project |
/// | [`workos`](Self::workos) | access tokens of WorkOS AuthKit | the application's keys |
/// | [`aws_alb`](Self::aws_alb) | the header of AWS Application Load Balancers | the load balancer |
/// | [`cloudflare_access`](Self::cloudflare_access) | the header of Cloudflare Access | `aud` |
/// | [`google_iap`](Self::google_iap) | the header of Google's Identity-Aware Proxy | `aud` |
/// | [`github_actions`](Self::github_actions) | tokens of GitHub Actions workflows | `aud` |
/// | [`gitlab_ci`](Self::gitlab_ci) | ID tokens of GitLab CI/CD jobs | `aud` |
/// | [`kubernetes`](Self::kubernetes) | tokens of Kubernetes service accounts | `aud` |
/// | [`spiffe`](Self::spiffe) | JWT-SVIDs of a SPIFFE trust domain | `aud` |
///
/// # Example
/// ```
/// use jamguard::{Authenticator, Preset};
///
/// // Users of Auth0, and workflows of one repository.
/// let auth = Authenticator::builder()
///     .preset(Preset::auth0("acme.eu.auth0.com").audience("https://api.acme.example"))
///     .preset(Preset::github_actions("acme/shop").audience("https://api.acme.example"))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct Preset {
    name: &'static str,
    /// The checked argument of the constructor.
    argument: String,
    fault: Option<Error>,
    issuers: Vec<String>,
    verifier: VerifierBuilder,
    keys: Keys,
    recipient: Recipient,
    audiences: Vec<String>,
    resource: Option<ProtectedResource>,
    client_ids: Vec<String>,
    /// The claim with the client; `None` for the claims of [`VerifierBuilder::client_ids`].
    client_claim: Option<&'static str>,
    /// Whether tokens without `aud` pass, by their client.
    client_instead: bool,
    /// The issuer whose discovery document names the keys; `None` for the first of `issuers`.
    authority: Option<String>,
    change_key_set: Option<ChangeKeySet>,
    source: CredentialSource,
    claim_paths: ClaimPaths,
}

/// Where the keys come from.
enum Keys {
    /// From the key set that the metadata of the authority or first issuer names.
    Discovered,
    /// From the JWK set at this URL.
    At(String),
    Added(AddKeys),
    /// The application must say, with where to find them at the provider.
    Needed(&'static str),
}

/// What the application must name, with where to find it at the provider.
enum Recipient {
    Audience(&'static str),
    Client(&'static str),
    /// Nothing: the tokens are for one application, or the application accepts any.
    Any,
}

/// What the constructors of presets set.
impl Preset {
    /// Returns a preset without rules.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            argument: String::new(),
            fault: None,
            issuers: Vec::new(),
            verifier: Verifier::builder(),
            keys: Keys::Discovered,
            recipient: Recipient::Any,
            audiences: Vec::new(),
            resource: None,
            client_ids: Vec::new(),
            client_claim: None,
            client_instead: false,
            authority: None,
            change_key_set: None,
            source: CredentialSource::bearer(),
            claim_paths: ClaimPaths::default(),
        }
    }

    /// Returns a preset with an argument, which replaces `{}` in its texts.
    pub(super) fn of(name: &'static str, value: impl Into<String>, argument: Argument) -> Self {
        let new = Self::new(name);
        match argument.check(name, &value.into()) {
            Ok(argument) => Self { argument, ..new },
            Err(fault) => Self { fault: Some(fault), ..new },
        }
    }

    /// Returns the other preset, with the fault of this one, if it has one.
    pub(super) fn or_fault(self, other: Self) -> Self {
        Self { fault: self.fault.or(other.fault), ..other }
    }

    /// Returns the text with the argument.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{}", &self.argument)
    }

    /// Accepts this `iss`. Call again to accept several issuers.
    pub(super) fn issued_by(mut self, issuer: &str) -> Self {
        self.issuers.push(self.fill(issuer));
        self
    }

    /// Takes the keys from this JWK set.
    pub(super) fn keys_at(self, url: &str) -> Self {
        let url = self.fill(url);
        self.jwks_url(url)
    }

    /// Takes keys and form of the tokens from load balancers.
    pub(super) fn load_balancers(self, alb: AwsAlb) -> Self {
        self.keys(move |verifier| alb.apply(verifier))
    }

    /// Requires keys, which are found as the advice says.
    pub(super) fn needs_keys(self, advice: &'static str) -> Self {
        Self { keys: Keys::Needed(advice), ..self }
    }

    fn keys(
        self,
        keys: impl FnOnce(VerifierBuilder) -> Result<VerifierBuilder, Error> + Send + 'static,
    ) -> Self {
        Self { keys: Keys::Added(Box::new(keys)), change_key_set: None, ..self }
    }

    /// Requires an audience, which is found as the advice says.
    pub(super) fn needs_audience(self, advice: &'static str) -> Self {
        Self { recipient: Recipient::Audience(advice), ..self }
    }

    /// Requires a client, which is found as the advice says.
    pub(super) fn needs_client(self, advice: &'static str) -> Self {
        Self { recipient: Recipient::Client(advice), ..self }
    }

    /// Requires a client, and lets it decide about tokens without `aud`.
    pub(super) fn needs_client_instead_of_audience(self, advice: &'static str) -> Self {
        Self { recipient: Recipient::Client(advice), client_instead: true, ..self }
    }

    /// Locates the keys by the discovery document of this issuer, whose tokens are not accepted.
    pub(super) fn authority(mut self, authority: &str) -> Self {
        self.authority = Some(self.fill(authority));
        self
    }

    /// Names the claim with the client.
    pub(super) fn client_claim(self, client_claim: &'static str) -> Self {
        Self { client_claim: Some(client_claim), ..self }
    }

    /// Takes the tokens from this header, which a proxy adds.
    pub(super) fn proxy_header(self, name: &str) -> Self {
        self.source(CredentialSource::proxy_header(name))
    }
}

/// Changes to a preset.
impl Preset {
    /// Replaces all issuers, for a provider on a domain of your own.
    ///
    /// The tenants of `entra` are issuers too: name several with [`entra_tenants`](Self::entra_tenants).
    /// The keys of `auth0`, `entra`, `keycloak`, `okta`, `zitadel`, `google`, `github_actions` and
    /// `gitlab_ci` are then those of its discovery document. The others keep the place of their
    /// keys: change it too if it moved.
    ///
    /// ```
    /// # use jamguard::Preset;
    /// // A GitLab of your own.
    /// let preset = Preset::gitlab_ci("acme/shop")
    ///     .issuer("https://gitlab.acme.example")
    ///     .audience("https://api.acme.example");
    /// ```
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.verifier.issuers = Issuers::default();
        Self { issuers: vec![issuer.into()], authority: None, ..self }
    }

    /// Requires this value in `aud`. Call again to accept several audiences.
    ///
    /// ```
    /// # use jamguard::Preset;
    /// // A missing audience is an error that says where to find it.
    /// let error = Preset::auth0("acme.eu.auth0.com").build().unwrap_err();
    /// assert!(error.message().contains("Applications > APIs"));
    /// ```
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts the tokens whose `aud` names this resource (RFC 8707), as one of the audiences.
    ///
    /// ```
    /// # use jamguard::{Authenticator, Preset, ProtectedResource};
    /// let realm = "https://sso.acme.example/realms/shop";
    /// let resource = ProtectedResource::builder("https://api.acme.example/mcp")
    ///     .authorization_server(realm)
    ///     .build()?;
    /// let auth = Authenticator::builder()
    ///     .preset(Preset::keycloak(realm).protected_resource(&resource))
    ///     .protected_resource(&resource)
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn protected_resource(self, resource: &ProtectedResource) -> Self {
        Self { resource: Some(resource.clone()), ..self }
    }

    /// Accepts tokens for any audience.
    ///
    /// See [`VerifierBuilder::any_audience`]: each service of the issuer can then present its users'
    /// tokens here.
    pub fn any_audience(self) -> Self {
        Self {
            recipient: Recipient::Any,
            audiences: Vec::new(),
            resource: None,
            client_instead: false,
            ..self
        }
    }

    /// Requires tokens that were issued to this client. Call again to accept several clients.
    ///
    /// The client is `cid` for Okta, `azp` for Clerk, and for the others that of
    /// [`VerifierBuilder::client_ids`]: `client_id`, else `azp`, else `appid`. Clerk names a client by its origin, such as `https://app.example.com`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_ids.push(client_id.into());
        self
    }

    /// Replaces the accepted algorithms.
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.map_verifier(|verifier| verifier.algorithms(algorithms))
    }

    /// Takes the keys from a published JWK set at another `url`.
    ///
    /// How the keys are fetched is the default then: what the preset and
    /// [`map_key_set`](Self::map_key_set) said is for their old place.
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        Self { keys: Keys::At(url.into()), change_key_set: None, ..self }
    }

    /// Changes how the provider's keys are fetched: its address in a private network, certificate
    /// authorities, times.
    ///
    /// ```
    /// # use jamguard::Preset;
    /// // Inside of a compose network the issuer has another name.
    /// let preset = Preset::keycloak("https://sso.acme.example/realms/shop")
    ///     .audience("orders")
    ///     .map_key_set(|keys| {
    ///         keys.discover_at("http://keycloak:8080/realms/shop")
    ///             .danger_plain_http_hosts(["keycloak"])
    ///     });
    /// ```
    pub fn map_key_set(
        self,
        change: impl FnOnce(RemoteKeySetBuilder) -> RemoteKeySetBuilder + Send + 'static,
    ) -> Self {
        let before = self.change_key_set;
        let both = move |keys| match before {
            Some(before) => change(before(keys)),
            None => change(keys),
        };
        Self { change_key_set: Some(Box::new(both)), ..self }
    }

    /// Takes the keys from a configured remote key set.
    pub fn jwks(self, keys: RemoteKeySet) -> Self {
        self.keys(move |verifier| Ok(verifier.jwks(keys)))
    }

    /// Takes the keys from a fixed JWK set.
    ///
    /// Each of the preset's algorithms needs a key: [`algorithms`](Self::algorithms) names fewer.
    pub fn jwks_json(self, json: impl Into<String>) -> Self {
        let json = json.into();
        self.keys(move |verifier| verifier.jwks_json(&json))
    }

    /// Accepts the unsigned tokens of Firebase's Auth emulator, and no others. Development only.
    ///
    /// Anyone can write such a token, and so be any user. The preset must be
    /// [`firebase`](Self::firebase), and its project one that exists in the emulator alone: its ID
    /// begins with `demo-`. Tokens for other projects, and signed tokens, are refused. It warns in
    /// the log. Default: off; unsigned tokens are refused.
    ///
    /// ```
    /// # use jamguard::Preset;
    /// let preset = Preset::firebase("demo-shop").danger_firebase_emulator();
    /// ```
    pub fn danger_firebase_emulator(self) -> Self {
        if self.name != "firebase" {
            let fault = Error::configuration(format!(
                "the preset `{}` has no emulator: .danger_firebase_emulator() is for firebase",
                self.name
            ));
            return Self { fault: self.fault.or(Some(fault)), ..self };
        }
        let project_id = self.fill("{}");
        self.keys(move |verifier| {
            let signer = EmulatorSigner::new(&project_id)?;
            telemetry::warn(
                "unsigned tokens of Firebase's emulator are accepted: never do this in production",
                &project_id,
            );
            verifier.firebase_emulator(signer)
        })
    }

    /// Changes the place of the tokens in a request.
    pub fn source(self, source: CredentialSource) -> Self {
        Self { source, ..self }
    }

    /// Changes the claims with scopes and roles.
    ///
    /// ```
    /// # use jamguard::{Preset, policy::ClaimPaths};
    /// let preset = Preset::keycloak("https://sso.acme.example/realms/shop")
    ///     .audience("orders")
    ///     .claim_paths(
    ///         ClaimPaths::keycloak().roles(["realm_access.roles", "resource_access.orders.roles"]),
    ///     );
    /// ```
    pub fn claim_paths(self, claim_paths: ClaimPaths) -> Self {
        Self { claim_paths, ..self }
    }

    /// Changes the verifier: more rules, a clock, lists, another size of its cache.
    ///
    /// ```
    /// # use jamguard::Preset;
    /// let preset = Preset::google()
    ///     .audience("1234.apps.googleusercontent.com")
    ///     .map_verifier(|verifier| verifier.require_text("hd", "acme.example"));
    /// ```
    pub fn map_verifier(self, change: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Self {
        Self { verifier: change(self.verifier), ..self }
    }

    /// Builds the verifier alone. Fetches nothing yet.
    ///
    /// [`AuthenticatorBuilder::preset`](crate::AuthenticatorBuilder::preset) also takes the place of
    /// the tokens and the claim paths.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if an argument or the audience
    /// is missing, with where to find it at the provider; and the errors of
    /// [`VerifierBuilder::build`].
    pub fn build(self) -> Result<Verifier, Error> {
        self.accepted().map(|accepted| accepted.verifier)
    }

    pub(crate) fn accepted(self) -> Result<AcceptedTokens, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let names_audience = !self.audiences.is_empty() || self.resource.is_some();
        let missing = match (&self.keys, self.recipient) {
            (Keys::Needed(advice), _) => Some(("keys, .jwks_url(…)", *advice)),
            (_, Recipient::Audience(advice)) if !names_audience => {
                Some(("an audience, .audience(…)", advice))
            }
            (_, Recipient::Client(advice)) if self.client_ids.is_empty() => {
                Some(("a client, .client_id(…)", advice))
            }
            _ => None,
        };
        if let Some((what, advice)) = missing {
            let name = self.name;
            return Err(Error::configuration(format!(
                "the preset `{name}` needs {what}: {advice}"
            )));
        }
        let mut issuers = self.issuers.into_iter();
        let is_changed = self.change_key_set.is_some();
        let change = self.change_key_set.unwrap_or_else(|| Box::new(|keys| keys));
        let mut verifier = match self.keys {
            Keys::Added(_) if is_changed => {
                return Err(Error::configuration(
                    ".map_key_set(…) changes how the preset fetches keys, and these keys are the \
                     application's: remove it, or .jwks(…) and .jwks_json(…)",
                ));
            }
            Keys::Added(keys) => keys(self.verifier)?,
            Keys::At(url) => self.verifier.key_set(change(RemoteKeySet::builder(url))),
            Keys::Discovered | Keys::Needed(_) => match self.authority.or_else(|| issuers.next()) {
                Some(issuer) => self.verifier.discover_with(issuer, change),
                None => self.verifier,
            },
        };
        verifier = issuers.fold(verifier, VerifierBuilder::issuer);
        verifier = self.audiences.into_iter().fold(verifier, VerifierBuilder::audience);
        if let Some(resource) = &self.resource {
            verifier = verifier.protected_resource(resource);
        }
        if !names_audience && !self.client_instead {
            verifier = verifier.any_audience();
        }
        verifier = match self.client_claim {
            _ if self.client_ids.is_empty() => verifier,
            Some(claim) => verifier.token_kind(claim, self.client_ids),
            None => verifier.client_ids(self.client_ids),
        };
        if self.client_instead {
            verifier = verifier.client_id_instead_of_audience();
        }
        Ok(AcceptedTokens {
            verifier: verifier.build()?,
            source: self.source,
            claim_paths: Some(self.claim_paths),
        })
    }
}

/// For the configuration file.
#[cfg(feature = "config")]
impl Preset {
    /// Removes the issuers, for a verifier that discovers its own.
    pub(crate) fn without_issuers(self) -> Self {
        Self { issuers: Vec::new(), ..self }
    }

    /// Accepts another issuer.
    pub(crate) fn and_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Changes the claims with scopes and roles.
    pub(crate) fn map_claim_paths(self, change: impl FnOnce(ClaimPaths) -> ClaimPaths) -> Self {
        Self { claim_paths: change(self.claim_paths), ..self }
    }

    /// Removes the keys, for a verifier that has its own.
    pub(crate) fn without_keys(self) -> Self {
        self.keys(Ok)
    }

    /// Changes the verifier by a function that may fail.
    pub(crate) fn try_map_verifier<E>(
        self,
        change: impl FnOnce(VerifierBuilder) -> Result<VerifierBuilder, E>,
    ) -> Result<Self, E> {
        Ok(Self { verifier: change(self.verifier)?, ..self })
    }
}

debug_fields!(Preset, self, name = self.name, verifier = self.verifier, source = self.source);
