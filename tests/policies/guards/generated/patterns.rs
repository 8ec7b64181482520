//! Patterns of a generated table, as each framework writes them.

use super::Random;

/// Texts of segments, as requests have them. Their letters have others that fold to them.
const TEXTS: [&str; 6] = ["admin", "assets", "kiosk", "s", "caf%C3%A9", "a+b"];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Segment {
    Text(&'static str),
    /// A text, which may be empty, and a parameter.
    One(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pub(super) segments: Vec<Segment>,
    /// The text before a parameter that takes the rest.
    pub(super) tail: Option<&'static str>,
    pub(super) slash: bool,
}

impl Pattern {
    pub(super) fn random(random: &mut Random) -> Self {
        let segments = (0..1 + random.below(3))
            .map(|_| match random.below(10) {
                0..6 => Segment::Text(random.pick(&TEXTS)),
                6..9 => Segment::One(""),
                _ => Segment::One("k"),
            })
            .collect();
        let tail = random.percent(25).then(|| random.pick(&["", "", "k"]));
        Self { segments, tail, slash: tail.is_none() && random.percent(15) }
    }

    pub(super) fn first_literal(&self) -> Option<String> {
        match self.segments.first()? {
            Segment::Text(text) if self.segments.len() > 1 => Some((*text).to_owned()),
            _ => None,
        }
    }

    /// As axum and the table have it.
    pub(super) fn axum(&self) -> String {
        self.axum_from(0)
    }

    /// The same from a segment on.
    pub(super) fn axum_from(&self, first: usize) -> String {
        let mut out = String::new();
        for (at, segment) in self.segments.iter().enumerate().skip(first) {
            out += &match segment {
                Segment::Text(text) => format!("/{text}"),
                Segment::One(text) => format!("/{text}{{p{at}}}"),
            };
        }
        self.ended(out, "{*rest}")
    }

    /// As actix-web has it, from a segment on: its texts decoded, some of them without regard to case.
    pub(super) fn actix_from(&self, first: usize, random: &mut Random) -> String {
        let mut out = String::new();
        for (at, segment) in self.segments.iter().enumerate().skip(first) {
            out += &match segment {
                Segment::Text(text) => {
                    let text = text.replace("%C3%A9", "\u{e9}");
                    match random.percent(30) {
                        true => format!("/{{t{at}:(?i){}}}", text.replace('+', "\\+")),
                        false => format!("/{text}"),
                    }
                }
                Segment::One(text) => format!("/{text}{{p{at}}}"),
            };
        }
        let rest = random.pick(&["{rest:.+}", "{rest:.*}"]);
        self.ended(out, rest)
    }

    fn ended(&self, mut out: String, rest: &str) -> String {
        match (self.tail, self.slash) {
            (Some(text), _) => out += &format!("/{text}{rest}"),
            (_, true) => out.push('/'),
            _ => {}
        }
        out
    }

    /// The same pattern with a last slash, or without it; `None` where it has a tail.
    pub(super) fn other_slash(&self) -> Option<Self> {
        self.tail.is_none().then(|| Self { slash: !self.slash, ..self.clone() })
    }

    /// Whether every path of this one is one of the other's too, whatever stands for its last slash:
    /// some routes are served in both ways.
    pub(super) fn is_special_case_of(&self, other: &Self) -> bool {
        let narrower = |(own, other): (&Segment, &Segment)| match (own, other) {
            (Segment::Text(a), Segment::Text(b)) => a == b,
            (Segment::Text(a), Segment::One(b)) => a.len() > b.len() && a.starts_with(b),
            (Segment::One(a), Segment::One(b)) => a.starts_with(b),
            (Segment::One(_), Segment::Text(_)) => false,
        };
        let (own_length, other_length) = (self.segments.len(), other.segments.len());
        let fits = match other.tail {
            Some(text) => match self.segments.get(other_length) {
                Some(Segment::Text(next) | Segment::One(next)) => next.starts_with(text),
                None if own_length < other_length => false,
                None => match self.tail {
                    Some(own) => own.starts_with(text),
                    None => text.is_empty() && self.slash,
                },
            },
            None => own_length == other_length && self.tail.is_none(),
        };
        fits && self.segments.iter().zip(&other.segments).all(narrower)
    }
}
