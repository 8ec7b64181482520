//! Everything that a builder can set can be set in the file: files with every key of the schema
//! build, and no key is missing.

use crate::files::{SECRET, builder};
use crate::support::folder::Folder;
use jamguard::config::{Document, Format, JamguardBuilder, schema};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::SealingKeys;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Everything at once, but for what excludes something else here.
pub(crate) const FIRST: &str = r#"
[jam]
log_level = "debug"
unmatched = "deny"
keep_encoded_slashes = true

[jam.stores.local]
memory = { max_bytes = 1000000, max_anonymous_bytes = 100000 }
near = { max_bytes = 100000, max_absent_bytes = 10000, max_age = "1s" }

[jam.stores.disk]
file = { path = "store.redb" }

[jam.stores.cluster.redis]
url = "redis-cluster://127.0.0.1:1,127.0.0.1:2"
prefix = "shop:"
timeout = "100ms"

[jam.key_rings.main]
algorithm = "ES512"
rotate_every = "30 days"
publish_ahead = "2h"
overlap = "7 days"
store = "local"
sealing = { key = "${SEALING}", previous = [{ key = "${SEALING}" }, { key_file = "sealing.key" }] }
name = "signing"
refresh_interval = "1s"

[jam.key_rings.given]
algorithm = "ES256"
keys = [
    { private_key_file = "es256.pem", current_from = "2020-01-01T00:00:00Z", key_id = "a" },
    { private_key = "${PEM}", expires_at = "2100-01-01T00:00:00Z" },
]

[jam.key_rings.shared]
algorithm = "HS256"
keys = [{ secret = "${SECRET}" }, { secret_file = "secret", current_from = "2020-01-01T00:00:00Z" }]

[jam.lists.denied]
kind = "deny"
store = "local"
name = "refused"
leeway = "5m"
max_token_lifetime = "unlimited"
danger_fail_open = true

[jam.lists.allowed]
kind = "allow"
store = "local"
leeway = "5m"
max_token_lifetime = "unlimited"

[jam.jwt]
algorithm = "HS256"
secret = "${SECRET}"
key_id = "2026"
issuer = "https://app.example"
audience = "api"
lifetime = "400 days"
danger_lifetime_over_a_year = true
leeway = "30s"
token_type = "at+jwt"
jwks_url = "https://app.example/keys"
deny_lists = "denied"
allow_lists = "allowed"

[jam.issuers.ring]
key_ring = "main"
issuer = "https://ring.example"

[jam.issuers.file]
algorithm = "HS256"
secret_file = "secret"

[jam.issuers.pem]
algorithm = "ES256"
private_key = "${PEM}"

[jam.issuers.pem_file]
algorithm = "ES256"
private_key_file = "es256.pem"

[jam.refresh_tokens]
store = "local"
name = "logins"
lifetime = "90 days"
idle_lifetime = "14 days"
grace = "2s"

[jam.verifiers.url]
jwks_url = "https://issuer.example/keys"
key_set = { timeout = "2s", min_age = "10s", max_age = "1h", default_age = "5m", max_stale = "30m", cooldown = "10s", danger_plain_http_hosts = ["keycloak"], ca_file = "root.pem" }
algorithms = ["ES512", "EdDSA"]
issuer = "https://issuer.example"
audience = ["api", "web"]
token_type = "at+jwt"
token_kind = { token_use = "access", type = ["app", "access"] }
require = ["sub", "jti"]
require_text = { hd = "example.com" }
require_any_text = "email"
require_key_id = true
client_ids = ["web", "app"]
client_id_instead_of_audience = true
issuer_family = { "https://issuer.example/{tenant}" = ["blue", "green"] }
numeric_subject = true
danger_accept_text_dates = true
try_several_keys = true
issuer_verifies_emails = true
leeway = "10s"
max_token_len = 8192
cache_bytes = 1048576
deny_lists = "denied"
allow_lists = "allowed"

[jam.verifiers.discovered]
discover = "https://other.example"
discover_at = "https://inside.example"
audience = "api"
algorithms = ["RS256"]
access_token_profile = true
try_several_keys = true

[jam.verifiers.discovered.introspection]
discover = "https://other.example"
client_id = "api"
secret = "${SECRET}"
secret_in = "body"
signed_answers = ["RS256"]
answer_audience = "https://api.example"
active_ttl = "10s"
inactive_ttl = "2s"
timeout = "3s"
token_types = ["urn:acme:access"]
danger_accept_missing_token_type = true

[jam.verifiers.opaque]
issuer = "https://opaque.example"
audience = "api"

[jam.verifiers.opaque.introspection]
url = "https://opaque.example/introspect"
client_id = "api"
secret_file = "secret"

