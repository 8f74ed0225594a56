// The deployment's configuration: the keys of a stock Jitsi `config.js` that we understand.

export interface Config {
  domain: string;
  muc: string;
  /** where the conference request goes */
  focus: string;
  /** absolute `ws:` or `wss:` address without query */
  websocket: string;
  channelLastN: number;
  /** prefer the data channel to the WebSocket for bridge messages */
  preferSctp: boolean;
}

type Raw = Record<string, unknown>;

/**
 * Reads `window.config`; what is missing follows from the page's own address. With a tenant the MUC domain and the
 * path of the WebSocket carry its name, as stock deployments have it.
 */
export function readConfig(raw: unknown, page: Pick<Location, "protocol" | "host" | "hostname">, tenant = ""): Config {
  const config = record(raw);
  const hosts = record(config["hosts"]);
  const domain = text(hosts["anonymousdomain"]) ?? text(hosts["domain"]) ?? page.hostname;
  const muc = text(hosts["muc"]) ?? `conference.${domain}`;
  return {
    domain,
    muc: tenantDomain(muc, tenant),
    focus: text(hosts["focus"]) ?? `focus.${text(hosts["domain"]) ?? domain}`,
    websocket: socketAddress(text(config["websocket"]), page, tenant),
    channelLastN: typeof config["channelLastN"] === "number" ? config["channelLastN"] : -1,
    preferSctp: record(config["bridgeChannel"])["preferSctp"] !== false,
  };
}

function socketAddress(given: string | undefined, page: Pick<Location, "protocol" | "host">, tenant: string): string {
  const scheme = page.protocol === "https:" ? "wss:" : "ws:";
  const path = `/${tenant ? `${tenant}/` : ""}xmpp-websocket`;
  const url = new URL(given ?? path, `${page.protocol}//${page.host}`);
  if (url.protocol !== "ws:" && url.protocol !== "wss:") url.protocol = scheme;
  if (tenant && !url.pathname.startsWith(`/${tenant}/`)) url.pathname = `/${tenant}${url.pathname}`;
  return url.href;
}

/** `conference.meet.example` becomes `conference.TENANT.meet.example`, unless the deployment did it already. */
function tenantDomain(muc: string, tenant: string): string {
  const dot = muc.indexOf(".");
  if (!tenant || dot < 0 || muc.slice(dot + 1).startsWith(`${tenant}.`)) return muc;
  return `${muc.slice(0, dot)}.${tenant}${muc.slice(dot)}`;
}

const record = (value: unknown): Raw => (typeof value === "object" && value !== null ? (value as Raw) : {});
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
