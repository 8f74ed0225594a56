//! Names: of streams, of subjects, and of meetings within subjects.

/// Where a cluster keeps its things in the engine.
#[derive(Clone, Debug)]
pub(super) struct Names {
    cluster: String,
}

impl Names {
    /// `cluster` was checked by [`is_token`].
    pub(super) fn new(cluster: &str) -> Self {
        Self { cluster: cluster.to_owned() }
    }

    pub(super) fn journal_stream(&self, number: u16) -> String {
        format!("althing-{}-journal-{number}", self.cluster)
    }

    pub(super) fn journal_subjects(&self, number: u16) -> String {
        format!("althing.{}.journal.{number}.*", self.cluster)
    }

    /// Of a meeting, in stream `number`.
    pub(super) fn journal(&self, number: u16, meeting: &str) -> String {
        format!("althing.{}.journal.{number}.{}", self.cluster, encode(meeting))
    }

    /// `kind`: `places`, `nodes`, `aside`, `cluster`.
    pub(super) fn stream(&self, kind: &str) -> String {
        format!("althing-{}-{kind}", self.cluster)
    }

    pub(super) fn subjects(&self, kind: &str) -> String {
        format!("althing.{}.{kind}.*", self.cluster)
    }

    pub(super) fn subject(&self, kind: &str, name: &str) -> String {
        format!("althing.{}.{kind}.{}", self.cluster, encode(name))
    }
}

/// Can it be the name of a cluster? Such a name stands in names of streams and in subjects as it is.
pub(super) fn is_token(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What follows the last dot of a subject, as a name.
pub(super) fn name_of(subject: &str) -> Option<String> {
    decode(subject.rsplit('.').next()?)
}

/// One token of a subject: letters, digits, `-` and `_` as they are, any other byte as `=XX`.
fn encode(name: &str) -> String {
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            token.push(char::from(byte));
        } else {
            token.push_str(&format!("={byte:02X}"));
        }
    }
    token
}

fn decode(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'=' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_token_and_comes_back() {
        for name in ["standup", "[guild]standup", "a.b c*>", "%c3%bcbung", "ü", "=41"] {
            let subject = Names::new("c").subject("places", name);
            let token = subject.strip_prefix("althing.c.places.").unwrap();
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b)), "{token}");
            assert_eq!(name_of(&subject).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_we_did_not_write_is_no_name() {
        for subject in ["a.=4", "a.=zz", "a.=ff"] {
            assert_eq!(name_of(subject), None, "{subject}");
        }
    }

    #[test]
    fn names_of_clusters() {
        assert!(is_token("meet-example_1"));
        assert!(["", "a.b", "a b", "ü", &"x".repeat(33)].iter().all(|name| !is_token(name)));
    }
}
