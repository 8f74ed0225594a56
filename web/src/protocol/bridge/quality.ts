// How good our connection is, for the others to see (EndpointStats) and for our own indicator.

export interface Quality {
  bitrate: { upload: number; download: number };
  packetLoss: { total: number; download: number; upload: number };
  /** 0 to 100 */
  connectionQuality: number;
  /** ms */
  jvbRTT: number;
  maxEnabledResolution: number;
}

type Totals = { at: number; sent: number; received: number; lost: number; packets: number };

/** Turns the totals of RTCStats reports into rates between two of them. */
export class QualityMeter {
  private last: Totals | undefined;

  /** `undefined` for the first report: there is nothing to compare with. */
  measure(report: Iterable<Record<string, unknown>>, now: number): Quality | undefined {
    const totals: Totals = { at: now, sent: 0, received: 0, lost: 0, packets: 0 };
    let rtt = 0;
    let uploadLoss = 0;
    let height = 0;
    for (const stat of report) {
      const number = (key: string) => (typeof stat[key] === "number" ? stat[key] : 0);
      switch (stat["type"]) {
        case "inbound-rtp":
          totals.received += number("bytesReceived");
          totals.lost += number("packetsLost");
          totals.packets += number("packetsReceived");
          break;
        case "outbound-rtp":
          totals.sent += number("bytesSent");
          if (stat["active"] !== false) height = Math.max(height, number("frameHeight"));
          break;
        case "remote-inbound-rtp":
          uploadLoss = Math.max(uploadLoss, number("fractionLost"));
          break;
        case "candidate-pair":
          if (stat["nominated"] === true) rtt = Math.max(rtt, number("currentRoundTripTime") * 1000);
      }
    }
    const last = this.last;
    this.last = totals;
    if (!last || totals.at <= last.at) return undefined;
    const kbps = (key: "sent" | "received") => Math.max(0, Math.round(((totals[key] - last[key]) * 8) / (totals.at - last.at)));
    const lost = Math.max(0, totals.lost - last.lost);
    const expected = lost + Math.max(0, totals.packets - last.packets);
    const download = expected === 0 ? 0 : Math.round((lost / expected) * 100);
    const upload = Math.round(uploadLoss * 100);
    return {
      bitrate: { upload: kbps("sent"), download: kbps("received") },
      packetLoss: { total: Math.max(download, upload), download, upload },
      connectionQuality: score(Math.max(download, upload), rtt),
      jvbRTT: Math.round(rtt),
      maxEnabledResolution: height,
    };
  }
}

/** One percent of loss is heard now and then, ten is a nuisance; delay starts to hurt a conversation at 200 ms. */
function score(lossPercent: number, rtt: number): number {
  const delay = Math.max(0, rtt - 200) / 10;
  return Math.round(Math.max(0, Math.min(100, 100 - lossPercent * 5 - delay)));
}
