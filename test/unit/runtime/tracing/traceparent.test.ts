import fc from "fast-check";
import { expect, test } from "vitest";
import { childContext, formatTraceparent, parseTraceparent } from "../../../../services/runtime/tracing/traceparent.ts";

const SPECIFIED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a traceparent of the specification is parsed, and formatted again", () => {
  const context = parseTraceparent(SPECIFIED);
  expect(context).toEqual({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    sampled: true,
  });
  expect(context && formatTraceparent(context)).toBe(SPECIFIED);
  expect(parseTraceparent(SPECIFIED.replace(/01$/, "00"))?.sampled).toBe(false);
  expect(parseTraceparent(`${SPECIFIED.replace(/^00/, "cc")}-what-the-future-adds`)).toEqual(context);
});

test.each([
  undefined,
  "",
  SPECIFIED.toUpperCase(),
  SPECIFIED.replace(/^00/, "ff"),
  `${SPECIFIED}-more`,
  SPECIFIED.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
  SPECIFIED.replace("b7ad6b7169203331", "0".repeat(16)),
  ` ${SPECIFIED}`,
])("%j is not a traceparent", (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test("a child keeps the trace and the sampling of its parent, under an id of its own", () => {
  fc.assert(
    fc.property(fc.boolean(), (sampled) => {
      const parent = { ...childContext(undefined), sampled };
      const child = childContext(parseTraceparent(formatTraceparent(parent)));
      expect(child).toMatchObject({ traceId: parent.traceId, sampled });
      expect(child.spanId).not.toBe(parent.spanId);
      expect(parseTraceparent(formatTraceparent(child))).toEqual(child);
    }),
  );
});
