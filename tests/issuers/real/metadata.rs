//! The metadata documents of an issuer.

use serde_json::Value;

/// The metadata documents of an issuer, by the standard that says where they are.
pub(super) struct Metadata(Vec<(&'static str, Value)>);

impl Metadata {
    pub(super) async fn of(issuer: &str) -> Self {
        let url = url::Url::parse(issuer).unwrap();
        let path = url.path().trim_end_matches('/');
        let origin = url.origin().ascii_serialization();
        let mut found = Vec::new();
        for (name, place) in [
            ("OpenID", format!("{origin}{path}/.well-known/openid-configuration")),
            ("RFC 8414", format!("{origin}/.well-known/oauth-authorization-server{path}")),
        ] {
            let answer = reqwest::get(place).await.unwrap();
            match answer.json::<Value>().await {
                Ok(document) if document["issuer"].is_string() => found.push((name, document)),
                _ => {}
            }
        }
        Self(found)
    }

    pub(super) fn discovery(&self, issuer: &str) -> String {
        let one = |(name, document): &(&str, Value)| match document["issuer"].as_str() {
            Some(named) if named == issuer => (*name).to_owned(),
            _ => format!("{name}, but of another issuer"),
        };
        match self.0.is_empty() {
            true => "none".to_owned(),
            false => self.0.iter().map(one).collect::<Vec<_>>().join(", "),
        }
    }

    /// Where browsers log out (OpenID Connect RP-Initiated Logout 1.0).
    pub(super) fn end_session_endpoint(&self) -> Option<&str> {
        self.0.iter().find_map(|(_, document)| document["end_session_endpoint"].as_str())
    }

    /// How the issuer announces that it tells applications of a logout.
    pub(super) fn logout_channels(&self) -> Vec<&'static str> {
        let has = |name: &str| self.0.iter().any(|(_, document)| document[name] == true);
        let channels = [
            ("back-channel", "backchannel_logout_supported"),
            ("front-channel", "frontchannel_logout_supported"),
        ];
        channels.into_iter().filter(|(_, name)| has(name)).map(|(channel, _)| channel).collect()
    }

    /// Whether the issuer binds tokens to keys of clients (RFC 9449).
    pub(super) fn has_dpop(&self) -> bool {
        self.0.iter().any(|(_, document)| document["dpop_signing_alg_values_supported"].is_array())
    }
}
