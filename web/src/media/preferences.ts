// What this browser remembers between meetings. Nothing here is needed: private windows may refuse to store anything.

const PREFIX = "althing.";
const RECENT_MAX = 6;

export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // then it is asked again next time
  }
}

/** Addresses (`ROOM` or `TENANT/ROOM`) of recent meetings, latest first. */
export function recentRooms(): string[] {
  return (recall("recent") ?? "").split("\n").filter((room) => room !== "");
}

export function rememberRoom(address: string): void {
  const rest = recentRooms().filter((room) => room !== address);
  remember("recent", [address, ...rest].slice(0, RECENT_MAX).join("\n"));
}

/** A stable random name of this browser, for the focus. */
export function machineUid(): string {
  const known = recall("machine");
  if (known) return known;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const uid = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  remember("machine", uid);
  return uid;
}
