import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import { childContext, formatTraceparent, parseTraceparent, type TraceContext } from "./traceparent.ts";

/** How a span relates to others: the client or server of a call, the sender or receiver of a message, or inside. */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  readonly kind: SpanKind;
  /** `traceparent` of the span that caused this one; missing or invalid: this one starts a trace. */
  readonly parent?: string | undefined;
  readonly attributes?: SpanAttributes;
}

/** A piece of work in a trace. */
export interface Span {
  /** W3C `traceparent` for what this work causes; undefined if there is no trace. */
  readonly traceparent: string | undefined;
  set(attributes: SpanAttributes): void;
  /** Further calls do nothing. @param error why the work failed */
  end(error?: unknown): void;
}

export interface Tracer {
  /** @param name of the kind of work, from a closed set */
  start(name: string, options: SpanOptions): Span;
  /** Sends what has ended. */
  close(): Promise<void>;
}

/** A span that has ended. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly parent: TraceContext | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: SpanAttributes;
  /** Why the work failed. */
  readonly error: string | undefined;
}

/** Where ended spans go. */
export interface SpanExporter {
  export(span: EndedSpan): void;
  /** Sends what has been exported. */
  close(): Promise<void>;
}

/** Records nothing, and passes the context of others on. */
export const noTracing: Tracer = {
  start: (_, { parent }) => ({
    traceparent: parseTraceparent(parent) === undefined ? undefined : parent,
    set() {},
    end() {},
  }),
  async close() {},
};

/** Records spans, except in traces whose parent is not sampled. */
export function createTracer(clock: Pick<Clock, "now" | "elapsed">, exporter: SpanExporter): Tracer {
  return {
    start(name, { kind, parent: header, attributes: initial = {} }) {
      const parent = parseTraceparent(header);
      const context = childContext(parent);
      const startedAt = clock.now();
      const started = clock.elapsed();
      let attributes = initial;
      let ended = false;
      return {
        traceparent: formatTraceparent(context),
        set(more) {
          attributes = { ...attributes, ...more };
        },
        end(thrown) {
          if (ended) return;
          ended = true;
          if (!context.sampled) return;
          const endedAt = startedAt + clock.elapsed() - started;
          const error = thrown === undefined ? undefined : asUncoupleError(thrown).message;
          exporter.export({ name, kind, context, parent, startedAt, endedAt, attributes, error });
        },
      };
    },
    close: exporter.close,
  };
}

/** Runs work in a span, which ends with it. */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = tracer.start(name, options);
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (thrown) {
    span.end(thrown);
    throw thrown;
  }
}
