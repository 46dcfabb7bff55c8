import { expect, test } from "vitest";
import { hosting } from "../../../services/rpc/services/hosting.ts";

test("a process that hosts one component needs no name, and refuses another one", () => {
  const { of, components } = hosting(new Map([["m1", "first"]]));
  expect(components).toEqual(["m1"]);
  expect(of(undefined)).toBe("first");
  expect(of("m1")).toBe("first");
  expect(() => of("m2")).toThrow('this trainer trains component m1, not m2; did you mean "m1"?');
});

test("a process that hosts several needs the name, and lists them", () => {
  const { of } = hosting(
    new Map([
      ["clicks", 1],
      ["revenue", 2],
    ]),
  );
  expect(of("revenue")).toBe(2);
  expect(() => of(undefined)).toThrow("this trainer hosts several components; name one of: clicks, revenue");
  expect(() => of("toString")).toThrow("this trainer trains components clicks, revenue, not toString");
  // As an empty name of the wire, which is not the same as none.
  expect(() => of("")).toThrow("not ");
});
