// Namespaces, by the name of the specification or of the upstream project that defined them.

export const CLIENT = "jabber:client";
export const FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"; // RFC 7395
export const SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
export const BIND = "urn:ietf:params:xml:ns:xmpp-bind";
export const STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas";
export const STREAM = "http://etherx.jabber.org/streams";
export const SM = "urn:xmpp:sm:3"; // XEP-0198
export const PING = "urn:xmpp:ping"; // XEP-0199
export const DISCO_INFO = "http://jabber.org/protocol/disco#info"; // XEP-0030
export const DISCO_ITEMS = "http://jabber.org/protocol/disco#items";
export const CAPS = "http://jabber.org/protocol/caps"; // XEP-0115
export const EXTDISCO = "urn:xmpp:extdisco:2"; // XEP-0215
export const NICK = "http://jabber.org/protocol/nick"; // XEP-0172
export const DELAY = "urn:xmpp:delay"; // XEP-0203
export const DATA_FORM = "jabber:x:data"; // XEP-0004

export const MUC = "http://jabber.org/protocol/muc"; // XEP-0045
export const MUC_USER = "http://jabber.org/protocol/muc#user";
export const MUC_ADMIN = "http://jabber.org/protocol/muc#admin";
export const MUC_OWNER = "http://jabber.org/protocol/muc#owner";

export const JINGLE = "urn:xmpp:jingle:1"; // XEP-0166
export const JINGLE_ERRORS = "urn:xmpp:jingle:errors:1";
export const RTP = "urn:xmpp:jingle:apps:rtp:1"; // XEP-0167
export const RTCP_FB = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"; // XEP-0293
export const RTP_HDREXT = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"; // XEP-0294
export const SSMA = "urn:xmpp:jingle:apps:rtp:ssma:0"; // XEP-0339
export const ICE_UDP = "urn:xmpp:jingle:transports:ice-udp:1"; // XEP-0176
export const DTLS = "urn:xmpp:jingle:apps:dtls:0"; // XEP-0320
export const SCTP = "urn:xmpp:jingle:transports:dtls-sctp:1"; // XEP-0343
export const GROUPING = "urn:xmpp:jingle:apps:grouping:0"; // XEP-0338

export const FOCUS = "http://jitsi.org/protocol/focus";
export const COLIBRI = "http://jitsi.org/protocol/colibri";
export const COLIBRI2 = "jitsi:colibri2";
export const JITMEET = "http://jitsi.org/jitmeet";
export const JITMEET_IGNORE = "http://jitsi.org/jitmeet/";
export const START_MUTED = "http://jitsi.org/jitmeet/start-muted";
export const MUTE_AUDIO = "http://jitsi.org/jitmeet/audio";
export const MUTE_VIDEO = "http://jitsi.org/jitmeet/video";
export const MUTE_DESKTOP = "http://jitsi.org/jitmeet/desktop";
