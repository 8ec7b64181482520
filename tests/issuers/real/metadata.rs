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
            if let Ok(document @ Value::Object(_)) = answer.json().await {
                found.push((name, document));
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

    pub(super) fn logout(&self) -> String {
        let has = |name: &str, value: fn(&Value) -> bool| {
            self.0.iter().any(|(_, document)| value(&document[name]))
        };
        let kinds = [
            ("RP-initiated", has("end_session_endpoint", Value::is_string)),
            ("back-channel", has("backchannel_logout_supported", |value| value == true)),
            ("front-channel", has("frontchannel_logout_supported", |value| value == true)),
        ];
        let named: Vec<_> = kinds.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
        match named.is_empty() {
            true => "none".to_owned(),
            false => named.join(", "),
        }
    }

    /// Whether the issuer binds tokens to keys of clients (RFC 9449).
    pub(super) fn has_dpop(&self) -> bool {
        self.0.iter().any(|(_, document)| document["dpop_signing_alg_values_supported"].is_array())
    }
}
