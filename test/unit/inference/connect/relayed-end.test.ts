import { once } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { HostEnd } from "../../../../services/inference/connect/host-connector.ts";
import { encodeEnd, unwrapOutput, wrapOutput } from "../../../../services/inference/connect/relayed-end.ts";

test("what a host writes arrives as it was, however it is cut, and then how the host ended", async () => {
  const end: HostEnd = { death: "memory", detail: "needs more than 2 GiB" };
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }));
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 40 }), async (written, cut) => {
      const wrap = wrapOutput();
      const wire: Buffer[] = [];
      wrap.on("data", (chunk: Buffer) => wire.push(chunk));
      for (const chunk of written) wrap.write(chunk);
      wrap.end();
      await once(wrap, "end");
      const sent = Buffer.concat([...wire, encodeEnd(end)]);
      const ends: HostEnd[] = [];
      const unwrap = unwrapOutput((told) => ends.push(told));
      const received: Buffer[] = [];
      unwrap.on("data", (chunk: Buffer) => received.push(chunk));
      for (let at = 0; at < sent.length; at += cut) unwrap.write(sent.subarray(at, at + cut));
      unwrap.end();
      await once(unwrap, "end");
      expect(Buffer.concat(received)).toEqual(Buffer.concat(written));
      expect(ends).toEqual([end]);
    }),
    { numRuns: 50 },
  );
});
