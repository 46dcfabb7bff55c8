import { createHash, createHmac } from "node:crypto";
import type { Webhook, WebhookEvent } from "../../pipeline/gate.ts";
import { type Decision, type LedgerEntry, movesName, type Release } from "../../pipeline/release.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { causeText } from "../../releases/cause-text.ts";

/** The body of a delivery, as JSON. Receivers ignore fields that they do not know. */
export type WebhookMessage = {
  readonly version: 1;
  readonly event: WebhookEvent;
  readonly pipeline: string;
  /** Of the entry in the ledger: the same for every attempt, and larger for later entries. */
  readonly position: number;
  /** What happened in one sentence, and the command that shows more. */
  readonly text: string;
} & ({ readonly release: Release } | { readonly decision: Decision });

/** What a webhook is told of an entry; undefined if it is not for it. */
export function messageFor(
  { position, value }: Logged<LedgerEntry>,
  { on }: Pick<Webhook, "on">,
): WebhookMessage | undefined {
  if (value.entry !== "release" && value.entry !== "decision") return undefined;
  const [event] = (value.entry === "release" ? eventsOfRelease(value) : eventsOfDecision(value)).filter((one) =>
    on.includes(one),
  );
  if (event === undefined) return undefined;
  const { pipeline } = value;
  const base = { version: 1 as const, event, pipeline, position };
  return value.entry === "release"
    ? { ...base, text: releaseText(value), release: value }
    : { ...base, text: decisionText(value), decision: value };
}

/** The most specific first: a webhook gets the first that it asks for. */
function eventsOfRelease({ kind }: Release): readonly WebhookEvent[] {
  return kind === "rollback" ? ["rolled-back", "released"] : ["released"];
}

function eventsOfDecision({ decision, reasons }: Decision): readonly WebhookEvent[] {
  if (decision === "void") return [];
  return decision === "held" && reasons.includes("spent") ? ["spent", "held"] : [decision];
}

function releaseText(release: Release): string {
  const { pipeline, number, kind, composition } = release;
  const what = kind === "rollback" ? "rolls back" : "is in use";
  return `${pipeline}: release ${number} ${what} (${causeText(release)}): ${movesName(composition)}; see \`uncouple release ${number}\``;
}

function decisionText({ pipeline, moves, decision, reasons, release, mode }: Decision): string {
  const why = reasons.length === 0 ? "" : ` (${reasons.join(", ")})`;
  const name = movesName(moves);
  const what = mode === "observe" ? `would be ${decision}` : `${decision}`;
  return `${pipeline}: ${name} ${what}${why}, against release ${release}; see \`uncouple decisions ${name.split(",")[0]}\``;
}

/** The name of a webhook in the ledger. */
export function webhookDigest({ url }: Pick<Webhook, "url">): string {
  return createHash("sha256").update(url).digest("hex");
}

/**
 * The header `Uncouple-Signature`: `t=SECONDS, v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`.
 * @param seconds since 1970
 */
export function signature(secret: string, seconds: number, body: string): string {
  return `t=${seconds}, v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}
