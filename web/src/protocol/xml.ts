// A small element tree: what stanzas are made of and parsed into.
//
// Elements are written with the namespace repeated wherever it differs from the parent's and never with a prefix,
// because stock servers and clients compare the literal text of `xmlns`.

/** Depth beyond which a frame is refused: no stanza of ours nests nearly as deep. */
export const DEPTH_MAX = 64;

export type Node = Element | string;
export type Attributes = Record<string, string | number | boolean | undefined>;

export class Element {
  readonly attrs: Record<string, string> = {};

  constructor(
    readonly name: string,
    /** empty: that of the parent */
    readonly ns: string,
    attrs: Attributes,
    readonly children: Node[],
  ) {
    for (const [key, value] of Object.entries(attrs)) {
      if (value !== undefined) this.attrs[key] = String(value);
    }
  }

  /** The first child element of that name, and of that namespace where one is given. */
  child(name: string, ns?: string): Element | undefined {
    return this.elements().find((element) => matches(element, name, ns));
  }

  all(name: string, ns?: string): Element[] {
    return this.elements().filter((element) => matches(element, name, ns));
  }

  elements(): Element[] {
    return this.children.filter((node): node is Element => node instanceof Element);
  }

  /** The text directly inside. */
  text(): string {
    return this.children.filter((node) => typeof node === "string").join("");
  }

  childText(name: string, ns?: string): string | undefined {
    return this.child(name, ns)?.text();
  }

  toString(): string {
    return write(this, "");
  }
}

/** Builds an element; `xmlns` among the attributes is its namespace. `undefined` and `false` children are left out. */
export function xml(name: string, attrs: Attributes = {}, ...children: (Node | undefined | false)[]): Element {
  const { xmlns, ...rest } = attrs;
  const kept = children.filter((node): node is Node => node !== undefined && node !== false);
  return new Element(name, xmlns === undefined ? "" : String(xmlns), rest, kept);
}

/** Parses one top-level element. Throws when the text is not one well-formed element or nests too deep. */
export function parse(text: string, parser: DOMParser): Element {
  const document = parser.parseFromString(text, "text/xml");
  const root = document.documentElement;
  if (!root || document.getElementsByTagName("parsererror").length > 0) throw new Error("not well-formed XML");
  return fromDom(root, 0);
}

function fromDom(dom: globalThis.Element, depth: number): Element {
  if (depth > DEPTH_MAX) throw new Error(`XML nests deeper than ${DEPTH_MAX}`);
  const attrs: Attributes = {};
  for (const attribute of Array.from(dom.attributes)) {
    if (attribute.name !== "xmlns" && !attribute.name.startsWith("xmlns:")) attrs[attribute.name] = attribute.value;
  }
  const children: Node[] = [];
  for (const node of Array.from(dom.childNodes)) {
    if (node.nodeType === 1) children.push(fromDom(node as globalThis.Element, depth + 1));
    else if (node.nodeType === 3 || node.nodeType === 4) children.push(node.nodeValue ?? "");
  }
  return new Element(dom.localName, dom.namespaceURI ?? "", attrs, children);
}

function write(element: Element, parentNs: string): string {
  const ns = element.ns || parentNs;
  let out = `<${element.name}`;
  if (element.ns && element.ns !== parentNs) out += ` xmlns="${escape(element.ns)}"`;
  for (const [key, value] of Object.entries(element.attrs)) out += ` ${key}="${escape(value)}"`;
  if (element.children.length === 0) return `${out}/>`;
  const inner = element.children.map((node) => (typeof node === "string" ? escape(node) : write(node, ns)));
  return `${out}>${inner.join("")}</${element.name}>`;
}

function matches(element: Element, name: string, ns: string | undefined): boolean {
  return element.name === name && (ns === undefined || element.ns === ns);
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

/** Escapes for text and attributes alike; characters that XML 1.0 cannot carry at all are dropped. */
function escape(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
}
