//! The server side of SCRAM-SHA-1 (RFC 5802), without channel binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::SCRAM_ROUNDS;
use super::accounts::{Accounts, Keys, Sum, mac};

/// The client's first message was taken; its proof is awaited.
#[derive(Clone)]
pub(super) struct Challenged {
    user: String,
    keys: Keys,
    /// what the client must repeat: both nonces
    nonce: String,
    /// `client-first-message-bare , server-first-message ,`
    transcript: String,
    /// the GS2 header in base64
    binding: String,
}

/// Which failure of RFC 6120 section 6.5 it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    MalformedRequest,
    InvalidAuthzid,
    NotAuthorized,
}

/// Takes the client's first message; gives the state and the server's first message.
pub(super) fn start(
    accounts: &Accounts,
    domain: &str,
    nonce: &str,
    message: &str,
) -> Result<(Challenged, String), Refused> {
    let (header, bare) = gs2(message)?;
    let authzid = header.split_once(',').map_or("", |(_, rest)| rest.trim_end_matches(','));
    let mut fields = bare.split(',');
    let user = fields.next().and_then(|f| f.strip_prefix("n=")).and_then(unescape);
    let user = user.ok_or(Refused::MalformedRequest)?;
    let theirs = fields.next().and_then(|f| f.strip_prefix("r=")).filter(|r| !r.is_empty());
    let theirs = theirs.ok_or(Refused::MalformedRequest)?;
    let expected = format!("a={user}@{domain}");
    if !authzid.is_empty() && authzid != expected {
        return Err(Refused::InvalidAuthzid);
    }
    let keys = accounts.keys(&user);
    let nonce = format!("{theirs}{nonce}");
    Ok(challenge(user, keys, nonce, header, bare))
}

fn challenge(user: String, keys: Keys, nonce: String, header: &str, bare: &str) -> (Challenged, String) {
    let message = format!("r={nonce},s={},i={SCRAM_ROUNDS}", STANDARD.encode(keys.salt));
    let transcript = format!("{bare},{message},");
    let binding = STANDARD.encode(header);
    (Challenged { user, keys, nonce, transcript, binding }, message)
}

impl Challenged {
    /// Takes the client's final message; gives the user's name and the server's final message.
    pub(super) fn finish(self, message: &str) -> Result<(String, String), Refused> {
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(Refused::MalformedRequest)?;
        let proof = STANDARD.decode(proof).ok().and_then(|p| Sum::try_from(p).ok());
        let proof = proof.ok_or(Refused::MalformedRequest)?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|f| f.strip_prefix("c=")).ok_or(Refused::MalformedRequest)?;
        let nonce = fields.next().and_then(|f| f.strip_prefix("r=")).ok_or(Refused::MalformedRequest)?;
        if binding != self.binding || nonce != self.nonce {
            return Err(Refused::NotAuthorized);
        }
        let signed = format!("{}{without_proof}", self.transcript);
        let signature = mac(&self.keys.stored, signed.as_bytes());
        let client_key: Sum = std::array::from_fn(|i| proof[i] ^ signature[i]);
        let stored: Sum = Sha1::digest(client_key).into();
        if !bool::from(stored.ct_eq(&self.keys.stored)) {
            return Err(Refused::NotAuthorized);
        }
        let verifier = mac(&self.keys.server, signed.as_bytes());
        Ok((self.user, format!("v={}", STANDARD.encode(verifier))))
    }
}

/// The GS2 header with its last comma, and the rest. Channel binding is not offered, so `p=` is refused.
fn gs2(message: &str) -> Result<(&str, &str), Refused> {
    if !(message.starts_with("n,") || message.starts_with("y,")) {
        return Err(Refused::MalformedRequest);
    }
    let end = message[2..].find(',').ok_or(Refused::MalformedRequest)?;
    Ok(message.split_at(2 + end + 1))
}

/// A user name with `=2C` and `=3D` resolved; `None` where something else follows an equals sign.
fn unescape(name: &str) -> Option<String> {
    let mut pieces = name.split('=');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let (sign, rest) = if let Some(rest) = piece.strip_prefix("2C") {
            (',', rest)
        } else {
            ('=', piece.strip_prefix("3D")?)
        };
        out.push(sign);
        out.push_str(rest);
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::super::accounts::salted;
    use super::*;

    /// The example of RFC 5802 section 5.
    #[test]
    fn the_example_of_the_rfc_is_answered_as_there() {
        let salt: [u8; 12] = STANDARD.decode("QSXCR+Q6sek8bf92").unwrap().try_into().unwrap();
        let password = salted("pencil", &salt, 4096);
        let stored: Sum = Sha1::digest(mac(&password, b"Client Key")).into();
        let bare = "n=user,r=fyko+d2lbbFgONRv9qkxdawL";
        let nonce = "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
        let accounts = Accounts::new([0; 16], []);
        let keys = Keys { stored, server: mac(&password, b"Server Key"), ..accounts.keys("user") };
        // the salt of the example has another length than ours: its text is put into the transcript by hand
        let (mut challenged, _) = challenge("user".to_owned(), keys, nonce.to_owned(), "n,,", bare);
        challenged.transcript = format!("{bare},r={nonce},s=QSXCR+Q6sek8bf92,i=4096,");
        let message = format!("c=biws,r={nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
        let expected = ("user".to_owned(), "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=".to_owned());
        assert_eq!(challenged.finish(&message), Ok(expected));
    }

    #[test]
    fn user_names_are_unescaped() {
        assert_eq!(unescape("a=2Cb=3Dc").as_deref(), Some("a,b=c"));
        assert_eq!(unescape("plain").as_deref(), Some("plain"));
        for bad in ["", "a=", "a=2", "a=2c", "=3"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_first_message_is_refused() {
        let accounts = Accounts::new([0; 16], []);
        for bad in [
            "",
            "n",
            "n,",
            "n,,",
            "p=tls-unique,,n=a,r=b",
            "n,,n=a",
            "n,,n=a,r=",
            "n,,m=x,n=a,r=b",
            "ü,,",
            "n,ü",
        ] {
            let refused = start(&accounts, "auth.x", "s", bad).err();
            assert_eq!(refused, Some(Refused::MalformedRequest), "{bad}");
        }
        let other = start(&accounts, "auth.x", "s", "n,a=root@auth.x,n=jvb,r=c").err();
        assert_eq!(other, Some(Refused::InvalidAuthzid));
        assert!(start(&accounts, "auth.x", "s", "n,a=jvb@auth.x,n=jvb,r=c").is_ok());
    }
}
