/**
 * Runs in the page before anything else does. It keeps every RTCPeerConnection that the page makes, so that media are
 * judged by what the browser decoded, whatever client it is.
 */
export function recordConnections(): void {
  const page = window as unknown as { e2eConnections: RTCPeerConnection[] };
  const connections: RTCPeerConnection[] = [];
  page.e2eConnections = connections;
  const Native = window.RTCPeerConnection;
  class Recorded extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
    }
  }
  Object.defineProperty(Recorded, 'name', { value: 'RTCPeerConnection' });
  window.RTCPeerConnection = Recorded;
}

/** One incoming stream of a page, as its statistics have it. */
export interface Incoming {
  /** the same as long as the stream lives; a new session has new ones */
  key: string;
  kind: 'audio' | 'video';
  framesDecoded: number;
  frameHeight: number;
  audioEnergy: number;
  packets: number;
}

/** Runs in the page: all incoming streams of its open connections. */
export async function readIncoming(): Promise<Incoming[]> {
  const page = window as unknown as { e2eConnections: RTCPeerConnection[] };
  const incoming: Incoming[] = [];
  for (const [index, connection] of page.e2eConnections.entries()) {
    if (connection.signalingState === 'closed') continue;
    const stats = await connection.getStats();
    stats.forEach((report: Record<string, unknown>) => {
      if (report['type'] !== 'inbound-rtp') return;
      incoming.push({
        key: `${index}/${String(report['mid'])}/${String(report['ssrc'])}`,
        kind: report['kind'] as 'audio' | 'video',
        framesDecoded: Number(report['framesDecoded'] ?? 0),
        frameHeight: Number(report['frameHeight'] ?? 0),
        audioEnergy: Number(report['totalAudioEnergy'] ?? 0),
        packets: Number(report['packetsReceived'] ?? 0),
      });
    });
  }
  return incoming;
}
