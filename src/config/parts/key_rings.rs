//! Key rings.

use super::keys::{SealingSettings, SigningMaterial};
use super::scalars::{Alg, Hidden, Moment, Time};
use super::spot::Spot;
use super::stores::{Stores, unknown};
use crate::config::document::Problem;
use crate::token::ring::{KeyRing, RingKey};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Keys that sign one after another.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RingSettings {
    /// The algorithm of all its keys.
    algorithm: Alg,
    /// The keys that it begins with, instead of a generated one.
    #[serde(default)]
    keys: Vec<RingKeySettings>,
    /// Replaces the current key when it has signed for so long; never unless set.
    rotate_every: Option<Time>,
    /// How long a key is known before it signs; an hour unless set.
    publish_ahead: Option<Time>,
    /// How long a key's tokens are good after another signs in its place; a day unless set.
    overlap: Option<Time>,
    /// The store that keeps it, encrypted with `sealing`; this process's memory unless set.
    store: Option<String>,
    /// The keys that encrypt it in the store.
    sealing: Option<SealingSettings>,
    /// Its name in the store; the name that it has here unless set.
    name: Option<String>,
    /// How soon another process's change is noticed at the latest; 5 s unless set.
    refresh_interval: Option<Time>,
}

/// A key of a ring, and its dates.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RingKeySettings {
    /// The key's name, `kid`; its thumbprint unless set.
    key_id: Option<String>,
    /// A shared secret.
    secret: Option<Hidden>,
    /// A file with a shared secret.
    secret_file: Option<String>,
    /// A private key as PEM or JWK.
    private_key: Option<Hidden>,
    /// A file with a private key as PEM, DER or JWK.
    private_key_file: Option<String>,
    /// From when on it signs; now unless set.
    current_from: Option<Moment>,
    /// From when on it neither signs nor verifies.
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
                return Err(spot
                    .key("sealing")
                    .wrong("there is no 'store' that it is for"));
            }
        }
        ring.build().map_err(|error| spot.refused(error))
    }
}

/// The rings by their names.
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
