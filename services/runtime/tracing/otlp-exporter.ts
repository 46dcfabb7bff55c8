import { timeoutSignal } from "../../common/async/timeout-signal.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { EndedSpan, SpanAttributes, SpanExporter, SpanKind } from "./tracer.ts";

export interface OtlpSettings {
  /** Base address of the receiver: `http://collector:4318`. */
  readonly endpoint: string;
  /** Attributes of the process: `service.name`, ... */
  readonly resource: SpanAttributes;
  readonly version: string;
}

export interface OtlpDeps {
  readonly clock: Clock;
  /** Called when sending fails, once until it succeeds again. */
  readonly warn: (message: string) => void;
}

const SEND_INTERVAL_MS = 2_000;
const SEND_TIMEOUT_MS = 5_000;
/** While the receiver is away, newer spans are dropped. */
const MAX_QUEUED = 2_048;

/** `Span.SpanKind` of opentelemetry-proto, and `Status.StatusCode` below. */
const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };
const STATUS_ERROR = 2;

/**
 * Sends spans by OTLP over HTTP with JSON (https://opentelemetry.io/docs/specs/otlp/), every two seconds. What cannot be
 * sent is kept and tried again with the next spans, up to a limit.
 */
export function createOtlpExporter(settings: OtlpSettings, { clock, warn }: OtlpDeps): SpanExporter {
  const url = `${settings.endpoint.replace(/\/+$/, "")}/v1/traces`;
  let queued: EndedSpan[] = [];
  let warned = false;

  const send = async (): Promise<void> => {
    const batch = queued;
    if (batch.length === 0) return;
    queued = [];
    const late = new UncoupleError("deadline-exceeded", `no response within ${SEND_TIMEOUT_MS / 1000} s`);
    const timeout = timeoutSignal(clock, SEND_TIMEOUT_MS, late);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(encodeSpans(settings, batch)),
        signal: timeout.signal,
      });
      await response.arrayBuffer();
      if (!response.ok) throw new UncoupleError("unavailable", `status ${response.status}`);
      warned = false;
    } catch (error) {
      queued = [...batch, ...queued].slice(0, MAX_QUEUED);
      if (!warned) warn(`cannot send traces to ${url}: ${reasonOf(error)}; still trying`);
      warned = true;
    } finally {
      timeout.dispose();
    }
  };
  let sending = Promise.resolve();
  const sendNext = () => {
    sending = sending.then(send);
    return sending;
  };
  const timer = clock.every(SEND_INTERVAL_MS, () => void sendNext(), { keepsAlive: false });
  return {
    export(span) {
      if (queued.length < MAX_QUEUED) queued.push(span);
    },
    close() {
      timer.cancel();
      return sendNext();
    },
  };
}

/** `ExportTraceServiceRequest` in the JSON encoding of OTLP: ids in hexadecimal, times in nanoseconds as strings. */
function encodeSpans({ resource, version }: OtlpSettings, spans: readonly EndedSpan[]): unknown {
  return {
    resourceSpans: [
      {
        resource: { attributes: encodeAttributes(resource) },
        scopeSpans: [{ scope: { name: "uncouple", version }, spans: spans.map(encodeSpan) }],
      },
    ],
  };
}

function encodeSpan({ name, kind, context, parent, startedAt, endedAt, attributes, error }: EndedSpan): unknown {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parent !== undefined && { parentSpanId: parent.spanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: encodeAttributes(attributes),
    status: error === undefined ? {} : { code: STATUS_ERROR, message: error },
  };
}

function encodeAttributes(attributes: SpanAttributes): unknown {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === "string"
        ? { stringValue: value }
        : typeof value === "boolean"
          ? { boolValue: value }
          : { doubleValue: value },
  }));
}

/** @param ms milliseconds since the Unix epoch, with a fraction */
function nanoseconds(ms: number): string {
  return (BigInt(Math.round(ms * 1_000)) * 1_000n).toString();
}

/** The reason of a failed `fetch` is its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
