//! Random bytes of the operating system.

use zeroize::Zeroizing;

/// Fresh random bytes: for keys, nonces, salts.
#[allow(clippy::panic, reason = "without random bytes no key is safe to make, and no caller can repair that")]
pub(crate) fn random_array<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    if let Err(error) = getrandom::fill(&mut *bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
    bytes
}
