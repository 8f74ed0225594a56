//! What may go wrong with a browser.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// no process came to be
    Unstarted(String),
    /// the process is gone: how, and what it said
    Ended(String),
    /// this method has no answer in time
    Silent(&'static str),
    /// this method has an error for an answer
    Refused(&'static str, String),
    /// what comes is not the protocol
    Garbled,
    /// the browser's word for it
    Unloaded(String),
    /// the page is there, and not in its room: what it shows
    Outside(String),
    Crashed,
    /// somebody closed it
    Closed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstarted(why) => write!(f, "a browser could not be started: {why}"),
            Self::Ended(how) => write!(f, "a browser ended: {how}"),
            Self::Silent(method) => write!(f, "a browser does not answer ({method})"),
            Self::Refused(method, why) => write!(f, "a browser refuses {method}: {why}"),
            Self::Garbled => f.write_str("a browser does not speak the DevTools protocol"),
            Self::Unloaded(why) => write!(f, "a browser could not load its page: {why}"),
            Self::Outside(shown) if shown.is_empty() => {
                f.write_str("a browser did not get into its room; its page is empty")
            }
            Self::Outside(shown) => {
                write!(f, "a browser did not get into its room; its page shows {shown:?}")
            }
            Self::Crashed => f.write_str("a browser's page crashed"),
            Self::Closed => f.write_str("a browser's page was closed"),
        }
    }
}

impl Fault {
    /// For a person who runs the load.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unloaded(why) if why.contains("CERT") || why.contains("SSL") => {
                Some("browsers know the certificates of this machine alone; --insecure takes any")
            }
            Self::Unloaded(_) => Some("is there a web client at --url, and not the XMPP server alone?"),
            Self::Outside(_) => Some(
                "open the address by hand: a guest must get into a room without a question, a password or a lobby",
            ),
            Self::Ended(_) | Self::Crashed => {
                Some("a browser takes about 300 MB of memory and most of a core: try fewer --browsers")
            }
            Self::Silent(_) => Some("the machine may be too slow for so many: try fewer --browsers"),
            Self::Refused(..) | Self::Garbled => Some("is --chromium a Chromium or Chrome of 2023 or later?"),
            Self::Unstarted(_) | Self::Closed => None,
        }
    }
}
