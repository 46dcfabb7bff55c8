import { Command } from "commander";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { frozenAt } from "../../pipeline/freeze.ts";
import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import type { HeldOutGeneration } from "../../pipeline/generation.ts";
import type { Decision, DecisionKind } from "../../pipeline/release.ts";
import { type Resolution, resolutionOf } from "../../releases/gate/resolution.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import { readLedger } from "../../releases/read-ledger.ts";
import { releaseRules } from "../../releases/release-rules.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { personOf, type ReasonFlag, withReason } from "../flags/reason-flag.ts";
import { createOutput } from "../terminal/output.ts";
import { type GateReport, gateText, type QuestionsLeft } from "../text/gate-text.ts";

interface GateFlags extends ConnectionFlags, ReasonFlag {
  readonly openReserve?: true;
  readonly json?: true;
}

export function gateCommand(context: CliContext): Command {
  return withPeers(
    withReason(
      new Command("gate")
        .summary("show the gate in force, and what its rows can still answer")
        .description(
          "Shows the gate of the pipeline file in force, how many questions the held-out rows have answered and have left, how small a difference they can tell apart, and how many rows the margin needs. With --open-reserve, questions go to the reserve rows once the confirm rows are spent; that cannot be undone.",
        )
        .option("--open-reserve", "open the reserve rows of the held-out rows in use"),
    ).option(
      "--json",
      "print JSON: { gate, digest, freeze, heldOut, questions, resolution, decisions }; the order with --open-reserve",
    ),
    "registry",
  )
    .addHelpText(
      "after",
      '\nExamples:\n  uncouple gate\n  uncouple gate --open-reserve --reason "new rows come in March"\n',
    )
    .action(async (flags: GateFlags) => {
      const output = createOutput(context, flags.json === true);
      if (flags.reason !== undefined && flags.openReserve !== true) {
        throw new UncoupleError("invalid-argument", "--reason goes with --open-reserve");
      }
      await withConnections(context, flags, async (connections) => {
        const { backplane, pipeline } = await connections.place();
        const { clock } = context;
        if (flags.openReserve === true) {
          const { openReserve } = await import("../../releases/orders.ts");
          const made = await openReserve({ backplane, pipeline, clock }, personOf(context, flags));
          output.result(made, () => `the reserve rows of held-out generation ${made.generation} are open`);
          return;
        }
        const { gate, freeze } = await releaseRules(backplane);
        const { state, decisions } = await readLedger(backplane.ledger);
        const heldOut = await backplane.generations.current();
        const made = decisions.map(({ value }) => value);
        const frozen = frozenAt(freeze, timestamp(clock));
        const policy = gate === undefined ? undefined : onRecordedSplit(gate, heldOut);
        const ofKind = (kind: DecisionKind) => made.filter(({ decision }) => decision === kind).length;
        const report: GateReport = {
          gate: policy ?? null,
          digest: gate === undefined ? null : digestOfGate(gate),
          freeze,
          ...(frozen !== undefined && { frozenUntil: frozen.until }),
          heldOut:
            heldOut === undefined
              ? null
              : { generation: heldOut.generation, rows: heldOut.rows, startedAt: heldOut.startedAt },
          questions:
            gate === undefined || heldOut === undefined ? null : questionsLeft(state, gate, heldOut.generation),
          resolution: policy === undefined || heldOut === undefined ? null : resolution(policy, heldOut, made),
          decisions: {
            promoted: ofKind("promoted"),
            refused: ofKind("refused"),
            held: ofKind("held"),
            void: ofKind("void"),
          },
        };
        output.result(report, (style, width) => gateText(report, style, width));
      });
    });
}

/** The split stays that of the generation, whatever the file says by now. */
function onRecordedSplit(gate: GatePolicy, heldOut: HeldOutGeneration | undefined): GatePolicy {
  return heldOut?.split === undefined ? gate : { ...gate, split: heldOut.split };
}

function resolution(
  gate: GatePolicy,
  { generation, rows }: HeldOutGeneration,
  decisions: readonly Decision[],
): Resolution {
  const onTheseRows = decisions.filter((decision) => decision.generation === generation);
  const screenRows = Math.round(rows * gate.split[0]);
  return resolutionOf({ gate, decisions: onTheseRows, screenRows, questions: 0 });
}

function questionsLeft(state: LedgerState, { horizon }: GatePolicy, generation: number): QuestionsLeft {
  const confirm = state.questions(generation, "confirm");
  const reserve = state.questions(generation, "reserve");
  const isReserveOpen = state.isReserveOpen(generation);
  const left = Math.max(0, horizon - confirm) + (isReserveOpen ? Math.max(0, horizon - reserve) : 0);
  return { confirm, reserve, isReserveOpen, left };
}
