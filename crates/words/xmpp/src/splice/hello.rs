//! What a client said until it had a resource: said again, it opens the next server's door.

use crate::limits::SPLICE_HELLO_BYTES_MAX;

/// The client's own words: `<open/>`, `<auth/>`, `<open/>`.
#[derive(Debug, Default)]
pub(super) struct Hello {
    open: Option<Box<str>>,
    auth: Option<Box<str>>,
    again: Option<Box<str>>,
    /// it took more steps than these, or too many bytes
    spoilt: bool,
}

impl Hello {
    pub(super) fn open(&mut self, text: &str) {
        let place = if self.auth.is_some() { &mut self.again } else { &mut self.open };
        *place = Some(text.into());
        self.weigh();
    }

    pub(super) fn auth(&mut self, text: &str) {
        self.auth = Some(text.into());
        self.weigh();
    }

    /// A nonce was exchanged: it is good for one login.
    pub(super) fn spoil(&mut self) {
        *self = Self { spoilt: true, ..Self::default() };
    }

    /// All of it, in order; `None`: it cannot be said again.
    pub(super) fn texts(&self) -> Option<[&str; 3]> {
        match (&self.open, &self.auth, &self.again) {
            (Some(open), Some(auth), Some(again)) if !self.spoilt => Some([open, auth, again]),
            _ => None,
        }
    }

    fn weigh(&mut self) {
        let parts = [&self.open, &self.auth, &self.again];
        let bytes: usize = parts.iter().map(|part| part.as_ref().map_or(0, |text| text.len())).sum();
        if self.spoilt || bytes > SPLICE_HELLO_BYTES_MAX {
            self.spoil();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_with_three_parts() {
        let mut hello = Hello::default();
        hello.open("a");
        hello.auth("wrong");
        hello.auth("b");
        assert_eq!(hello.texts(), None);
        hello.open("c");
        assert_eq!(hello.texts(), Some(["a", "b", "c"]));
    }

    #[test]
    fn a_login_of_many_steps_or_bytes_is_not_repeated() {
        let said = |auth: &str| {
            let mut hello = Hello::default();
            hello.open("a");
            hello.auth(auth);
            hello.open("c");
            hello
        };
        let mut hello = said("b");
        hello.spoil();
        assert_eq!(hello.texts(), None);
        hello.auth("b");
        assert_eq!(hello.texts(), None);
        assert!(said(&"x".repeat(SPLICE_HELLO_BYTES_MAX - 2)).texts().is_some());
        assert_eq!(said(&"x".repeat(SPLICE_HELLO_BYTES_MAX - 1)).texts(), None);
    }
}
