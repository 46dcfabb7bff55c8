import { expect, test } from "vitest";
import { yieldToEventLoop } from "../../../../services/common/async/yield.ts";

test("yields to macrotasks, not only to promise callbacks", async () => {
  const heard: string[] = [];
  setImmediate(() => heard.push("turn"));
  await Promise.resolve();
  heard.push("promise");
  await yieldToEventLoop();
  expect(heard).toEqual(["promise", "turn"]);
});
