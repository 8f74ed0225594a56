//! The accounts that may log in with a password, and the proof that somebody knows it.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::SCRAM_ROUNDS;

pub(super) type Sum = [u8; 20];

/// User names with what RFC 5802 section 3 stores for them. Passwords are taken as they are: no SASLprep, so those
/// of an installation are best ASCII.
pub struct Accounts {
    /// makes salts, for users that do not exist too, and hides the lengths of compared passwords
    secret: [u8; 16],
    users: BTreeMap<String, Keys>,
}

/// What the server knows of a user.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) salt: [u8; 16],
    pub(super) stored: Sum,
    pub(super) server: Sum,
    pub(super) password: Sum,
}

impl Accounts {
    /// `secret` is random. The salts depend on it and on the user alone.
    pub fn new(secret: [u8; 16], accounts: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut all = Self { secret, users: BTreeMap::new() };
        for (user, password) in accounts {
            let keys = all.derive(&user, &password);
            all.users.insert(user, keys);
        }
        all
    }

    /// Compares in a time that does not depend on the password.
    pub(super) fn knows(&self, user: &str, password: &str) -> bool {
        let given = mac(&self.secret, password.as_bytes());
        let keys = self.keys(user);
        let equal = bool::from(given.ct_eq(&keys.password));
        equal && self.users.contains_key(user)
    }

    /// The keys of a user; of one who does not exist keys that no proof fits, so that nobody learns who exists.
    pub(super) fn keys(&self, user: &str) -> Keys {
        let unknown = Keys { salt: self.salt(user), stored: [0; 20], server: [0; 20], password: [0; 20] };
        self.users.get(user).copied().unwrap_or(unknown)
    }

    fn derive(&self, user: &str, password: &str) -> Keys {
        let salt = self.salt(user);
        let salted = salted(password, &salt, SCRAM_ROUNDS);
        let stored = Sha1::digest(mac(&salted, b"Client Key")).into();
        Keys {
            salt,
            stored,
            server: mac(&salted, b"Server Key"),
            password: mac(&self.secret, password.as_bytes()),
        }
    }

    fn salt(&self, user: &str) -> [u8; 16] {
        let sum = mac(&self.secret, user.as_bytes());
        *sum.first_chunk().expect("a SHA-1 sum has 20 bytes")
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

/// HMAC-SHA-1.
pub(super) fn mac(key: &[u8], message: &[u8]) -> Sum {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// `SaltedPassword` of RFC 5802 section 3.
pub(super) fn salted(password: &str, salt: &[u8], rounds: u32) -> Sum {
    pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), salt, rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts::new([7; 16], [("jvb".to_owned(), "secret".to_owned())])
    }

    #[test]
    fn only_the_right_password_is_known() {
        assert!(accounts().knows("jvb", "secret"));
        for (user, password) in [("jvb", "Secret"), ("jvb", ""), ("", "secret"), ("focus", "secret")] {
            assert!(!accounts().knows(user, password), "{user} {password}");
        }
    }

    #[test]
    fn nobody_learns_from_the_salt_who_exists() {
        let accounts = accounts();
        assert_eq!(accounts.keys("nobody").salt, accounts.keys("nobody").salt);
        assert_ne!(accounts.keys("nobody").salt, accounts.keys("jvb").salt);
    }

    #[test]
    fn passwords_do_not_reach_the_log() {
        assert!(!format!("{:?}", accounts()).contains("secret"));
    }
}
