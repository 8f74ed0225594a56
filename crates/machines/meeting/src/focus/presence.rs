//! What the focus tells of itself in its presence.

use xmpp::{Element, elem};

use super::Focus;

impl Focus {
    /// The children that the focus adds to its presence. Clients take each set of properties as the whole, so all
    /// are repeated every time.
    pub(crate) fn presence_children(&self) -> Vec<Element> {
        let component =
            elem("component", xmpp::ns::JITMEET).attr("name", "focus").text(env!("CARGO_PKG_VERSION"));
        let property = |key: &str, value: String| {
            elem("property", xmpp::ns::FOCUS).attr("key", key).attr("value", value).build()
        };
        let properties = [
            property("support-terminate-restart", true.to_string()),
            property("bridge-count", self.bridges().len().to_string()),
        ];
        vec![
            elem("versions", xmpp::ns::JITMEET).child(component).build(),
            elem("conference-properties", xmpp::ns::FOCUS).children(properties).build(),
        ]
    }
}
