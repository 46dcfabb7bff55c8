import { describe, expect, test } from "vitest";
import { nameSchema } from "../../../services/pipeline/files/schema.ts";
import { checkName } from "../../../services/registry/names.ts";

describe("a name that a file may use is one that a registry takes, and the other way round", () => {
  test.each(["m", "m1", "a-b-", "x".repeat(41), "x".repeat(63)])("%j is one", (name) => {
    expect(nameSchema.safeParse(name).success).toBe(true);
    expect(() => checkName("component", name)).not.toThrow();
  });

  test.each(["", "1m", "-m", "M", "a.b", "a b", "m\n", "constructor", "x".repeat(64)])("%j is none", (name) => {
    expect(nameSchema.safeParse(name).success).toBe(false);
    expect(() => checkName("component", name)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  });
});
