import { expect, test, vi } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { followLog } from "../../../../services/evaluator/tracking/follow-log.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { quarantine } from "../../../helpers/drafts.ts";

test("the position that is kept never goes back, though a server may answer later requests sooner", async () => {
  const { quarantines } = createMemoryBackplane("ads", { clock: createVirtualClock() });
  for (let serial = 1; serial <= 40; serial++) await quarantines.append(quarantine("m1", serial));
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn++) await new Promise((done) => setImmediate(done));
  };
  const kept: number[] = [];
  let requests = 0;
  const client = {
    experiment: async () => ({ id: "1", tags: {} }),
    async setExperimentTag(_experiment: string, _key: string, value: string) {
      requests += 1;
      await turns(requests === 2 ? 20 : 1);
      kept.push(Number(value));
    },
  };
  const over = new AbortController();
  const following = followLog(
    {
      log: quarantines,
      experiment: "ads",
      positionTag: "uncouple.quarantines",
      client,
      persist: (work) => work(),
      take: ({ serial }) => turns(serial % 3),
    },
    0,
    over.signal,
  );
  await vi.waitFor(() => expect(kept).toContain(40));
  await turns(30);
  expect(kept).toEqual([...kept].sort((a, b) => a - b));
  over.abort();
  await expect(following).rejects.toThrow();
});
