//! Estimated durations of signature checks.
//!
//! Measured with `cargo bench --bench flood` on a server processor of 2024; other machines take 0.5 to 4
//! times as long. Rejecting a forged signature takes as long as accepting a good one.

use super::algorithm::KeyType;
use super::jwk::Material;

/// Microseconds of one check with a 2048-bit RSA key and the exponent 65537.
const RSA_2048: usize = 16;

/// Returns the estimated microseconds of one check with a public key.
///
/// | key | µs | key | µs |
/// |---|---|---|---|
/// | Ed25519 | 40 | RSA 2048 bits | 16 |
/// | P-256 (ES256) | 60 | RSA 3072 bits | 36 |
/// | P-384 (ES384) | 190 | RSA 4096 bits | 64 |
/// | P-521 (ES512) | 350 | RSA 8192 bits | 256 |
pub(super) fn micros(key_type: KeyType, material: &Material) -> u32 {
    match (key_type, material) {
        (_, Material::Rsa { n, e }) => rsa(n.len() * 8, e),
        (KeyType::P256, _) => 60,
        (KeyType::P384, _) => 190,
        (KeyType::P521, _) => 350,
        _ => 40,
    }
}

/// The work grows with the square of the modulus, and with the exponent's bits and ones.
fn rsa(bits: usize, exponent: &[u8]) -> u32 {
    let ones: u32 = exponent.iter().map(|byte| byte.count_ones()).sum();
    let multiplications = exponent.len() * 8 + ones as usize;
    // Of 65537: 24 bits in whole bytes, two ones.
    let micros = RSA_2048 * bits * bits / (2048 * 2048) * (multiplications + 14) / (26 + 14);
    u32::try_from(micros).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured: 14, 51, 198, and with the largest exponent 34, 130, 511.
    #[test]
    fn rsa_grows_with_modulus_and_exponent() {
        let (usual, largest) = (&[1, 0, 1][..], &[1, 0xff, 0xff, 0xff, 0xff][..]);
        assert_eq!([2048, 4096, 8192].map(|bits| rsa(bits, usual)), [16, 64, 256]);
        assert_eq!([2048, 4096, 8192].map(|bits| rsa(bits, largest)), [34, 139, 556]);
    }
}
