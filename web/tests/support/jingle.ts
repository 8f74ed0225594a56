// Jingle as a stock focus writes it, and a browser's answer to it.

import { parse, type Element } from "../../src/protocol/xml";
import { ROOM } from "./fake-server";

const TRANSPORT = `<transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="uf" pwd="pw"><rtcp-mux/>
 <fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AA:BB</fingerprint>
 <candidate component="1" foundation="1" generation="0" id="c1" network="0" priority="2130706431" protocol="udp" type="host" ip="192.0.2.10" port="10000"/>`;

const AUDIO = `<description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio">
 <rtp-hdrext xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" id="1" uri="urn:ietf:params:rtp-hdrext:ssrc-audio-level"/>
 <extmap-allow-mixed xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"/>
 <payload-type id="111" name="opus" clockrate="48000" channels="2"><parameter name="minptime" value="10"/><parameter name="useinbandfec" value="1"/>
  <rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="transport-cc"/></payload-type><rtcp-mux/></description>`;

const payload = (id: number, name: string) => `<payload-type id="${id}" name="${name}" clockrate="90000">
 <rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="nack" subtype="pli"/></payload-type>`;
const rtx = (id: number, apt: number) => `<payload-type id="${id}" name="rtx" clockrate="90000"><parameter name="apt" value="${apt}"/></payload-type>`;
const VIDEO = `<description xmlns="urn:xmpp:jingle:apps:rtp:1" media="video">${payload(41, "AV1")}${rtx(42, 41)}${payload(100, "VP8")}${rtx(96, 100)}
 <payload-type id="107" name="H264" clockrate="90000"><parameter name="profile-level-id" value="42e01f;level-asymmetry-allowed=1;packetization-mode=1;"/></payload-type></description>`;

export const FEEDBACK = '"jvb":[[{"s":12345,"n":"jvb-v0","m":"mixedmslabel mixedlabelvideo0"}],[],[{"s":12346,"n":"jvb-a0","m":"mixedmslabel mixedlabelaudio0"}]]';
export const BOB = '"bbbbbbbb":[[{"s":21,"n":"bbbbbbbb-v0","m":"bv v"},{"s":22,"n":"bbbbbbbb-v0","m":"bv v"}],[["f",21,22]],[{"s":20,"n":"bbbbbbbb-a0","m":"ba a"}]]';

export const json = (owners: string) => `<json-message xmlns="http://jitsi.org/jitmeet">{"sources":{${owners}}}</json-message>`;

export function initiate(sid = "s1", owners = FEEDBACK, extra = ""): Element {
  const content = (name: string, description: string, more = "") =>
    `<content creator="initiator" name="${name}" senders="both">${description}${TRANSPORT}${more}</transport></content>`;
  const sctp = '<sctpmap xmlns="urn:xmpp:jingle:transports:dtls-sctp:1" number="5000" protocol="webrtc-datachannel" streams="1024"/>';
  const socket = '<web-socket xmlns="http://jitsi.org/protocol/colibri" url="wss://meet.example/colibri-ws/b/c/e?pwd=x"/>';
  return read(`<jingle xmlns="urn:xmpp:jingle:1" action="session-initiate" initiator="focus@auth.meet.example/focus" sid="${sid}">
   ${content("audio", AUDIO)}${content("video", VIDEO, socket)}${content("data", "", sctp)}
   <bridge-session xmlns="http://jitsi.org/protocol/focus" id="BS1" region="eu"/>${json(owners)}${extra}</jingle>`);
}

export const action = (name: string, inner = "", sid = "s1"): Element =>
  read(`<jingle xmlns="urn:xmpp:jingle:1" action="${name}" initiator="focus@auth.meet.example/focus" sid="${sid}">${inner}</jingle>`);

export const iq = (jingle: Element, id: string, from = `${ROOM}/focus`): Element =>
  read(`<iq xmlns="jabber:client" type="set" from="${from}" id="${id}">${jingle}</iq>`);

export const read = (text: string): Element => parse(text, new DOMParser());

/** What Chromium answers, shortened: one section for each of the offer's. */
export function answerTo(offer: string, directions: Record<string, string> = {}): string {
  const parts = offer.split(/(?=^m=)/m);
  const sections = parts.slice(1).map((section, index) => {
    const kind = /^m=(\w+)/.exec(section)?.[1] ?? "";
    const mid = /^a=mid:(.*)$/m.exec(section)?.[1]?.trim() ?? "";
    const common = ["c=IN IP4 0.0.0.0", "a=ice-ufrag:cu", "a=ice-pwd:cp", "a=fingerprint:sha-256 CC:DD", "a=setup:active", `a=mid:${mid}`];
    const candidates = index === 0 ? ["a=candidate:1 1 udp 2122 198.51.100.7 4000 typ srflx raddr 10.0.0.1 rport 4000 generation 0", "a=candidate:2 1 udp 2123 abc.local 4001 typ host"] : [];
    if (kind === "application") return ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", ...common, "a=sctp-port:5000"];
    const offered = /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(section)?.[1] ?? "inactive";
    const direction = directions[mid] ?? { sendrecv: "sendrecv", recvonly: "sendonly", sendonly: "recvonly", inactive: "inactive" }[offered];
    const media = section.split(/\r?\n/).filter((line) => /^a=(rtpmap|fmtp|rtcp-fb|extmap)/.test(line));
    const base = 1000 * (index + 1);
    const sends = direction === "sendrecv" || direction === "sendonly";
    const video = [`a=ssrc-group:FID ${base} ${base + 1}`, `a=ssrc:${base} cname:me`, `a=ssrc:${base + 1} cname:me`];
    const ssrcs = !sends ? [] : kind === "video" ? video : [`a=ssrc:${base} cname:me`];
    return [(section.split(/\r?\n/)[0] ?? ""), ...common, ...candidates, `a=${direction}`, "a=rtcp-mux", ...media, ...ssrcs];
  });
  return [["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"], ...sections].map((lines) => lines.join("\r\n")).join("\r\n") + "\r\n";
}
