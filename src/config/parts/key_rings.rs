//! Settings of key rings.

use super::keys::{SealingSettings, SigningMaterial};
use super::location::Spot;
use super::scalars::Moment;
use super::stores::Stores;
use crate::config::document::{Problem, Section};
use crate::jose::Algorithm;
use crate::token::ring::builder::RingOptions;
use crate::token::ring::{KeyRing, RingKey};
use std::collections::BTreeMap;

/// The key rings by name.
pub(in crate::config) type Rings = BTreeMap<String, KeyRing>;

settings! {
    /// A rotating set of signing keys.
    pub(in crate::config) struct RingSettings {
        /// Signature algorithm of all keys.
        algorithm: Algorithm,
        /// Initial keys, instead of a generated one.
        #[serde(default)]
        keys: Vec<Section<SigningMaterial, RingKeySettings>>,
        /// Name of the store that keeps the ring, encrypted. Default: this process's memory.
        store: Option<String>,
        /// Keys that encrypt the ring in the store. Required with `store`.
        sealing: Option<SealingSettings>,
    }

    /// A key of a ring, and its dates.
    struct RingKeySettings {
        /// The key's id, `kid`. Default: the key's thumbprint.
        key_id: Option<String>,
        /// Time from which the key signs. Default: now.
        current_from: Option<Moment>,
        /// Time from which the key neither signs nor verifies.
        expires_at: Option<Moment>,
    }
}

impl Section<SigningMaterial, RingKeySettings> {
    fn build(&self, algorithm: Algorithm, spot: &Spot<'_>) -> Result<RingKey, Problem> {
        let Self(material, RingKeySettings { key_id, current_from, expires_at }) = self;
        let mut key = RingKey::new(material.build(Some(algorithm), key_id.as_ref(), spot)?);
        if let Some(Moment(time)) = *current_from {
            key = key.current_from(time);
        }
        if let Some(Moment(time)) = *expires_at {
            key = key.expires_at(time);
        }
        Ok(key)
    }
}

/// A section of a key ring.
pub(in crate::config) type RingSection = Section<RingOptions, RingSettings>;

impl RingSection {
    pub(super) fn build(
        &self,
        name: &str,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<KeyRing, Problem> {
        let Self(options, settings) = self;
        let mut ring = KeyRing::builder(settings.algorithm).clock(spot.clock());
        ring.options = options.clone();
        ring.options.name.get_or_insert_with(|| name.to_owned());
        for (at, key) in settings.keys.iter().enumerate() {
            ring = ring.key(key.build(settings.algorithm, &spot.key("keys").index(at))?);
        }
        match (&settings.store, &settings.sealing) {
            (Some(store), Some(sealing)) => {
                let store = spot.store(store, stores)?;
                ring = ring.store(store, sealing.build(&spot.key("sealing"))?);
            }
            (None, None) => {}
            (Some(_), None) => {
                return Err(
                    spot.wrong("a key ring in a store is encrypted: give it 'sealing' with a key")
                );
            }
            (None, Some(_)) => {
                return Err(spot.key("sealing").wrong("there is no 'store' that it applies to"));
            }
        }
        spot.built(ring.build())
    }
}