[jam.verifiers.opaque_by_key]
issuer = "https://opaque.example"
audience = "api"

[jam.verifiers.opaque_by_key.introspection]
url = "https://opaque.example/introspect"
client_id = "api"
algorithm = "ES256"
private_key = "${PEM}"
key_id = "a"
assertion_audience = "https://opaque.example"

[jam.verifiers.opaque_by_key_file]
any_audience = true

[jam.verifiers.opaque_by_key_file.introspection]
url = "https://opaque.example/introspect"
client_id = "api"
algorithm = "ES256"
private_key_file = "es256.pem"

[jam.verifiers.alb]
aws_alb = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
aws_alb_keys_url = "https://keys.example"
any_audience = true

[jam.verifiers.file]
jwks_file = "keys.json"
algorithms = ["ES256"]
any_audience = true
danger_accept_missing_exp = true

[jam.verifiers.text]
jwks = "${JWKS}"
algorithms = ["ES256"]
audience = "api"
danger_accept_bound_tokens = true
danger_accept_expired = true

[jam.verifiers.keys]
any_audience = true
algorithms = ["ES256", "HS256"]
keys = [
    { algorithm = "ES256", public_key = "${PUBLIC}", key_id = "a" },
    { algorithm = "ES256", public_key_file = "public.pem" },
    { algorithm = "HS256", secret = "${SECRET}" },
    { algorithm = "HS256", secret_file = "secret" },
]

[jam.verifiers.ring]
any_audience = true
key_ring = "main"

[jam.apps.main]
app_id = "dcd6555e-edff-4f3d-83c9-3af79ea8f895"
base_url = "https://jam.example/v1"
leeway = "10s"
cache_bytes = 0
deny_lists = ["denied"]
key_set = { timeout = "1s" }
timeout = "3s"
legacy_paths = true

[jam.sessions]
store = "disk"
name = "carts"
idle_timeout = "30m"
absolute_timeout = "12h"
touch_every = "1m"
encryption = { key = "${SEALING}" }
on_type_mismatch = "start_over"
max_bytes = 4096
cache_bytes = 1048576

[jam.authenticator]
apps = "main"
verifiers = ["url", "keys"]
issuers = "jwt"
sessions = true
deny_lists = "denied"
sources = ["bearer", { header = "x-id-token" }, { cookie = "token" }, { proxy_header = "x-assertion" }, { query = "access_token" }, "websocket", "session"]
login_cookies = { id_name = "__Secure-id", refresh_name = "__Secure-refresh", path = "/shop", domain = "example.com", partitioned = true }
session_cookie = { name = "__Secure-cart", same_site = "strict", path = "/shop", domain = "example.com", partitioned = true, until_the_browser_closes = true }
realm = "shop"
ignore_invalid_bearer = true
refuse_invalid_cookies = true
trusted_origins = "https://admin.example"
danger_accept_cross_site = true
enrichment_ttl = "10s"
enrichment_store = "local"
silent_refresh = "main"
outage_grace = "10m"
client_certificates = { danger_header = "client-cert" }

[jam.authenticator.dpop]
public_url = ["https://api.example.com", "https://example.com/api"]
algorithms = ["ES256", "Ed25519"]
required = true
window = "30s"
store = "local"
nonces = { key_file = "sealing.key" }
nonce_lifetime = "2m"

[jam.authenticator.claim_paths]
preset = "keycloak"
scopes = ["scope"]
roles = ["realm_access.roles", ["https://example.com/roles"]]
permissions = ["permissions"]
email = { address = "mail", verified = "mail_verified" }
email_verified = ["mail_verified", ["https://example.com/verified"]]
acr_values = ["gold"]
scope_implies = { admin = ["read", "write"], write = "read" }

[jam.login]
app = "main"
home = "/welcome"
keep = "session"

[jam.otp]
kind = "totp"
algorithm = "SHA256"
digits = 8
period = "60s"
look_ahead = 2

[jam.otp_guard]
store = "local"
name = "guard"
max_failures = 3
lockout = "1h"
resync_window = 50

[jam.recovery_codes]
store = "local"
name = "recovery"
count = 16
max_failures = 3
lockout = "1h"

[jam.second_factor]
store = "local"
sealing = { key = "${SEALING}" }
issuer = "My App"
name = "second"
max_failures = 3
lockout = "1h"
resync_window = 50
recovery_codes = 12

[jam.oauth2.github]
client_id = "client"
secret = "${SECRET}"
secret_in = "header"
redirect_url = "https://app.example/github"
scopes = ["read:user", "user:email"]
timeout = "5s"
login = { home = "/welcome", store = "local", danger_plain_http = true }

