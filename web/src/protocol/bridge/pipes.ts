// The two ways to the bridge: an SCTP data channel of the media connection, or a WebSocket of its own.

import type { SocketMaker } from "../xmpp/stream";
import type { BridgeChannel } from "./channel";

const PAUSE_MAX = 60_000;

/** The data channel lives and dies with the media connection. Returns what closes it. */
export function overDataChannel(connection: RTCPeerConnection, channel: BridgeChannel): () => void {
  const data = connection.createDataChannel("JVB data channel", { protocol: "http://jitsi.org/protocols/colibri" });
  data.onopen = () => channel.opened({ send: (text) => data.send(text), close: () => data.close() });
  data.onmessage = (event) => channel.receive(event.data);
  data.onclose = () => channel.closed();
  return () => {
    data.onopen = data.onmessage = data.onclose = null;
    channel.closed();
  };
}

/** The WebSocket is opened again after 1, 2, 4 ... s. Returns what closes it for good. */
export function overWebSocket(url: string, channel: BridgeChannel, makeSocket: (url: string) => ReturnType<SocketMaker>): () => void {
  let pause = 1000;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let socket: ReturnType<SocketMaker>;
  const open = () => {
    socket = makeSocket(url);
    const mine = socket;
    mine.onopen = () => {
      pause = 1000;
      channel.opened({ send: (text) => mine.send(text), close: () => mine.close() });
    };
    mine.onmessage = (event) => channel.receive(event.data);
    mine.onclose = () => {
      channel.closed();
      timer = setTimeout(open, pause);
      pause = Math.min(pause * 2, PAUSE_MAX);
    };
  };
  open();
  return () => {
    clearTimeout(timer);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    channel.closed();
  };
}
