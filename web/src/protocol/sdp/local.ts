// Our own side: reads what the browser answers and adds the simulcast layers to it.

import type { SsrcGroup } from "../jingle/source";

export interface LocalSection {
  mid: string;
  kind: string;
  lines: string[];
  ssrcs: number[];
  groups: SsrcGroup[];
}

/** Layers of the camera, smallest first. */
export const LAYERS = 3;

/** The m-sections of a description, without its session part. */
export function sections(sdp: string): LocalSection[] {
  return split(sdp).slice(1).map(readSection);
}

/** The value of the first `a=NAME:` line, of a section or of the session part. */
export function attribute(lines: string[], name: string): string | undefined {
  return lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);
}

export const attributes = (lines: string[], name: string): string[] =>
  lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));

/**
 * Turns the one stream of the section `mid` into three with one FID group each and a SIM group over them, which is how
 * Chromium is told to encode three layers under SSRCs that are known beforehand. A section that has its layers already,
 * or sends nothing, stays as it is.
 */
export function withSimulcast(sdp: string, mid: string, newSsrc: () => number): string {
  const parts = split(sdp);
  const munged = parts.map((lines, index) => (index > 0 && attribute(lines, "mid") === mid ? addLayers(lines, newSsrc) : lines));
  return munged.map((lines) => lines.join("\r\n")).join("\r\n") + "\r\n";
}

function addLayers(lines: string[], newSsrc: () => number): string[] {
  const { kind, ssrcs, groups } = readSection(lines);
  if (kind !== "video") return lines;
  const primary = groups.find((group) => group.semantics === "FID")?.ssrcs[0] ?? ssrcs[0];
  if (primary === undefined || ssrcs.length > 2 || groups.some((group) => group.semantics === "SIM")) return lines;
  const rtx = ssrcs.find((ssrc) => ssrc !== primary);
  const more = Array.from({ length: LAYERS - 1 }, () => ({ media: newSsrc(), rtx: newSsrc() }));
  const layers = [{ media: primary, rtx }, ...more.map((one) => (rtx === undefined ? { ...one, rtx: undefined } : one))];
  const about = lines.filter((line) => line.startsWith(`a=ssrc:${primary} `)).map((line) => line.slice(line.indexOf(" ")));
  const groupLines = layers.flatMap((layer) => (layer.rtx === undefined ? [] : [`a=ssrc-group:FID ${layer.media} ${layer.rtx}`]));
  const ssrcLines = layers
    .flatMap((layer) => [layer.media, ...(layer.rtx === undefined ? [] : [layer.rtx])])
    .flatMap((ssrc) => about.map((rest) => `a=ssrc:${ssrc}${rest}`));
  const kept = lines.filter((line) => !line.startsWith("a=ssrc"));
  return [...kept, `a=ssrc-group:SIM ${layers.map((layer) => layer.media).join(" ")}`, ...groupLines, ...ssrcLines];
}

function readSection(lines: string[]): LocalSection {
  const ssrcs = new Set(attributes(lines, "ssrc").map((value) => Number(value.split(" ", 1)[0])));
  const groups = attributes(lines, "ssrc-group").flatMap((value): SsrcGroup[] => {
    const [semantics, ...members] = value.split(" ");
    return semantics === "FID" || semantics === "SIM" ? [{ semantics, ssrcs: members.map(Number) }] : [];
  });
  const kind = /^m=(\w+)/.exec(lines[0] ?? "")?.[1] ?? "";
  return { mid: attribute(lines, "mid") ?? "", kind, lines, ssrcs: inGroupOrder([...ssrcs], groups), groups };
}

/** The simulcast order first, for whoever reads layers from the order of the SSRCs alone. */
function inGroupOrder(ssrcs: number[], groups: SsrcGroup[]): number[] {
  const sim = groups.find((group) => group.semantics === "SIM")?.ssrcs ?? [];
  return [...sim, ...ssrcs.filter((ssrc) => !sim.includes(ssrc))];
}

function split(sdp: string): string[][] {
  const parts: string[][] = [[]];
  for (const line of sdp.split(/\r?\n/)) {
    if (line === "") continue;
    if (line.startsWith("m=")) parts.push([]);
    parts[parts.length - 1]?.push(line);
  }
  return parts;
}
