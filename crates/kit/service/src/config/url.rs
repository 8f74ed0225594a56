//! The address under which people know the installation.

use std::fmt;

/// `https://meet.example` or `http://10.0.0.1:8000`: a scheme and an authority, nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    secure: bool,
    authority: String,
}

impl PublicUrl {
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{text:?} {what}; write it like \"https://meet.example.org\"");
        let (scheme, rest) =
            text.trim().split_once("://").ok_or_else(|| wrong("has no https:// or http://"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("is neither https nor http")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        if authority.contains(['/', '?', '#']) {
            return Err(wrong("has a path, and the web client lives at the root"));
        }
        if !is_authority(&authority) {
            return Err(wrong("has no valid host"));
        }
        Ok(Self { secure, authority })
    }

    /// Whether browsers come over TLS, ours or that of a proxy in front.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host, with the port where it is not the scheme's own.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Without port, and without the brackets of IPv6.
    pub fn host(&self) -> &str {
        match self.authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.authority.split(':').next().unwrap_or(&self.authority),
        }
    }

    /// Its own, or that of the scheme.
    pub fn port(&self) -> u16 {
        let rest = match self.authority.rsplit_once(']') {
            Some((_, rest)) => rest,
            None => self.authority.as_str(),
        };
        let port = rest.split_once(':').and_then(|(_, port)| port.parse().ok());
        port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// `wss://meet.example`
    pub fn websocket_base(&self) -> String {
        format!("{}://{}", if self.secure { "wss" } else { "ws" }, self.authority)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

/// `authority` is lower case.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            ("v6", rest.strip_prefix(':'))
        }
        Some(_) => return false,
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let of_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    !host.is_empty()
        && host.len() <= 253
        && host.chars().all(of_host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|n| n > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_authority_are_kept() {
        let check = |text: &str, shown: &str, host: &str| {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.host()), (shown, host), "{text}");
        };
        check("https://Meet.Example/", "https://meet.example", "meet.example");
        check("http://10.0.0.1:8000", "http://10.0.0.1:8000", "10.0.0.1");
        check("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", "2001:db8::1");
    }

    #[test]
    fn every_address_has_a_port() {
        let port = |text: &str| PublicUrl::parse(text).unwrap().port();
        assert_eq!((port("https://meet.example"), port("http://[2001:db8::1]")), (443, 80));
        assert_eq!((port("https://10.0.0.1:8443"), port("http://[2001:db8::1]:8000")), (8443, 8000));
    }

    #[test]
    fn the_websocket_follows_the_scheme() {
        let base = |text: &str| PublicUrl::parse(text).unwrap().websocket_base();
        assert_eq!(base("https://meet.example"), "wss://meet.example");
        assert_eq!(base("http://meet.example:8000"), "ws://meet.example:8000");
    }

    #[test]
    fn anything_else_is_refused_with_a_sentence() {
        for text in
            ["meet.example", "ftp://meet.example", "https://", "https://a b", "https://meet.example/jitsi"]
        {
            let error = PublicUrl::parse(text).unwrap_err();
            assert!(error.contains("https://meet.example.org"), "{error}");
        }
        for text in ["https://x:0", "https://x:70000", "https://[::1", "https://a\"b", "https://[zz]:1"] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }
}
