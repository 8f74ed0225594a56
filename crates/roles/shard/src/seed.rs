//! Randomness, from the kernel. Machines get it as bytes.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// Unguessable bytes.
pub(crate) fn seed<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the kernel gives random bytes once it has started");
    bytes
}
