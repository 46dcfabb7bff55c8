import { beforeEach, describe, expect, test } from "vitest";
import type { Backplane } from "../../services/registry/backplane.ts";
import { failure, never, type Pair } from "./implementation.ts";

/** Tests the contract of leases. @param opened the pair of the current test */
export function leasesContract(opened: () => Pair): void {
  let one: Pair["one"];
  let two: Pair["two"];
  beforeEach(() => {
    ({ one, two } = opened());
  });

  describe("leases", () => {
    test("only one contender at a time holds a lease", async () => {
      let holding = 0;
      let turns = 0;
      const contend = async (name: string, { leases }: Backplane) => {
        for (let i = 0; i < 3; i++) {
          const lease = await leases.acquire("training", name, never);
          expect(++holding).toBe(1);
          expect(await leases.holder("training")).toBe(name);
          await new Promise((resolve) => setTimeout(resolve, 5));
          expect(--holding).toBe(0);
          turns++;
          await lease.release();
          await lease.release();
        }
      };
      await Promise.all([contend("a", one), contend("b", two), contend("c", one)]);
      expect(turns).toBe(9);
      expect(await one.leases.holder("training")).toBeUndefined();
    });

    test("leases with different names are independent", async () => {
      const a = await one.leases.acquire("a", "ann", never);
      const b = await two.leases.acquire("b", "bob", never);
      expect([await two.leases.holder("a"), await one.leases.holder("b")]).toEqual(["ann", "bob"]);
      await Promise.all([a.release(), b.release()]);
    });

    test("a claim is refused while another holder renews, and granted when the lease is free", async () => {
      const lease = await one.leases.acquire("training", "ann", never);
      expect(await failure(two.leases.claim("training", "bob", never))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("ann"),
      });
      await lease.release();
      const claimed = await two.leases.claim("training", "bob", never);
      expect(await one.leases.holder("training")).toBe("bob");
      await claimed.release();
    });

    test("a lease request can be aborted", async () => {
      const lease = await one.leases.acquire("training", "ann", never);
      const stop = new AbortController();
      const waiting = failure(two.leases.acquire("training", "bob", stop.signal));
      setTimeout(() => stop.abort(), 50);
      expect(await waiting).toMatchObject({ code: "cancelled", message: expect.stringContaining("training") });
      expect(lease.lost.aborted).toBe(false);
      await lease.release();
    });

    test("closing the backplane ends its leases", async () => {
      const lease = await one.leases.acquire("training", "ann", never);
      await one.close();
      expect(lease.lost.aborted).toBe(true);
    });
  });
}
