//! Accepted issuers: exact names, and families whose names contain a claim of the token.

use super::registered::{RegisteredClaims, TextRule, missing, wrong};
use crate::core::{Error, ErrorKind, ensure, mismatch};
use std::sync::Arc;

/// The accepted issuers of a verifier; none accepts any.
#[derive(Default)]
pub(crate) struct Issuers {
    exact: Vec<Box<str>>,
    families: Vec<Family>,
    /// Whether `.issuers([…])` was called with an empty list.
    has_empty_list: bool,
    /// An issuer that only locates the keys if there are families, and is accepted otherwise.
    pub(crate) discovered: Option<Box<str>>,
}

/// Issuers of one template, such as the tenants of a service.
struct Family {
    template: IssuerTemplate,
    allowed: Allowed,
}

/// The accepted values of a template's claim.
pub(super) enum Allowed {
    Values(Vec<Box<str>>),
    Any,
    If(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

/// An issuer's name with one variable part in braces.
#[derive(Clone)]
pub(crate) struct IssuerTemplate {
    text: Box<str>,
    before: Box<str>,
    claim: Box<str>,
    after: Box<str>,
}

/// Returns the second spelling of an issuer's `iss`. Google documents two of its own.
pub(crate) fn other_spelling(issuer: &str) -> Option<&'static str> {
    (issuer == "https://accounts.google.com").then_some("accounts.google.com")
}

impl IssuerTemplate {
    /// Parses a name with exactly one part in braces; `None` for any other text.
    fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('{')?;
        let (claim, after) = rest.split_once('}')?;
        let is_plain = |part: &str| !part.contains(['{', '}']);
        let is_whole = !before.is_empty() && !claim.is_empty();
        (is_whole && [before, claim, after].into_iter().all(is_plain)).then(|| Self {
            text: text.into(),
            before: before.into(),
            claim: claim.into(),
            after: after.into(),
        })
    }

    /// Returns the variable part of an issuer of this form.
    ///
    /// It consists of unreserved characters (RFC 3986 section 2.3) and is no relative path.
    fn value_in<'a>(&self, issuer: &'a str) -> Option<&'a str> {
        let value = issuer.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        let unreserved =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let is_name = !matches!(value, "" | "." | "..") && value.bytes().all(unreserved);
        is_name.then_some(value)
    }

    fn with_value(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }
}

/// For discovery documents.
#[cfg(feature = "client")]
impl IssuerTemplate {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether a name is this template, apart from the name of its variable part.
    ///
    /// Entra's documents write `{tenantid}` for the claim `tid`.
    pub(crate) fn is_written_as(&self, name: &str) -> bool {
        Self::parse(name)
            .is_some_and(|other| other.before == self.before && other.after == self.after)
    }
}

impl Family {
    /// Checks that the claim is the variable part of the issuer, and that it is allowed.
    fn check(
        &self,
        value: &str,
        claims: &RegisteredClaims<'_>,
        texts: &[TextRule],
    ) -> Result<(), Error> {
        let IssuerTemplate { text, claim, .. } = &self.template;
        if !claims.has(claim) {
            return Err(Error::new(
                ErrorKind::MissingClaim,
                format!("the token lacks '{claim}', which is part of its issuer: {text}"),
            ));
        }
        match claims.text(texts, claim) {
            Some(found) if found == value => {}
            Some(found) => return Err(wrong(claim, &mismatch(&[value], &[found]))),
            None => {
                let how = "expected a string, received another JSON type";
                return Err(wrong(claim, how));
            }
        }
        match &self.allowed {
            Allowed::Values(values) if values.iter().any(|allowed| **allowed == *value) => Ok(()),
            Allowed::Values(values) => Err(wrong(claim, &mismatch(values, &[value]))),
            Allowed::Any => Ok(()),
            Allowed::If(check) if check(value) => Ok(()),
            Allowed::If(_) => {
                let how =
                    mismatch(&["a value that the check of .issuer_family_if(…) accepts"], &[value]);
                Err(wrong(claim, &how))
            }
        }
    }
}

impl Issuers {
    pub(super) fn add(&mut self, issuers: impl Iterator<Item = Box<str>>) {
        let mut is_empty = true;
        for issuer in issuers {
            is_empty = false;
            if !self.exact.contains(&issuer) {
                self.exact.push(issuer);
            }
        }
        self.has_empty_list |= is_empty;
    }

    pub(super) fn add_family(&mut self, template: &str, allowed: Allowed) {
        // A text that is no template is kept for the message of `check_settings`.
        let template = IssuerTemplate::parse(template).unwrap_or_else(|| IssuerTemplate {
            text: template.into(),
            before: "".into(),
            claim: "".into(),
            after: "".into(),
        });
        self.families.push(Family { template, allowed });
    }

