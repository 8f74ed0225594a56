import { expect, test } from "vitest";
import { DEPTH_MAX, parse, xml } from "../src/protocol/xml";

const parser = new DOMParser();

test("what is written is read back", () => {
  const element = xml("iq", { xmlns: "jabber:client", type: "set", to: undefined }, xml("q", { xmlns: "urn:x", a: `<&"'` }, "1 < 2 & 3"));
  const text = element.toString();
  expect(text).toBe('<iq xmlns="jabber:client" type="set"><q xmlns="urn:x" a="&lt;&amp;&quot;&apos;">1 &lt; 2 &amp; 3</q></iq>');
  expect(parse(text, parser).toString()).toBe(text);
});

test("a namespace is repeated only where it changes", () => {
  const text = xml("a", { xmlns: "u" }, xml("b"), xml("c", { xmlns: "u" }), xml("d", { xmlns: "v" }, xml("e"))).toString();
  expect(text).toBe('<a xmlns="u"><b/><c/><d xmlns="v"><e/></d></a>');
});

test("prefixes are resolved", () => {
  const features = parse('<stream:features xmlns:stream="urn:s" xmlns="urn:c"><sm xmlns="urn:sm"/></stream:features>', parser);
  expect([features.name, features.ns]).toEqual(["features", "urn:s"]);
  expect(features.child("sm", "urn:sm")).toBeDefined();
  expect(features.child("sm", "urn:c")).toBeUndefined();
});

test("what is not one element is refused", () => {
  for (const text of ["", "hello", "<a>", "<a></b>", "<a/><b/>"]) expect(() => parse(text, parser), text).toThrow();
});

test("depth has a limit", () => {
  const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
  expect(parse(nested(DEPTH_MAX), parser).name).toBe("a");
  expect(() => parse(nested(DEPTH_MAX + 2), parser)).toThrow(/deeper/);
});

test("characters that XML cannot carry are dropped", () => {
  expect(xml("body", {}, "a\u0000b\u000bc\ud83d\ude00").toString()).toBe("<body>abc\ud83d\ude00</body>");
});
