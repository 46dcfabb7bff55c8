import { expect, test } from "vitest";
import { yieldToEventLoop } from "../../../../services/common/async/yield.ts";

test("what waits for the event loop gets its turn, and not only promises", async () => {
  const heard: string[] = [];
  setImmediate(() => heard.push("turn"));
  await Promise.resolve();
  heard.push("promise");
  await yieldToEventLoop();
  expect(heard).toEqual(["promise", "turn"]);
});
