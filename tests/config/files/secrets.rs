//! No error about a configuration shows a text of it, whichever key it is about.

use crate::files::complete::documents;
use crate::support::folder::Folder;
use jamguard::Error;
use jamguard::config::{Document, Format, JamguardBuilder};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// In every text that can have it. Its first letters are looked for: a part is too much already.
const SECRET: &str = "zQ7HiddenValue9";

/// Keys whose values may be any text, or any URL.
const FREE: [&str; 25] = [
    "url",
    "jwks_url",
    "discover",
    "discover_at",
    "aws_alb",
    "aws_alb_keys_url",
    "redirect_url",
    "authorize_url",
    "token_url",
    "userinfo",
    "base_url",
    "issuer",
    "audience",
    "client_id",
    "realm",
    "header",
    "policy",
    "require",
    "token_use",
    "token_type",
    "home",
    "acr_values",
    "access_type",
    "key_id",
    "address",
];

/// Where the values of a tree are that hold no others.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    let within = |key: &str| format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                leaves(value, &within(key), found);
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                leaves(value, &within(&at.to_string()), found);
            }
        }
        _ => found.push(place.to_owned()),
    }
}

/// A configuration as a tree, checked as the file that it makes.
struct Trial {
    tree: Value,
    path: PathBuf,
    builder: JamguardBuilder,
}

impl Trial {
    fn check(&self) -> Result<(), Error> {
        fs::write(&self.path, self.tree.to_string()).unwrap();
        self.builder.clone().check_file(&self.path)
    }

    /// Checks it with another value at a place, and puts the old one back.
    fn check_with(&mut self, place: &str, value: Value) -> Result<(), Error> {
        let old = std::mem::replace(self.tree.pointer_mut(place).unwrap(), value);
        let checked = self.check();
        *self.tree.pointer_mut(place).unwrap() = old;
        checked
    }

    /// Puts the secret into every text that may have any; says into how many.
    fn fill(&mut self) -> usize {
        let mut places = Vec::new();
        leaves(&self.tree, "", &mut places);
        let mut filled = 0;
        for place in places {
            let mut names = place.rsplit('/');
            let key = names.find(|name| name.parse::<usize>().is_err()).unwrap();
            let value = self.tree.pointer_mut(&place).unwrap();
            let Some(text) = value.as_str().filter(|_| FREE.contains(&key)) else {
                continue;
            };
            *value = json!(match text.split_once("://") {
                Some(("redis-cluster", rest)) => format!("redis-cluster://:{SECRET}@{rest}"),
                Some(_) => format!("{text}/{SECRET}"),
                None => format!("{text}{SECRET}"),
            });
            filled += 1;
        }
        filled
    }
}

#[test]
fn no_error_shows_a_text_of_the_configuration() {
    let folder = Folder::new("secrets");
    let (mut filled, mut refused, mut shown) = (0, 0, Vec::new());
    for (number, (text, builder)) in documents(&folder).into_iter().enumerate() {
        // The variables stay where they are.
        let document = Document::from_str(text, Format::Toml).unwrap();
        let document = document.with_variables(|name| Some(format!("${{{name}}}")));
        let mut trial = Trial {
            tree: document.read("").unwrap(),
            path: folder.path().join(format!("{number}.json")),
            builder,
        };
        filled += trial.fill();
        trial.check().unwrap();
        let mut places = Vec::new();
        leaves(&trial.tree, "", &mut places);
        for (at, place) in places.into_iter().enumerate() {
            let text = trial.tree.pointer(&place).unwrap().as_str();
            let text = text.unwrap_or_default().to_owned();
            // In turn, because a whole configuration takes its time.
            let text = match at % 2 {
                0 => format!("{text}&({SECRET}"),
                _ => format!("ht tp://user:{SECRET}@{SECRET}.example/{{{SECRET}?a={SECRET}"),
            };
            for wrong in [json!({"a": SECRET}), json!(text)] {
                let kind = wrong.to_string();
                let Err(error) = trial.check_with(&place, wrong) else {
                    continue;
                };
                refused += 1;
                let said = format!("{error} {error:?}");
                if said.to_lowercase().contains(&SECRET[..9].to_lowercase()) {
                    shown.push(format!("{place} = {kind}:\n    {error}"));
                }
            }
        }
    }
    println!("{filled} texts with a secret, {refused} refused changes");
    assert!(filled > 30 && refused > 200, "{filled} {refused}");
    assert!(shown.is_empty(), "{}\n{shown:#?}", shown.len());
}

/// The value that is refused is not the one that is shown.
#[test]
fn an_error_about_one_key_hides_the_value_of_another() {
    let secret = crate::files::SECRET;
    for text in [
        "[jam.verifiers.a]\nalgorithms = ['ES256']\nkey_set = { timeout = '1s' }\n\
         jwks_url = 'ht tp://user:${SECRET}@a.example'",
        "[jam]\nunmatched = 'deny'\nguards = [{ path = '/a', policy = '${SECRET}' }]",
        "[jam]\nunmatched = 'deny'\nguards = [{ path = '/${SECRET}', policy = 'scope:' }]",
        "[jam.sessions]\nstore = 'memory'\n[jam.authenticator]\nsessions = true\n\
         sources = [{ header = 'X-${SECRET}' }, { header = 'x-${SECRET}' }]",
    ] {
        for case in [str::to_owned, |text: &str| text.to_uppercase()] {
            let value = case(secret);
            let built = crate::files::builder().variables(move |_| Some(value.clone()));
            let Err(error) = built.from_str(text, Format::Toml) else {
                continue;
            };
            let said = format!("{error} {error:?}").to_lowercase();
            assert!(!said.contains(secret), "{said}");
        }
    }
    // What names a section is no secret: the advice may show it.
    let advice = crate::files::refusal(
        "[jam.stores.sessions_database]\nmemory = {}\n[jam.sessions]\nstore = 'sessions_databas'\n\
         [jam.refresh_tokens]\nstore = 'sessions_database'",
    );
    assert!(advice.contains("did you mean 'sessions_database'?"), "{advice}");
}

/// Debug output writes such texts in another way than messages do.
#[test]
fn texts_with_quotes_and_backslashes_are_hidden_too() {
    for secret in [r#"a"b-zQ7HiddenValue9"#, r"a\b-zQ7HiddenValue9", "a\tb-zQ7HiddenValue9"] {
        let text = json!({"jam": {"verifiers": {"a": {
            "algorithms": ["ES256"],
            "any_audience": true,
            "jwks_url": format!("ht tp://user:{secret}@a.example"),
        }}}});
        let built = crate::files::builder().from_str(&text.to_string(), Format::Json);
        let error = built.err().unwrap();
        let mut said = vec![format!("{error} {error:?}")];
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            said.push(format!("{error} {error:?}"));
            source = error.source();
        }
        assert!(!said.concat().contains("zQ7Hidden"), "{said:?}");
    }
}
