import type { Clock } from "../../common/clock/clock.ts";

/** Watches one call of a host. */
export interface StageTimer {
  /** The host has finished a phase or a batch of rows, or has taken what it was sent. */
  sawLife(): void;
  newStage(): void;
  /** Does not count the time of the work, which the host waits for. */
  pause<T>(work: Promise<T>): Promise<T>;
  stop(): void;
}

/** Rows for which a stage gets its timeout once more. */
const ROWS_PER_TIMEOUT = 1_000_000;
/** Checks per timeout. */
const CHECKS = 20;

/**
 * A stage is overdue after `timeoutMs` without a sign of life, and after `timeoutMs * (1 + rows / 1,000,000)` in total.
 *
 * @param onOverdue called once, with what is overdue
 */
export function createStageTimer(
  clock: Clock,
  timeoutMs: number,
  rows: number,
  onOverdue: (detail: string) => void,
): StageTimer {
  const totalMs = timeoutMs * (1 + rows / ROWS_PER_TIMEOUT);
  let life = clock.elapsed();
  let began = life;
  let paused = false;
  const checking = clock.every(timeoutMs / CHECKS, () => {
    if (paused) return;
    const now = clock.elapsed();
    const silent = now - life > timeoutMs;
    if (!silent && now - began <= totalMs) return;
    checking.cancel();
    const limit = `the limit of ${Math.round((silent ? timeoutMs : totalMs) / 1000)} s (--inference-timeout)`;
    onOverdue(silent ? `did not finish a batch of rows within ${limit}` : `did not finish within ${limit}`);
  });
  return {
    sawLife() {
      life = clock.elapsed();
    },
    newStage() {
      began = clock.elapsed();
    },
    async pause(work) {
      paused = true;
      const start = clock.elapsed();
      try {
        return await work;
      } finally {
        paused = false;
        life = clock.elapsed();
        began += life - start;
      }
    },
    stop: () => checking.cancel(),
  };
}