[jam.oauth2.search]
provider = "google"
client_id = "client"
secret_file = "secret"
redirect_url = "https://app.example/google"
scopes = "openid email"
login = { into_jwt = "jwt", id_token = "url", parameters = { access_type = "offline" } }

[jam.oauth2.company]
discover = "https://login.company.example"
discover_at = "http://keycloak:8080"
danger_plain_http_hosts = "keycloak"
ca_file = "root.pem"
client_id = "client"
secret = "${SECRET}"
token_source = { scopes = "orders.read", parameters = { audience = "https://orders.example" } }
dpop_key = { algorithm = "ES256", private_key_file = "es256.pem" }

[jam.oauth2.acme]
authorize_url = "https://idp.example/authorize"
token_url = "https://idp.example/token"
issuer = "https://idp.example"
oidc = true
always_sends_iss = true
userinfo = "https://idp.example/me"
token_type = "JWT"
id_token_algorithms = ["ES256", "EdDSA"]
client_id = "client"

[[jam.guards]]
path = "/articles/{id}"
methods = ["PUT", "DELETE"]
policy = "role:editor"

[[jam.guards]]
path = "/"
methods = "GET"
public = true
"#;

/// What is said in another way.
pub(crate) const SECOND: &str = r#"
[jam.stores.safe.redis]
url_file = "redis.url"
root_certificates_file = "root.pem"
client_certificate_file = "client.pem"
client_key_file = "client.key"

[jam.sessions]
store = "memory"
encryption = { key_file = "sealing.key" }

[jam.protected_resource]
resource = "http://app:8080/mcp"
authorization_servers = ["http://keycloak:8080/realms/app"]
scopes = ["notes.read", "notes.write"]
name = "Notes"
documentation = "http://app:8080/docs"
scope_in_challenge = true
danger_plain_http = true

[jam.verifiers.mcp]
jwks = "${JWKS}"
algorithms = ["ES256"]
protected_resource = true

[jam.authenticator]
login_cookies = { danger_plain_http = true }
session_cookie = { danger_plain_http = true }
dpop = { danger_trust_forwarded_headers = true }
client_certificates = "connection"

[jam.oauth2.github]
client_id = "client"
dpop_key = { algorithm = "ES256", private_key = "${PEM}" }
"#;

pub(crate) fn documents(folder: &Folder) -> Vec<(&'static str, JamguardBuilder)> {
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let public = key.verifying_key().unwrap();
    let pem = key.expose_private_pem().unwrap().expose().to_owned();
    let sealing = SealingKeys::generate_key().unwrap().expose().to_owned();
    let jwks = format!("{{\"keys\": [{}]}}", public.to_jwk().unwrap().to_json());
    write("es256.pem", &pem);
    write("public.pem", &public.to_pem().unwrap());
    write("keys.json", &jwks);
    write("secret", &format!("{SECRET}-the-second"));
    write("sealing.key", &sealing);
    write("redis.url", "rediss://127.0.0.1:1");
    // Made for this test: nobody trusts them.
    write("root.pem", include_str!("../../stores/redis_servers/tls/ca.pem"));
    write("client.pem", include_str!("../../stores/redis_servers/tls/client.pem"));
    write("client.key", include_str!("../../stores/redis_servers/tls/client.key"));
    let variable = move |name: &str| {
        Some(match name {
            "SECRET" => SECRET.to_owned(),
            "PEM" => pem.clone(),
            "PUBLIC" => public.to_pem().unwrap(),
            "SEALING" => sealing.clone(),
            "JWKS" => jwks.clone(),
            _ => return None,
        })
    };
    let builder =
        builder().variables(variable).authenticator(|auth| auth.enrich(async |_| Ok(json!({}))));
    vec![(FIRST, builder.clone()), (SECOND, builder_without_enrichment(&builder))]
}

fn builder_without_enrichment(builder: &JamguardBuilder) -> JamguardBuilder {
    builder.clone().authenticator(|auth| auth)
}

