//! Form tokens: session-bound CSRF tokens, masked against BREACH.

use super::data::SessionData;
use super::handle::Session;
use crate::authenticator::request::credentials::{Head, HeaderKey, Only};
use crate::core::{Error, ErrorKind, random::random};
use crate::jose::encoding;
use crate::session::id_hash;
use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a token: 128 bits.
const TOKEN: usize = 16;

/// Derives the unmasked token from the session id, so it is not stored and changes with the id.
///
/// Not from the id's hash: the store contains that.
fn of(id: &[u8]) -> [u8; TOKEN] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, id);
    let tag = hmac::sign(&key, b"jamguard form token");
    let mut token = [0; TOKEN];
    token.copy_from_slice(&tag.as_ref()[..TOKEN]);
    token
}

fn xor(mask: &[u8], token: &[u8]) -> [u8; TOKEN] {
    let mut out = [0; TOKEN];
    let bytes = mask.iter().zip(token).map(|(a, b)| a ^ b);
    out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = byte);
    out
}

/// Masks the token with random bits in front of it. A constant token in a compressed page could be
/// guessed byte by byte (BREACH).
fn masked(id: &[u8]) -> Result<String, Error> {
    let mask = random::<TOKEN>()?;
    Ok(encoding::encode([mask, xor(&mask, &of(id))].concat()))
}

fn is_of(text: &[u8], id: &[u8]) -> bool {
    let mut bytes = [0; 2 * TOKEN];
    if encoding::decode_exact(text, &mut bytes).is_none() {
        return false;
    }
    let (mask, hidden) = bytes.split_at(TOKEN);
    xor(mask, hidden).ct_eq(&of(id)).into()
}

/// Whether the request's `X-CSRF-Token` header matches the session in this cookie. Other sites
/// neither know the token nor may send the header without CORS.
pub(super) fn comes_with(head: &impl Head, cookie: &[u8]) -> bool {
    match head.only(HeaderKey::Named("x-csrf-token")) {
        Only::One(token) => id_hash(cookie).is_some() && is_of(token, cookie),
        _ => false,
    }
}

impl<T: SessionData> Session<T> {
    /// Returns a CSRF token for the forms of a page.
    ///
    /// It adds to the check of origins: for browsers from before 2020, and for proxies that remove
    /// the headers. Send it back in a hidden field and call
    /// [`check_form_token`](Self::check_form_token), or in the header `X-CSRF-Token`, which also
    /// passes a request of unknown origin. The text differs on each call. It is valid until the
    /// session ends or gets a new id.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] if the client has no session, or gets one only with this
    /// request's response.
    ///
    /// ```
    /// # use jamguard::{Error, Session};
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Cart { items: Vec<String> }
    /// async fn page(cart: Session<Cart>) -> Result<String, Error> {
    ///     let token = cart.form_token()?;
    ///     Ok(format!("<form method=post><input type=hidden name=csrf value={token}>"))
    /// }
    /// async fn submit(cart: Session<Cart>, csrf: String) -> Result<(), Error> {
    ///     cart.check_form_token(&csrf)
    /// }
    /// ```
    pub fn form_token(&self) -> Result<String, Error> {
        masked(&self.live_id()?)
    }

    /// Checks that a form token was made for this session by [`form_token`](Self::form_token).
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`] if it was not.
    pub fn check_form_token(&self, token: &str) -> Result<(), Error> {
        match self.live_id() {
            Ok(id) if is_of(token.as_bytes(), &id) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::CrossSite,
                "the form token does not match this session: let the user open the form again",
            )),
        }
    }

    fn live_id(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let lives = self.request.state().found.live().is_some();
        let cookie = self.request.cookie.as_ref().ok().and_then(Option::clone);
        cookie.filter(|_| lives).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingCredentials,
                "the client has no session for a form token: write to the session first",
            )
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_one_session_and_differs_on_each_call() {
        let (own, other) = ([1; 32], [2; 32]);
        let (first, second) = (masked(&own).unwrap(), masked(&own).unwrap());
        assert_ne!(first, second);
        for token in [&first, &second] {
            assert!(is_of(token.as_bytes(), &own));
            assert!(!is_of(token.as_bytes(), &other));
        }
        // Neither mask nor masked token repeats.
        assert_ne!(first[..20], second[..20]);
        assert_ne!(first[23..], second[23..]);
    }

    /// A reader of the store cannot make tokens.
    #[test]
    fn the_stored_hash_makes_no_valid_token() {
        let id = "A".repeat(43);
        let hash = id_hash(id.as_bytes()).unwrap();
        let token = masked(&hash).unwrap();
        assert!(!comes_with(&Sent(token), id.as_bytes()));
    }

    /// A request with this token in its header.
    struct Sent(String);

    impl Head for Sent {
        fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
            let sent = name == HeaderKey::Named("x-csrf-token");
            sent.then_some(self.0.as_bytes()).into_iter()
        }

        fn query(&self) -> Option<&str> {
            None
        }

        fn method(&self) -> &str {
            "POST"
        }

        fn authority(&self) -> Option<&str> {
            None
        }
    }

    #[test]
    fn wrong_tokens_do_not_match() {
        let own = [1; 32];
        let token = masked(&own).unwrap();
        let mut wrong = vec![
            String::new(),
            token[..42].to_owned(),
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            "A".repeat(43),
            encoding::encode(of(&own)),
        ];
        for at in 0..43 {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            wrong.push(String::from_utf8(bytes).unwrap());
        }
        for text in wrong {
            assert!(!is_of(text.as_bytes(), &own), "{text}");
        }
    }
}
