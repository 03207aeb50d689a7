/** Who may change something, by the headers of its request. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkIsJson, createSenderCheck } from "../../../../engine/api/sender-check.ts";

type Headers = Readonly<Record<string, string>>;

const requestOf = (headers: Headers) => ({ getHeader: (name: string) => headers[name] ?? "" });
const refusal = (work: () => void): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("the sender check", () => {
  const check = createSenderCheck("127.0.0.1", ["ml.example"]);
  const cases: readonly (readonly [title: string, isAllowed: boolean, headers: Headers])[] = [
    ["a program", true, { host: "127.0.0.1:8080" }],
    ["HTTP 1.0 without a host", true, {}],
    ["IPv6", true, { host: "[::1]:8080" }],
    ["another IP address", true, { host: "192.168.0.1" }],
    ["localhost", true, { host: "LocalHost:8080" }],
    ["a listed name", true, { host: "ML.example:443" }],
    ["an unknown name", false, { host: "evil.example" }],
    ["a name that starts with an address", false, { host: "127.0.0.1.evil.example:8080" }],
    ["a name below localhost", false, { host: "localhost.evil.example" }],
    ["its own page", true, { host: "127.0.0.1:8080", origin: "http://127.0.0.1:8080" }],
    ["its own page at the default port", true, { host: "ML.example", origin: "https://ml.example" }],
    ["a page at another port", false, { host: "127.0.0.1:8080", origin: "http://127.0.0.1:3000" }],
    ["a page at another name of this machine", false, { host: "127.0.0.1", origin: "http://localhost" }],
    ["a foreign page", false, { host: "127.0.0.1:8080", origin: "https://evil.example" }],
    ["a page that hides its origin", false, { host: "127.0.0.1:8080", origin: "null" }],
    ["an origin that is none", false, { host: "", origin: "x" }],
    ["rebinding", false, { host: "evil.example:8080", origin: "http://evil.example:8080" }],
    ["fetch metadata of its own page", true, { host: "localhost", "sec-fetch-site": "same-origin" }],
    ["fetch metadata of the address bar", true, { host: "localhost", "sec-fetch-site": "none" }],
    ["fetch metadata of a sibling", false, { host: "localhost", "sec-fetch-site": "same-site" }],
    ["fetch metadata of another site", false, { host: "localhost", "sec-fetch-site": "cross-site" }],
  ];
  for (const [title, isAllowed, headers] of cases) {
    it(`${isAllowed ? "lets pass" : "refuses"} ${title}`, () => {
      const expected = isAllowed ? undefined : "FORBIDDEN";
      for (let turn = 0; turn < 2; turn++)
        assert.equal(
          refusal(() => check(requestOf(headers))),
          expected,
        );
    });
  }

  it("does not ask for a known name where others than this machine connect, but still for the page", () => {
    const open = createSenderCheck("0.0.0.0", []);
    open(requestOf({ host: "ml.example" }));
    const foreign = requestOf({ host: "ml.example", origin: "https://evil.example" });
    assert.equal(
      refusal(() => open(foreign)),
      "FORBIDDEN",
    );
  });

  it("takes JSON by its type only", () => {
    for (const type of ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"])
      checkIsJson(requestOf({ "content-type": type }));
    for (const type of ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
      assert.equal(
        refusal(() => checkIsJson(requestOf({ "content-type": type }))),
        "UNSUPPORTED_MEDIA_TYPE",
      );
  });
});
