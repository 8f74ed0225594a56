// Addresses (RFC 7622), compared as the text that the server writes.

export const bare = (jid: string): string => jid.split("/", 1)[0] ?? jid;

/** What follows the first slash: the nick for an occupant's address. Empty if there is none. */
export function resource(jid: string): string {
  const slash = jid.indexOf("/");
  return slash < 0 ? "" : jid.slice(slash + 1);
}

/** What precedes the `@`. Empty if there is none. */
export function node(jid: string): string {
  const at = bare(jid).indexOf("@");
  return at < 0 ? "" : jid.slice(0, at);
}

/** The nick that a real address entitles to: the first eight hex digits of its node, else eight random ones. */
export function nickFor(jid: string, random: () => number = Math.random): string {
  const prefix = /^[0-9a-f]{8}/.exec(node(jid));
  if (prefix) return prefix[0];
  return Array.from({ length: 8 }, () => Math.floor(random() * 16).toString(16)).join("");
}
