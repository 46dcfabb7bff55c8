/** One end of an IPC channel that supports typed arrays (`serialization: "advanced"`). */
export interface ChannelEnd {
  send(frame: unknown, sent: (error: Error | null) => void): void;
  onFrame(listener: (frame: unknown) => void): void;
}

/** Sends and receives typed messages of any size over a channel, in order. */
export interface Messenger<Out, In> {
  /** Resolves when the message has been sent, or cannot be sent because the other end is gone. */
  send(message: Out): Promise<void>;
  /** The next message; one call at a time. @throws the reason passed to `close`, once every message has been read */
  next(): Promise<In>;
  close(reason: Error): void;
}

/** Larger arrays are sent in parts of this size, so that no process copies or serializes a whole one at once. */
const PART_BYTES = 1024 * 1024;

const arrayTypes = { Float32Array, Uint8Array } as const;
type ArrayType = keyof typeof arrayTypes;
type LargeArray = Float32Array | Uint8Array;

interface ArraySlot {
  /** Keys from the message's root to the array. */
  readonly path: readonly (string | number)[];
  readonly type: ArrayType;
  /** Number of elements. */
  readonly length: number;
}

/** A message without its large arrays, whose parts follow, array by array. */
interface MessageFrame {
  readonly frame: "message";
  readonly body: unknown;
  readonly arrays: readonly ArraySlot[];
}

interface PartFrame {
  readonly frame: "part";
  readonly bytes: Uint8Array;
}

export function createMessenger<Out, In>(channel: ChannelEnd): Messenger<Out, In> {
  const received: In[] = [];
  let closed: Error | undefined;
  let waiting: { resolve(message: In): void; reject(reason: Error): void } | undefined;
  let sending: Promise<void> = Promise.resolve();
  let incoming: { readonly body: unknown; readonly arrays: Uint8Array[]; filled: number } | undefined;

  function deliver(message: In): void {
    if (waiting === undefined) received.push(message);
    else waiting.resolve(message);
    waiting = undefined;
  }

  function completed(): void {
    if (incoming?.arrays.length !== 0) return;
    deliver(incoming.body as In);
    incoming = undefined;
  }

  channel.onFrame((frame) => {
    if (isFrame(frame, "message")) {
      incoming = { body: frame.body, arrays: frame.arrays.map((slot) => allocate(frame.body, slot)), filled: 0 };
    } else if (isFrame(frame, "part") && incoming !== undefined) {
      const [array] = incoming.arrays as [Uint8Array];
      array.set(frame.bytes, incoming.filled);
      incoming.filled += frame.bytes.length;
      if (incoming.filled === array.length) {
        incoming.arrays.shift();
        incoming.filled = 0;
      }
    }
    completed();
  });

  async function transmit(message: Out): Promise<void> {
    const slots: ArraySlot[] = [];
    const arrays: LargeArray[] = [];
    const body = withoutLargeArrays(message, [], (array, path) => {
      slots.push({ path, type: array instanceof Float32Array ? "Float32Array" : "Uint8Array", length: array.length });
      arrays.push(array);
    });
    let open = await post({ frame: "message", body, arrays: slots });
    for (const array of arrays) {
      const bytes = bytesOf(array);
      for (let at = 0; at < bytes.length && open; at += PART_BYTES) {
        open = await post({ frame: "part", bytes: bytes.subarray(at, at + PART_BYTES) });
      }
    }
  }

  /** Resolves to whether the channel is still open. */
  function post(frame: MessageFrame | PartFrame): Promise<boolean> {
    return new Promise((resolve) => {
      channel.send(frame, (error) => resolve(error === null));
    });
  }

  return {
    send(message) {
      sending = sending.then(() => transmit(message));
      return sending;
    },
    next() {
      const message = received.shift();
      if (message !== undefined) return Promise.resolve(message);
      if (closed !== undefined) return Promise.reject(closed);
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
      });
    },
    close(reason) {
      closed ??= reason;
      waiting?.reject(closed);
      waiting = undefined;
    },
  };
}

/** False for anything else on the channel, such as a message of a library that uses it. */
function isFrame<K extends "message" | "part">(
  value: unknown,
  kind: K,
): value is K extends "message" ? MessageFrame : PartFrame {
  return typeof value === "object" && value !== null && "frame" in value && value.frame === kind;
}

function withoutLargeArrays(
  value: unknown,
  path: readonly (string | number)[],
  extract: (array: LargeArray, path: readonly (string | number)[]) => void,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Float32Array || value instanceof Uint8Array) {
    if (value.byteLength <= PART_BYTES / 64) return value;
    extract(value, path);
    return null;
  }
  if (Array.isArray(value)) return value.map((item, i) => withoutLargeArrays(item, [...path, i], extract));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutLargeArrays(item, [...path, key], extract)]),
  );
}

/** Allocates an array and stores it in the message. @returns its bytes, to be filled */
function allocate(body: unknown, { path, type, length }: ArraySlot): Uint8Array {
  const array = new arrayTypes[type](length);
  let parent = body as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>;
  parent[path.at(-1) as string | number] = array;
  return bytesOf(array);
}

function bytesOf({ buffer, byteOffset, byteLength }: LargeArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