#[tokio::test]
async fn a_file_with_every_key_builds() {
    let folder = Folder::new("complete");
    for (number, (text, builder)) in documents(&folder).into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.toml"));
        fs::write(&path, text).unwrap();
        builder.clone().check_file(&path).unwrap();
        let opened = folder.store().exists();
        assert!(number > 0 || !opened, "looking at a file opens no store");
        let jam = builder.from_file(&path).unwrap();
        jam.authenticator().unwrap();
        jam.sessions().unwrap();
        if number == 1 {
            let resource = jam.protected_resource().unwrap();
            assert_eq!(resource.identifier(), "http://app:8080/mcp");
        }
        if number == 0 {
            jam.jwt().unwrap();
            jam.client().unwrap();
            jam.login().unwrap().build().unwrap();
            jam.otp().unwrap();
            jam.otp_guard().unwrap();
            jam.recovery_codes().unwrap();
            jam.second_factor().unwrap();
            for name in ["github", "search", "company", "acme"] {
                assert_eq!(jam.oauth2(name).unwrap().client_id(), "client");
            }
            jam.token_source("company").unwrap();
            let github = jam.oauth2_login("github").unwrap();
            let user = async |_| Ok(jamguard::OAuth2User::new("somebody"));
            github.user(user).build().unwrap();
            jam.oauth2_login("search").unwrap().build().unwrap();
            drop(jam.guards().unwrap());
            assert!(folder.store().exists());
            let keys = jam.key_ring("main").unwrap().keys().await.unwrap();
            assert_eq!(keys.len(), 1);
        }
    }
}

/// Walks the schema beside the files: a key that no file has is missing here, or should not be.
#[test]
fn no_key_of_the_schema_is_forgotten() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let read = |text: &str| -> Value {
        let document = Document::from_str(text, Format::Toml).unwrap();
        let document = document.with_variables(|_| Some("x".to_owned()));
        document.read("").unwrap()
    };
    let files = [read(FIRST), read(SECOND), read(include_str!("presets.toml"))];
    let mut uses = BTreeMap::new();
    for file in &files {
        walk(&schema, &schema, file, "File", &mut uses);
    }
    let mut missing = Vec::new();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions {
        let used = uses.get(&**name);
        let keys = definition["properties"].as_object().into_iter().flatten();
        for (key, _) in keys {
            if !used.is_some_and(|used: &BTreeSet<&str>| used.contains(&**key)) {
                missing.push(format!("{name}.{key}"));
            }
        }
    }
    assert!(missing.is_empty(), "no file has {missing:#?}");
    let seen: usize = uses.values().map(BTreeSet::len).sum();
    assert!(seen > 120, "only {seen} keys");
}

/// Notes which keys of each type a value has.
fn walk<'v>(
    schema: &'v Value,
    part: &'v Value,
    value: &'v Value,
    name: &'v str,
    uses: &mut BTreeMap<&'v str, BTreeSet<&'v str>>,
) {
    if let Some(name) = part["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return walk(schema, &schema["$defs"][name], value, name, uses);
    }
    if let (Some(keys), Some(table)) = (part["properties"].as_object(), value.as_object()) {
        for (key, inner) in keys {
            if let Some(value) = table.get(key) {
                uses.entry(name).or_default().insert(key);
                walk(schema, inner, value, name, uses);
            }
        }
    }
    if let (true, Some(table)) = (part["additionalProperties"].is_object(), value.as_object()) {
        for value in table.values() {
            walk(schema, &part["additionalProperties"], value, name, uses);
        }
    }
    if let (true, Some(list)) = (part["items"].is_object(), value.as_array()) {
        for value in list {
            walk(schema, &part["items"], value, name, uses);
        }
    }
    for choice in ["anyOf", "oneOf"] {
        for inner in part[choice].as_array().into_iter().flatten() {
            walk(schema, inner, value, name, uses);
        }
    }
}

/// The schema's keys are those that are read: it refuses what the types refuse.
#[test]
fn the_schema_allows_no_other_keys() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    let mut closed = 0;
    for (name, definition) in definitions {
        if definition["properties"].is_object() {
            assert_eq!(definition["additionalProperties"], false, "{name}");
            closed += 1;
        }
    }
    assert!(closed > 15, "{closed}");
}

/// A variable may hold what only certain texts may be: editors mark `log_level = "${LEVEL}"` as no
/// mistake.
#[test]
fn the_schema_allows_variables_where_it_has_choices() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let mut choices = 0;
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let any = definition["anyOf"].as_array();
        let any: Vec<&Value> = any.into_iter().flatten().collect();
        let is_text = |part: &Value| part["enum"].is_array() || part["const"].is_string();
        assert!(!is_text(definition) && definition["oneOf"].is_null(), "{name}");
        if any.iter().any(|part| is_text(part)) {
            let variable = any.iter().any(|part| part["pattern"] == "\\$\\{");
            assert!(variable, "{name}");
            choices += 1;
        }
    }
    assert!(choices >= 10, "{choices}");
    let file = "
        [jam]
        log_level = '${NOPE:-info}'
        [jam.lists.denied]
        kind = '${NOPE:-deny}'
        store = 'memory'
    ";
    crate::files::jam(file).unwrap();
}
