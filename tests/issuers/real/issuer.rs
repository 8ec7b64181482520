//! An authorization server from a package registry, for as long as a test needs it.

use crate::support::browser::Browser;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where an issuer's packages come from, which also says how its start script is run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Registry {
    /// npm, in a folder of this name.
    Npm(&'static str),
    /// The Python package index, in a virtual environment of the script's name.
    Python,
    /// Debian's packages; the script is written in Python and needs no other package.
    Debian,
}

/// What a start script prints as one line of JSON once its issuer answers.
#[derive(Deserialize)]
pub(crate) struct Announced {
    pub(crate) version: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) secret: Option<String>,
    pub(crate) callback: String,
    /// Where the client's users arrive after a logout, if the issuer has one.
    pub(crate) logged_out: Option<String>,
    /// A resource that the client may ask for (RFC 8707).
    pub(crate) resource: Option<String>,
    /// The client of the client credentials grant, if it is another one.
    pub(crate) service_id: Option<String>,
    /// Further parameters of its token request.
    #[serde(default)]
    pub(crate) service_parameters: HashMap<String, String>,
    /// Whether the token endpoint takes client secrets in the body only.
    #[serde(default)]
    pub(crate) secret_in_body: bool,
    #[serde(default = "usual_scopes")]
    pub(crate) scopes: Vec<String>,
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub(crate) authorize_parameters: HashMap<String, String>,
    /// Endpoints that no metadata names.
    pub(crate) authorize_url: Option<String>,
    pub(crate) token_url: Option<String>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) introspection_url: Option<String>,
    /// Whether introspection does not say what kind of token it is about.
    #[serde(default)]
    pub(crate) unnamed_tokens: bool,
    /// Where the metadata is, for an issuer that has another name than address.
    discovery: Option<String>,
    /// Cookies of a user who is logged in already.
    #[serde(default)]
    cookies: Vec<String>,
    /// What the user types into the forms of login and consent.
    #[serde(default)]
    form: HashMap<String, String>,
    /// The project of a Firebase emulator, whose tokens are not signed.
    pub(crate) firebase_project: Option<String>,
    /// Tokens that the script got by other means than OAuth 2.0.
    #[serde(default)]
    pub(crate) tokens: HashMap<String, String>,
}

fn usual_scopes() -> Vec<String> {
    ["openid", "email", "orders.read"].map(str::to_owned).into()
}

pub(crate) struct RealIssuer {
    pub(crate) announced: Announced,
    process: Child,
}

impl Announced {
    pub(crate) fn address(&self) -> &str {
        self.discovery.as_deref().unwrap_or(&self.issuer)
    }
}

impl RealIssuer {
    /// Installs the issuer's packages if necessary, and runs its start script.
    pub(crate) fn start(registry: Registry, script: &str) -> Self {
        let mut process =
            command(registry, script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{script} does not start: {error} in {line:?}"));
        Self { announced, process }
    }

    /// A browser of the user who logs in here.
    pub(crate) fn browser(&self) -> Browser {
        let Announced { issuer, cookies, form, .. } = &self.announced;
        Browser::of_a_user(issuer, cookies, form.clone())
    }
}

impl Drop for RealIssuer {
    fn drop(&mut self) {
        // With the end of its input the script stops what it started.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

pub(super) fn command(registry: Registry, script: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = root.join("tests/issuers/real");
    match registry {
        Registry::Npm(folder) => {
            need("need-node-packages", folder);
            let mut node = Command::new("node");
            // The packages are beside the link to the script, not beside the script.
            node.args(["--preserve-symlinks", "--preserve-symlinks-main"])
                .arg(format!("scripts/{folder}/{script}.mjs"))
                .current_dir(root.join("target/issuers").join(folder));
            node
        }
        Registry::Python => {
            need("need-python", script);
            let python = root.join("target/issuers").join(script).join("bin/python");
            python_command(python, &sources, script)
        }
        Registry::Debian => {
            let need = Command::new(root.join("scripts/need")).args([script, script]).output();
            assert!(need.unwrap().status.success(), "install Debian's package {script}");
            python_command("python3".into(), &sources, script)
        }
    }
}

fn python_command(python: PathBuf, sources: &Path, script: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("-B").arg(sources.join("python").join(format!("{script}.py")));
    command
}

fn need(script: &str, folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let need = Command::new(root.join("scripts").join(script)).arg(folder).output();
    let need = need.unwrap_or_else(|error| panic!("scripts/{script} needs bash: {error}"));
    let complaint = String::from_utf8_lossy(&need.stderr);
    assert!(need.status.success(), "scripts/{script} {folder}: {complaint}");
}
