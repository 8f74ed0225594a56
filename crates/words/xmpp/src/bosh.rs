//! Bodies of BOSH (XEP-0124, XEP-0206): what a client posts, and what it is answered.

use minidom::rxml::error::EndOrError;
use minidom::rxml::{AttrMap, Event, Namespace, Parse, Parser, WithOptions};

use crate::text::to_text;
use crate::tree::{Tree, TreeError};
use crate::{Element, elem, frame, limits, ns};

/// What a client posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post<'a> {
    /// The first body of a session (XEP-0124 section 7.1). `wait` in seconds.
    Create { to: &'a str, wait: u64, hold: u32 },
    /// Whole stanzas, as text; none of them is a poll.
    Stanzas(&'a [String]),
    /// After SASL (XEP-0206 section 5).
    Restart { to: &'a str },
    /// Ends the session, with the last stanzas.
    Terminate(&'a [String]),
}

impl Post<'_> {
    /// The body with this number, of the session `sid`.
    pub fn to_text(&self, rid: u64, sid: Option<&str>) -> String {
        let body = elem("body", ns::HTTP_BIND).attr("rid", rid.to_string()).attr_opt("sid", sid);
        let (body, more, stanzas): (_, &str, &[String]) = match self {
            Self::Create { to, wait, hold } => {
                let body = body.attr("to", *to).attr("wait", wait.to_string()).attr("hold", hold.to_string());
                let body = body.attr("content", "text/xml; charset=utf-8").attr("ver", "1.6");
                (body, " xml:lang=\"en\" xmpp:version=\"1.0\" xmlns:xmpp=\"urn:xmpp:xbosh\"", &[])
            }
            Self::Stanzas(stanzas) => (body, "", stanzas),
            Self::Restart { to } => {
                let more = " xml:lang=\"en\" xmpp:restart=\"true\" xmlns:xmpp=\"urn:xmpp:xbosh\"";
                (body.attr("to", *to), more, &[])
            }
            Self::Terminate(stanzas) => (body.attr("type", "terminate"), "", stanzas),
        };
        let open = to_text(&body.build());
        let open = open.strip_suffix("/>").unwrap_or(&open);
        match stanzas {
            [] => format!("{open}{more}/>"),
            stanzas => format!("{open}{more}>{}</body>", stanzas.concat()),
        }
    }
}

/// What a client is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub sid: Option<String>,
    /// seconds that a request is held
    pub wait: Option<u64>,
    /// requests that may be on their way at a time
    pub requests: Option<u64>,
    /// the session is over, and why (XEP-0124 section 17.2); empty: it is not said
    pub terminate: Option<String>,
    pub stanzas: Vec<Element>,
}

/// Why a text is no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("it has {0} bytes, over the limit of {limit}", limit = limits::BODY_BYTES_MAX)]
    TooBig(usize),
    #[error("it has more than {} stanzas", limits::BODY_STANZAS_MAX)]
    TooManyStanzas,
    #[error("it is no body element")]
    NoBody,
    #[error("it ends within an element")]
    Unfinished,
    /// not well-formed, or one of the things that XMPP forbids
    #[error("it is not restricted XML: {0}")]
    Malformed(String),
    #[error(transparent)]
    Limit(#[from] TreeError),
}

impl Answer {
    /// Reads a whole body. Each stanza within has the limits of a WebSocket frame, but for its bytes.
    ///
    /// # Errors
    /// [`BodyError`]; no text makes it panic.
    pub fn parse(text: &str) -> Result<Self, BodyError> {
        if text.len() > limits::BODY_BYTES_MAX {
            return Err(BodyError::TooBig(text.len()));
        }
        let mut parser = Parser::with_options(frame::options());
        let (mut tree, mut answer, mut rest) = (Tree::default(), None, text.trim_start().as_bytes());
        loop {
            match parser.parse(&mut rest, true) {
                Ok(Some(event)) => take(&mut answer, &mut tree, event)?,
                Ok(None) => break,
                Err(EndOrError::NeedMoreData) => return Err(BodyError::Unfinished),
                Err(EndOrError::Error(error)) => return Err(BodyError::Malformed(error.to_string())),
            }
        }
        answer.ok_or(BodyError::NoBody)
    }
}

fn take(answer: &mut Option<Answer>, tree: &mut Tree, event: Event) -> Result<(), BodyError> {
    match (answer, event) {
        (None, Event::XmlDeclaration(..)) => {}
        (answer @ None, Event::StartElement(_, (space, name), attributes)) => {
            if space.as_str() != ns::HTTP_BIND || name.as_str() != "body" {
                return Err(BodyError::NoBody);
            }
            *answer = Some(head(&attributes));
        }
        (None, _) => return Err(BodyError::NoBody),
        // the body's own end, and white space between stanzas
        (Some(_), Event::EndElement(_) | Event::Text(..)) if tree.is_empty() => {}
        (Some(answer), event) => {
            if let Some(stanza) = tree.handle(event)? {
                if answer.stanzas.len() >= limits::BODY_STANZAS_MAX {
                    return Err(BodyError::TooManyStanzas);
                }
                answer.stanzas.push(stanza);
            }
        }
    }
    Ok(())
}

fn head(attributes: &AttrMap) -> Answer {
    let attribute = |name: &str| attributes.get(&Namespace::NONE, name).cloned();
    let number = |name: &str| attribute(name)?.parse().ok();
    let over = attribute("type").as_deref() == Some("terminate");
    Answer {
        sid: attribute("sid").filter(|sid| !sid.is_empty()),
        wait: number("wait"),
        requests: number("requests"),
        terminate: over.then(|| attribute("condition").unwrap_or_default()),
        stanzas: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_posts_is_what_strophe_posts() {
        let create = Post::Create { to: "meet.example", wait: 60, hold: 1 };
        assert_eq!(
            create.to_text(7, None),
            "<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" hold=\"1\" rid=\"7\" \
             to=\"meet.example\" ver=\"1.6\" wait=\"60\" xml:lang=\"en\" xmpp:version=\"1.0\" xmlns:xmpp=\"urn:xmpp:xbosh\"/>"
        );
        let restart = Post::Restart { to: "meet.example" }.to_text(8, Some("s"));
        assert!(
            restart.contains(" rid=\"8\" sid=\"s\"") && restart.contains(" xmpp:restart=\"true\""),
            "{restart}"
        );
        let stanzas = ["<presence xmlns=\"jabber:client\"/>".to_owned()];
        let terminate = Post::Terminate(&stanzas).to_text(9, Some("s"));
        assert!(
            terminate.ends_with(" type=\"terminate\"><presence xmlns=\"jabber:client\"/></body>"),
            "{terminate}"
        );
        assert!(Post::Stanzas(&[]).to_text(9, Some("s&")).ends_with(" rid=\"9\" sid=\"s&amp;\"/>"));
    }

    #[test]
    fn whatever_is_posted_is_a_body() {
        let stanzas = ["<a xmlns=\"b\"/>".to_owned(), "<c xmlns=\"d\">e</c>".to_owned()];
        for post in [
            Post::Create { to: "a\"b", wait: 60, hold: 1 },
            Post::Restart { to: "a" },
            Post::Stanzas(&stanzas),
            Post::Terminate(&stanzas),
        ] {
            let read = Answer::parse(&post.to_text(1, Some("s"))).unwrap();
            assert_eq!(read.sid.as_deref(), Some("s"));
            assert_eq!(read.terminate.is_some(), matches!(post, Post::Terminate(_)));
        }
    }

    #[test]
    fn an_answer_has_features_in_the_namespace_of_its_body() {
        let read = Answer::parse(
            "<?xml version='1.0'?>\n<body xmlns='http://jabber.org/protocol/httpbind' sid='s' wait='60' requests='2' \
             xmlns:stream='http://etherx.jabber.org/streams'> <stream:features/>\
             <message xmlns='jabber:client'><body>x</body></message></body>\n",
        )
        .unwrap();
        let [features, message] = &read.stanzas[..] else { panic!("{read:?}") };
        assert!(features.is("features", ns::STREAM) && message.is("message", ns::CLIENT));
        assert_eq!((read.wait, read.requests, read.terminate), (Some(60), Some(2), None));
    }

    #[test]
    fn an_end_may_have_a_condition() {
        let end = |more: &str| {
            let body = format!("<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'{more}/>");
            Answer::parse(&body).unwrap().terminate
        };
        assert_eq!(end(" condition='item-not-found'").as_deref(), Some("item-not-found"));
        assert_eq!(end("").as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_body_is_refused() {
        let refused = |text: &str| Answer::parse(text).expect_err(text);
        for text in ["", " ", "<html/>", "<body/>", "404", "<presence xmlns='jabber:client'/>"] {
            let error = refused(text);
            assert!(
                matches!(error, BodyError::NoBody | BodyError::Malformed(_) | BodyError::Unfinished),
                "{text}: {error}"
            );
        }
        let open = "<body xmlns='http://jabber.org/protocol/httpbind'>";
        assert!(matches!(refused(open), BodyError::Unfinished | BodyError::Malformed(_)));
        assert!(matches!(refused(&format!("{open}<!-- --></body>")), BodyError::Malformed(_)));
        let chain = "<a>".repeat(limits::DEPTH_MAX + 1);
        assert_eq!(refused(&format!("{open}{chain}")), BodyError::Limit(TreeError::TooDeep));
        assert!(matches!(refused(&" ".repeat(limits::BODY_BYTES_MAX + 1)), BodyError::TooBig(_)));
        let many = "<a/>".repeat(limits::BODY_STANZAS_MAX + 1);
        assert_eq!(refused(&format!("{open}{many}</body>")), BodyError::TooManyStanzas);
    }
}
