//! Settings of key rings.

use super::keys::{SealingSettings, SigningMaterial};
use super::location::Spot;
use super::scalars::{Alg, Hidden, Moment, Time};
use super::stores::{Stores, unknown};
use crate::config::document::Problem;
use crate::token::ring::{KeyRing, RingKey};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A rotating set of signing keys.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RingSettings {
    /// Signature algorithm of all keys.
    algorithm: Alg,
    /// Initial keys, instead of a generated one.
    #[serde(default)]
    keys: Vec<RingKeySettings>,
    /// Replaces the current key after it has signed for this time. Default: never.
    rotate_every: Option<Time>,
    /// How long a key is published before it signs. Default: 1 hour.
    publish_ahead: Option<Time>,
    /// How long a key's tokens stay valid after the next key starts to sign. Default: 24 hours.
    overlap: Option<Time>,
    /// Name of the store that keeps the ring, encrypted. Default: this process's memory.
    store: Option<String>,
    /// Keys that encrypt the ring in the store. Required with `store`.
    sealing: Option<SealingSettings>,
    /// Name of the ring in the store. Default: its name in this file.
    name: Option<String>,
    /// Longest delay until another process's change is noticed, 10 ms to 1 hour. Default: 5 s.
    refresh_interval: Option<Time>,
}

/// A key of a ring, and its dates.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RingKeySettings {
    /// The key's id, `kid`. Default: the key's thumbprint.
    key_id: Option<String>,
    /// A shared secret.
    secret: Option<Hidden>,
    /// A file with a shared secret.
    secret_file: Option<String>,
    /// A private key as PEM or JWK.
    private_key: Option<Hidden>,
    /// A file with a private key as PEM, DER or JWK.
    private_key_file: Option<String>,
    /// Time from which the key signs. Default: now.
    current_from: Option<Moment>,
    /// Time from which the key neither signs nor verifies.
    expires_at: Option<Moment>,
}

impl RingKeySettings {
    fn build(&self, algorithm: Alg, spot: &Spot<'_>) -> Result<RingKey, Problem> {
        let material = SigningMaterial {
            algorithm: Some(algorithm),
            key_id: self.key_id.as_ref(),
            secret: self.secret.as_ref(),
            secret_file: self.secret_file.as_ref(),
            private_key: self.private_key.as_ref(),
            private_key_file: self.private_key_file.as_ref(),
        };
        let mut key = RingKey::new(material.build(spot)?);
        if let Some(Moment(time)) = self.current_from {
            key = key.current_from(time);
        }
        if let Some(Moment(time)) = self.expires_at {
            key = key.expires_at(time);
        }
        Ok(key)
    }
}

impl RingSettings {
    fn build(&self, name: &str, spot: &Spot<'_>, stores: &Stores) -> Result<KeyRing, Problem> {
        let mut ring = KeyRing::builder(self.algorithm.0)
            .name(self.name.as_deref().unwrap_or(name))
            .clock(spot.world.clock.clone());
        for (at, key) in self.keys.iter().enumerate() {
            ring = ring.key(key.build(self.algorithm, &spot.key("keys").index(at))?);
        }
        if let Some(Time(age)) = self.rotate_every {
            ring = ring.rotate_every(age);
        }
        if let Some(Time(ahead)) = self.publish_ahead {
            ring = ring.publish_ahead(ahead);
        }
        if let Some(Time(overlap)) = self.overlap {
            ring = ring.overlap(overlap);
        }
        if let Some(Time(interval)) = self.refresh_interval {
            ring = ring.refresh_interval(interval);
        }
        match (&self.store, &self.sealing) {
            (Some(store), Some(sealing)) => {
                let store = stores.named(store, &spot.key("store"))?;
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
        ring.build().map_err(|error| spot.refused(error))
    }
}

/// The key rings by name.
#[derive(Default)]
pub(in crate::config) struct Rings(BTreeMap<String, KeyRing>);

impl Rings {
    pub(in crate::config) fn build(
        settings: &BTreeMap<String, RingSettings>,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<Self, Problem> {
        let rings = settings.iter().map(|(name, ring)| {
            let ring = ring.build(name, &spot.key(name), stores)?;
            Ok((name.clone(), ring))
        });
        rings.collect::<Result<_, _>>().map(Self)
    }

    pub(in crate::config) fn named(&self, name: &str, spot: &Spot<'_>) -> Result<KeyRing, Problem> {
        match self.0.get(name) {
            Some(ring) => Ok(ring.clone()),
            None => Err(unknown("key ring", name, self.0.keys(), spot)),
        }
    }

    pub(in crate::config) fn get(&self, name: &str) -> Option<&KeyRing> {
        self.0.get(name)
    }

    pub(in crate::config) fn iter(&self) -> impl Iterator<Item = (&String, &KeyRing)> {
        self.0.iter()
    }
}
