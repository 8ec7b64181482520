//! A token as a recipe: members, mutations, the signature, and what is done to the text.

use crate::differential::policy::{AUDIENCE, ISSUER, Policy};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jamguard::jose::Algorithm;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The algorithms that jsonwebtoken knows, each with the number of its policy.
pub(crate) const SIGNERS: [(usize, Algorithm); 12] = [
    (0, Algorithm::HS256),
    (0, Algorithm::HS384),
    (0, Algorithm::HS512),
    (1, Algorithm::RS256),
    (1, Algorithm::RS384),
    (1, Algorithm::RS512),
    (1, Algorithm::PS256),
    (1, Algorithm::PS384),
    (1, Algorithm::PS512),
    (2, Algorithm::ES256),
    (3, Algorithm::ES384),
    (4, Algorithm::EdDSA),
];

/// JSON text; a date is relative to the moment of the test, so that a case can be repeated.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Raw(String),
    /// Seconds from now, and what follows the digits: a fraction or an exponent.
    Date(i64, &'static str),
}

impl Json {
    fn text(&self, now: u64) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Date(offset, suffix) => {
                format!("{}{suffix}", i64::try_from(now).unwrap() + offset)
            }
        }
    }
}

/// What is done to the members of an object.
#[derive(Clone, Debug)]
enum Edit {
    /// Replaces the member, or adds it.
    Set(&'static str, Json),
    Remove(&'static str),
    /// Adds the member although there may be one of that name.
    Add(&'static str, Json),
    /// Writes the first letter of the name as an escape, which changes nothing.
    Escape(&'static str),
    /// Moves the member to the end, which changes nothing.
    Last(&'static str),
}

/// What is done to the signed text.
#[derive(Clone, Debug)]
enum Damage {
    FlipBit(usize, Index, u8),
    ReplaceCharacter(Index, char),
    InsertCharacter(Index, char),
    Append(&'static str),
    Prepend(&'static str),
    Cut(Index),
    SwapParts(usize, usize),
    RepeatPart(usize),
    EmptyPart(usize),
    DropPart(usize),
    /// Sets the spare bits of a part's last character, where there are any.
    SpareBits(usize),
    StandardAlphabet,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    signer: usize,
    right_key: bool,
    header: Vec<Edit>,
    claims: Vec<Edit>,
    /// Between the members, and around the object.
    space: [&'static str; 2],
    damage: Vec<Damage>,
}

impl Case {
    /// Accepted by everybody.
    pub(crate) fn sound(signer: usize) -> Self {
        Self {
            signer,
            right_key: true,
            header: Vec::new(),
            claims: Vec::new(),
            space: ["", ""],
            damage: Vec::new(),
        }
    }

    pub(crate) fn policy(&self) -> usize {
        SIGNERS[self.signer].0
    }

    /// The same without header members of these names.
    pub(crate) fn without(&self, names: &[&'static str]) -> Self {
        let mut case = self.clone();
        case.header.extend(names.iter().map(|name| Edit::Remove(name)));
        case
    }

    pub(crate) fn without_claim(mut self, name: &'static str) -> Self {
        self.claims.push(Edit::Remove(name));
        self
    }

    /// The token before it is damaged.
    pub(crate) fn signed(&self, policy: &Policy, now: u64) -> String {
        let algorithm = SIGNERS[self.signer].1;
        let raw = |text: &str| Json::Raw(quoted(text));
        let header = vec![("alg", raw(algorithm.name())), ("typ", raw("JWT"))];
        let claims = vec![
            ("iss", raw(ISSUER)),
            ("sub", raw("42")),
            ("aud", raw(AUDIENCE)),
            ("exp", Json::Date(3600, "")),
            ("nbf", Json::Date(-10, "")),
            ("iat", Json::Date(-10, "")),
        ];
        let mut token = BASE64URL.encode(self.object(header, &self.header, now));
        token.push('.');
        token.push_str(&BASE64URL.encode(self.object(claims, &self.claims, now)));
        let signature = policy.signer(algorithm, self.right_key).sign(token.as_bytes());
        token.push('.');
        token.push_str(&BASE64URL.encode(signature.unwrap()));
        token
    }

    pub(crate) fn damaged(&self, token: &str) -> String {
        let damage = |token, damage: &Damage| damage.apply(token);
        self.damage.iter().fold(token.to_owned(), damage)
    }

    fn object(&self, members: Vec<(&'static str, Json)>, edits: &[Edit], now: u64) -> String {
        let mut members: Vec<_> =
            members.into_iter().map(|(name, value)| (name, quoted(name), value)).collect();
        for edit in edits {
            edit.apply(&mut members);
        }
        let [inside, around] = self.space;
        let members: Vec<_> = members
            .iter()
            .map(|(_, name, value)| format!("{inside}{name}{inside}:{inside}{}", value.text(now)))
            .collect();
        format!("{around}{{{}}}{around}", members.join(","))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Name, name as written, value.
type Member = (&'static str, String, Json);

impl Edit {
    fn apply(&self, members: &mut Vec<Member>) {
        let place = |members: &[Member], wanted: &str| {
            members.iter().position(|(name, ..)| *name == wanted)
        };
        match self {
            Self::Set(name, value) => match place(members, name) {
                Some(at) => members[at].2 = value.clone(),
                None => members.push((name, quoted(name), value.clone())),
            },
            Self::Add(name, value) => members.push((name, quoted(name), value.clone())),
            Self::Remove(name) => members.retain(|(found, ..)| found != name),
            Self::Escape(name) => {
                if let Some(at) = place(members, name) {
                    let (first, rest) = name.split_at(1);
                    members[at].1 = format!("\"\\u{:04x}{rest}\"", first.as_bytes()[0]);
                }
            }
            Self::Last(name) => {
                if let Some(at) = place(members, name) {
                    let member = members.remove(at);
                    members.push(member);
                }
            }
        }
    }
}

impl Damage {
    fn apply(&self, token: String) -> String {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let part = |number: usize| number % parts.len();
        match self {
            Self::FlipBit(number, at, bit) => {
                let part = part(*number);
                if let Ok(mut bytes) = BASE64URL.decode(&parts[part])
                    && !bytes.is_empty()
                {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                    parts[part] = BASE64URL.encode(bytes);
                }
            }
            Self::ReplaceCharacter(at, character) => {
                let mut characters: Vec<_> = token.chars().collect();
                if !characters.is_empty() {
                    let at = at.index(characters.len());
                    characters[at] = *character;
                }
                return characters.into_iter().collect();
            }
            Self::InsertCharacter(at, character) => {
                let mut characters: Vec<_> = token.chars().collect();
                characters.insert(at.index(characters.len() + 1), *character);
                return characters.into_iter().collect();
            }
            Self::Append(text) => return token + text,
            Self::Prepend(text) => return format!("{text}{token}"),
            Self::Cut(at) => {
                let length = token.chars().count();
                return token.chars().take(at.index(length.max(1))).collect();
            }
            Self::SwapParts(a, b) => {
                let (a, b) = (part(*a), part(*b));
                parts.swap(a, b);
            }
            Self::RepeatPart(number) => {
                let again = parts[part(*number)].clone();
                parts.push(again);
            }
            Self::EmptyPart(number) => {
                let part = part(*number);
                parts[part].clear();
            }
            Self::DropPart(number) => {
                let part = part(*number);
                parts.remove(part);
            }
            Self::SpareBits(number) => {
                let part = part(*number);
                if parts[part].len() % 4 > 1
                    && let Some(last) = parts[part].pop()
                {
                    // The next letter of the alphabet differs in the lowest bit.
                    parts[part].push(match last {
                        'A' => 'B',
                        'Q' => 'R',
                        'g' => 'h',
                        'w' => 'x',
                        other if other.is_ascii() => char::from(other as u8 + 1),
                        other => other,
                    });
                }
            }
            Self::StandardAlphabet => return token.replace('-', "+").replace('_', "/"),
        }
        parts.join(".")
    }
}

fn raw(texts: &'static [&'static str]) -> impl Strategy<Value = Json> {
    select(texts).prop_map(|text| Json::Raw(text.to_owned()))
}

/// Any JSON, most of it of the wrong type wherever it is put; some of it no JSON at all.
fn anything() -> impl Strategy<Value = Json> {
    prop_oneof![
        raw(&[
            "null",
            "true",
            "0",
            "-1",
            "-0",
            "1e300",
            "1e400",
            "18446744073709551615",
            "99999999999999999999",
            "\"\"",
            "\"4102444800\"",
            "[]",
            "{}",
            "[null]",
            "[1,\"x\"]",
            "[\"x\",\"y\"]",
            "{\"a\":{\"a\":1}}",
            "{\"a\":1,\"a\":2}",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "",
            "x",
            "01",
            "+1",
            ".5",
            "1.",
            "NaN",
            "\"\n\"",
            "[1,]",
        ]),
        "[ -~]{0,8}".prop_map(|text| Json::Raw(quoted(&text))),
        "\\PC{0,8}".prop_map(|text| Json::Raw(quoted(&text))),
        (0usize..200).prop_map(|depth| Json::Raw("[".repeat(depth) + &"]".repeat(depth))),
    ]
}

/// Dates keep ten seconds away from every border, so that time may pass between two verdicts.
fn date() -> impl Strategy<Value = Json> {
    let offset = select(&[
        -1_700_000_000_i64,
        -100_000,
        -3600,
        -70,
        -50,
        -10,
        10,
        50,
        70,
        3600,
        100_000,
        250_000_000_000,
        9_000_000_000_000,
    ]);
    let suffix = select(&["", "", ".0", ".25", ".5", ".999999", "e0", "E+0", ".0e0", "e-1", "e9"]);
    prop_oneof![
        6 => (offset, suffix).prop_map(|(offset, suffix)| Json::Date(offset, suffix)),
        1 => anything(),
    ]
}

fn issuer() -> impl Strategy<Value = Json> {
    prop_oneof![
        raw(&[
            "\"https://issuer.example\"",
            "\"https:\\/\\/issuer.example\"",
            "\"\\u0068ttps://issuer.example\"",
            "\"https://issuer.example/\"",
            "\"https://issuer.exampl\"",
            "\"HTTPS://issuer.example\"",
            "[\"https://issuer.example\"]",
            "[\"https://issuer.example\",\"https://other.example\"]",
            "{\"https://issuer.example\":1}",
        ]),
        anything(),
    ]
}

fn audience() -> impl Strategy<Value = Json> {
    prop_oneof![
        3 => raw(&[
            "\"api\"", "\"\\u0061pi\"", "[\"api\"]", "[\"x\",\"api\"]", "[\"api\",\"api\"]",
            "[\"api\",1]", "[[\"api\"]]", "[\"ap\",\"i\"]", "\"API\"", "\"api \"", "\"ap\"", "\"x api\"",
            "[\"x\"]", "{\"api\":\"api\"}", "[\"api\",null]",
        ]),
        1 => anything(),
    ]
}

fn algorithm() -> impl Strategy<Value = Json> {
    let names = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
        "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "none", "None", "hs256", "RS256 ", "",
    ];
    prop_oneof![
        4 => select(names.to_vec()).prop_map(|name| Json::Raw(quoted(name))),
        1 => anything(),
    ]
}

const CLAIMS: &[&str] = &["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "name", "iss\u{301}"];
const HEADERS: &[&str] = &[
    "alg", "typ", "kid", "crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c", "x5t",
    "x5t#S256", "cty", "url", "nonce", "x", "ALG",
];

fn claim_edit() -> impl Strategy<Value = Edit> {
    let dated = select(&["exp", "nbf", "iat"]);
    prop_oneof![
        6 => (dated.clone(), date()).prop_map(|(name, value)| Edit::Set(name, value)),
        3 => issuer().prop_map(|value| Edit::Set("iss", value)),
        3 => audience().prop_map(|value| Edit::Set("aud", value)),
        2 => (select(&["sub", "jti", "name"]), anything()).prop_map(|(n, v)| Edit::Set(n, v)),
        2 => select(&["nbf", "iat", "sub", "exp", "iss", "aud"]).prop_map(Edit::Remove),
        1 => (dated, date()).prop_map(|(name, value)| Edit::Add(name, value)),
        1 => (select(CLAIMS), anything()).prop_map(|(name, value)| Edit::Add(name, value)),
        2 => select(CLAIMS).prop_filter("ASCII", |n| n.is_ascii()).prop_map(Edit::Escape),
        2 => select(CLAIMS).prop_map(Edit::Last),
    ]
}

fn header_edit() -> impl Strategy<Value = Edit> {
    let text =
        raw(&["\"JWT\"", "\"jwt\"", "\"at+jwt\"", "\"k1\"", "\"https://x.example\"", "[\"AA\"]"]);
    let jwk = raw(&[
        "{\"kty\":\"oct\",\"k\":\"AA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}",
        "{\"kty\":5}",
    ]);
    prop_oneof![
        2 => algorithm().prop_map(|value| Edit::Set("alg", value)),
        4 => (select(HEADERS), text).prop_map(|(name, value)| Edit::Set(name, value)),
        3 => (select(&HEADERS[1..]), anything()).prop_map(|(name, value)| Edit::Set(name, value)),
        1 => (select(HEADERS), anything()).prop_map(|(name, value)| Edit::Add(name, value)),
        1 => jwk.prop_map(|value| Edit::Set("jwk", value)),
        1 => select(&["alg", "typ"]).prop_map(Edit::Remove),
        1 => select(&["alg", "typ"]).prop_map(Edit::Escape),
        1 => Just(Edit::Last("alg")),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let part = 0usize..3;
    let character = select("AZaz09-_+/=. \n%é\0".chars().collect::<Vec<_>>());
    prop_oneof![
        4 => (part.clone(), any::<Index>(), 0u8..8).prop_map(|(p, i, b)| Damage::FlipBit(p, i, b)),
        1 => (any::<Index>(), character.clone()).prop_map(|(i, c)| Damage::ReplaceCharacter(i, c)),
        1 => (any::<Index>(), character).prop_map(|(i, c)| Damage::InsertCharacter(i, c)),
        1 => select(&["=", "==", "\n", " ", ".", "A", "AA", "%3D", "\0", ".e30"])
            .prop_map(Damage::Append),
        1 => select(&[" ", "\n", "\u{feff}", ".", "Bearer "]).prop_map(Damage::Prepend),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (part.clone(), part.clone()).prop_map(|(a, b)| Damage::SwapParts(a, b)),
        1 => part.clone().prop_map(Damage::RepeatPart),
        1 => part.clone().prop_map(Damage::EmptyPart),
        1 => part.clone().prop_map(Damage::DropPart),
        1 => part.prop_map(Damage::SpareBits),
        1 => Just(Damage::StandardAlphabet),
    ]
}

/// Mostly one mutation at a time: with more of them, hardly a token would pass anywhere.
pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let few = |none: u32| prop_oneof![none => Just(0usize), 3 => Just(1), 1 => Just(2)];
    (
        0..SIGNERS.len(),
        prop::bool::weighted(0.97),
        few(6).prop_flat_map(|n| prop::collection::vec(header_edit(), n)),
        few(2).prop_flat_map(|n| prop::collection::vec(claim_edit(), n)),
        [select(&["", "", " ", "\r\n\t"]), select(&["", "", "", "", " \n", " \n", "\t", "\u{b}"])],
        few(16).prop_flat_map(|n| prop::collection::vec(damage(), n)),
    )
        .prop_map(|(signer, right_key, header, claims, space, damage)| Case {
            signer,
            right_key,
            header,
            claims,
            space,
            damage,
        })
}
