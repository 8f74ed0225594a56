// Which of its encodings a sender should produce.

import type { Slot } from "../sdp/remote";

export interface Encoding {
  active: boolean;
  scaleResolutionDownBy: number;
  maxBitrate: number;
}

/** bits per second, smallest layer first: what stock clients allow themselves for VP8 */
const CAMERA_BITRATES = [200_000, 500_000, 1_500_000];
const DESKTOP_BITRATE = 2_500_000;
const USUAL_HEIGHT = 720;

/**
 * The encodings of a slot when nobody wants more than `maxHeight` lines (-1: no limit, 0: nobody watches). Of the
 * camera's layers those stay that are not larger; the smallest one stays as long as anybody watches.
 */
export function layerPlan(slot: Slot, encodings: number, maxHeight: number, captured = USUAL_HEIGHT): Encoding[] {
  const watched = maxHeight !== 0;
  if (slot === "v1") return [{ active: watched, scaleResolutionDownBy: 1, maxBitrate: DESKTOP_BITRATE }];
  if (encodings <= 1) {
    const scale = maxHeight > 0 ? Math.max(1, captured / maxHeight) : 1;
    return [{ active: watched, scaleResolutionDownBy: scale, maxBitrate: CAMERA_BITRATES[2] ?? 0 }];
  }
  return CAMERA_BITRATES.slice(-encodings).map((maxBitrate, index) => {
    const scaleResolutionDownBy = 2 ** (encodings - 1 - index);
    const wanted = maxHeight < 0 || index === 0 || captured / scaleResolutionDownBy <= maxHeight;
    return { active: watched && wanted, scaleResolutionDownBy, maxBitrate };
  });
}
