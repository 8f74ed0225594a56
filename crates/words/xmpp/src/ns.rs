//! Namespaces.

pub const CLIENT: &str = "jabber:client";
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
pub const STREAMS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
pub const STREAM: &str = "http://etherx.jabber.org/streams";
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// XEP-0124
pub const HTTP_BIND: &str = "http://jabber.org/protocol/httpbind";
/// XEP-0206
pub const BOSH: &str = "urn:xmpp:xbosh";
/// XEP-0198
pub const SM: &str = "urn:xmpp:sm:3";
/// XEP-0199
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0203
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0091, its forerunner
pub const LEGACY_DELAY: &str = "jabber:x:delay";
/// XEP-0033
pub const ADDRESS: &str = "http://jabber.org/protocol/address";
/// XEP-0215
pub const EXTDISCO: &str = "urn:xmpp:extdisco:2";
/// XEP-0030
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0115
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// XEP-0004
pub const DATA: &str = "jabber:x:data";
/// XEP-0172
pub const NICK: &str = "http://jabber.org/protocol/nick";
/// XEP-0444
pub const REACTIONS: &str = "urn:xmpp:reactions:0";
/// XEP-0424
pub const RETRACT: &str = "urn:xmpp:message-retract:1";

/// XEP-0045
pub const MUC: &str = "http://jabber.org/protocol/muc";
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
pub const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";
pub const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
pub const MUC_ROOMCONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";
pub const MUC_ROOMINFO: &str = "http://jabber.org/protocol/muc#roominfo";

/// Jitsi
pub const JITMEET: &str = "http://jitsi.org/jitmeet";
pub const FOCUS: &str = "http://jitsi.org/protocol/focus";
/// with the slash; a presence that carries it is skipped by clients
pub const JITMEET_IGNORE: &str = "http://jitsi.org/jitmeet/";
pub const DISPLAY_NAME: &str = "http://jitsi.org/protocol/display-name";