    /// Accepts the discovered issuer, if it is one, and the other spellings of all issuers.
    pub(super) fn complete(&mut self) {
        let discovered = self.discovered.take().filter(|_| self.families.is_empty());
        self.exact.extend(discovered.filter(|issuer| !self.exact.contains(issuer)));
        let spellings = self.exact.iter().filter_map(|issuer| other_spelling(issuer));
        let spellings: Vec<Box<str>> = spellings.map(Into::into).collect();
        self.exact.extend(spellings);
    }

    pub(super) fn check_settings(&self) -> Result<(), Error> {
        ensure(
            !self.has_empty_list,
            "an empty list of issuers: name those to accept, or leave out .issuers([…])",
        )?;
        ensure(
            !self.exact.iter().any(|issuer| issuer.trim().is_empty()),
            "an empty issuer: give .issuer(…) the exact text of the iss claim",
        )?;
        for Family { template, allowed } in &self.families {
            if IssuerTemplate::parse(&template.text).is_none() {
                return Err(Error::configuration(format!(
                    "the issuer family {:?} is no template: it needs exactly one claim in braces, \
                     as in https://login.microsoftonline.com/{{tid}}/v2.0; for a single issuer use \
                     .issuer(…)",
                    template.text
                )));
            }
            let is_empty = |values: &[Box<str>]| values.iter().any(|value| value.trim().is_empty());
            ensure(
                !matches!(allowed, Allowed::Values(values) if values.is_empty() || is_empty(values)),
                "an issuer family without values, or with an empty one: list the accepted values \
                 of its claim, accept all with .any_of_issuer_family(…), or decide with \
                 .issuer_family_if(…)",
            )?;
        }
        Ok(())
    }

    /// The claims that are part of an issuer's name.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        self.families.iter().map(|family| &*family.template.claim)
    }

    /// The templates of the families.
    pub(crate) fn templates(&self) -> Vec<IssuerTemplate> {
        self.families.iter().map(|family| family.template.clone()).collect()
    }

    pub(crate) fn exact(&self) -> &[Box<str>] {
        &self.exact
    }

    pub(crate) fn accept_any(&self) -> bool {
        self.exact.is_empty() && self.families.is_empty()
    }

    /// Returns the names and templates, for messages.
    pub(crate) fn names(&self) -> Vec<&str> {
        let templates = self.families.iter().map(|family| &*family.template.text);
        self.exact.iter().map(|issuer| &**issuer).chain(templates).collect()
    }

    pub(crate) fn have_families(&self) -> bool {
        !self.families.is_empty()
    }

    /// Returns whether an issuer is one of these, exactly or by the form of a family.
    pub(crate) fn name(&self, issuer: &str) -> bool {
        self.exact.iter().any(|ours| **ours == *issuer) || self.have_family_of(issuer)
    }

    /// Returns whether an issuer has the form of a family.
    pub(crate) fn have_family_of(&self, issuer: &str) -> bool {
        self.families.iter().any(|family| family.template.value_in(issuer).is_some())
    }

    /// Checks `iss` and, for a family, the claim that is part of it.
    pub(super) fn check(
        &self,
        claims: &RegisteredClaims<'_>,
        texts: &[TextRule],
    ) -> Result<(), Error> {
        if self.accept_any() {
            return Ok(());
        }
        let found = claims.issuer.as_deref().ok_or_else(|| missing("iss"))?;
        if self.exact.iter().any(|ours| **ours == *found) {
            return Ok(());
        }
        let mut refusal = None;
        for family in &self.families {
            if let Some(value) = family.template.value_in(found) {
                match family.check(value, claims, texts) {
                    Ok(()) => return Ok(()),
                    Err(error) => refusal = Some(error),
                }
            }
        }
        Err(refusal.unwrap_or_else(|| wrong("iss", &mismatch(&self.names(), &[found]))))
    }

    /// Checks that a key with an `issuer` may sign tokens of the token's issuer.
    ///
    /// Only for families: there, the keys of several issuers are published in one set. The issuer
    /// may be that of another family with the same value: a key of Entra's v2.0 set also signs the
    /// tenant's v1.0 tokens, which have another `iss`.
    pub(super) fn check_key_issuer(&self, of_key: &str, issuer: Option<&str>) -> Result<(), Error> {
        let (true, Some(issuer)) = (self.have_families(), issuer) else {
            return Ok(());
        };
        let templates = || self.families.iter().map(|family| &family.template);
        let mut values: Vec<&str> = templates().filter_map(|one| one.value_in(issuer)).collect();
        let of_key_template = IssuerTemplate::parse(of_key);
        values.extend(of_key_template.as_ref().and_then(|template| template.value_in(issuer)));
        let fits = values.iter().any(|value| {
            let name = match &of_key_template {
                Some(template) => template.with_value(value),
                None => of_key.to_owned(),
            };
            name == issuer || templates().any(|template| template.with_value(value) == name)
        });
        if fits || of_key == issuer {
            return Ok(());
        }
        let how = mismatch(&[of_key], &[issuer]);
        Err(wrong("iss", &format!("its key belongs to another issuer: {how}")))
    }
}
