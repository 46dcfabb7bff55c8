import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { UncoupleError } from "../../../../../services/common/errors.ts";
import { decodeModel } from "../../../../../services/engine/compiler/onnx/decode-model.ts";
import { encodeModel, modelType } from "../../../../../services/engine/compiler/onnx/onnx-proto.ts";
import { walkModel } from "../../../../../services/engine/compiler/onnx/walk-model.ts";
import { compileTraining } from "../../../../../services/engine/compiler/training.ts";
import { inspectModel } from "../../../../../services/learning/snapshot/inspection/inspect-model.ts";
import { adam, denseProgram } from "../../../../helpers/dense-program.ts";
import {
  messageType,
  messageTypes,
  modelHolding,
  pathsTo,
  type SchemaPath,
  WIRE,
  wireField,
} from "../../../../helpers/onnx-models.ts";

const tensorType = messageType("TensorProto");
const tensor = (content: object): Uint8Array => tensorType.encode(tensorType.fromObject(content)).finish();
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

const branch = (name: string) => ({ output: [{ name, type: { tensorType: { elemType: 1 } } }] });

/** A complete model with a branch, as an exporter might write it. */
const sound = encodeModel({
  irVersion: 9,
  producerName: "pytorch",
  opsetImport: [{ domain: "", version: 19 }],
  graph: {
    name: "main",
    input: [
      { name: "condition", type: { tensorType: { elemType: 9, shape: { dim: [] } } } },
      { name: "x", type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "rows" }, { dimValue: 2 }] } } } },
    ],
    output: [
      { name: "y", type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "rows" }, { dimValue: 2 }] } } } },
    ],
    node: [
      {
        opType: "If",
        input: ["condition"],
        output: ["y"],
        attribute: [
          {
            name: "then_branch",
            type: 5,
            g: { ...branch("a"), node: [{ opType: "Identity", input: ["x"], output: ["a"] }] },
          },
          {
            name: "else_branch",
            type: 5,
            g: { ...branch("b"), node: [{ opType: "Neg", input: ["x"], output: ["b"] }] },
          },
        ],
      },
    ],
    initializer: [{ name: "w", dims: [2, 300], dataType: 1, floatData: Array(600).fill(0.5) }],
  },
});

/** The valid model, with these bytes before it. */
const withSound = (bytes: Uint8Array): Uint8Array => join(bytes, sound);

function refusalOf(bytes: Uint8Array): string {
  try {
    inspectModel(bytes);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UncoupleError);
    expect((thrown as UncoupleError).code).toBe("invalid-argument");
    return (thrown as UncoupleError).message;
  }
  throw new Error("the model was not rejected");
}

const plain = (message: protobuf.Message): object => modelType.toObject(message, { longs: Number, bytes: String });

/** A path to a message of this type that does not lead through external data. */
const pathTo = (type: protobuf.Type): SchemaPath =>
  pathsTo(type, 1).find((path) => path.every(({ name }) => name !== "externalData")) as SchemaPath;

/** The path as error messages show it, all indices 0. */
function shown(path: SchemaPath): string {
  const official = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return path.map(({ name, repeated }) => `${official(name)}${repeated ? "[0]" : ""}`).join(".");
}

describe("external data", () => {
  const places = pathsTo(tensorType, 2);
  const location = { externalData: [{ key: "location", value: "secret.bin" }] };
  const forms: [string, Uint8Array, RegExp][] = [
    ["EXTERNAL with a location", tensor({ name: "w", dataLocation: 1, ...location }), /external_data|data_location/],
    ["a location only", tensor({ name: "w", ...location }), /external_data\[0\]/],
    ["EXTERNAL only", tensor({ name: "w", dataLocation: 1 }), /data_location/],
  ];

  it("can be declared in exactly these fields", () => {
    const holders = messageTypes().flatMap((type) => type.fieldsArray.filter((f) => f.resolvedType === tensorType));
    expect(holders.map(({ parent, name }) => `${parent?.name}.${name}`).sort()).toEqual([
      "AttributeProto.t",
      "AttributeProto.tensors",
      "GraphProto.initializer",
      "SparseTensorProto.indices",
      "SparseTensorProto.values",
    ]);
    expect(places.map(shown)).toEqual(
      expect.arrayContaining([
        "graph.node[0].attribute[0].sparse_tensor.values",
        "graph.node[0].attribute[0].sparse_tensors[0].indices",
        "graph.node[0].attribute[0].g.node[0].attribute[0].graphs[0].sparse_initializer[0].values",
        "functions[0].attribute_proto[0].tensors[0]",
        "functions[0].node[0].attribute[0].t",
        "training_info[0].initialization.initializer[0]",
        "training_info[0].algorithm.node[0].attribute[0].g.initializer[0]",
      ]),
    );
    expect(places.length).toBeGreaterThan(200);
  });

  it.each(forms)("is rejected wherever a model can hold a tensor: %s", (_, external, field) => {
    for (const path of places) {
      const message = refusalOf(withSound(modelHolding(path, external)));
      expect(message).toMatch(/^the model stores a tensor in an external file \(.*\); save the model with all/);
      expect(message).toMatch(field);
      const where = shown(path);
      if (where.length < 150) expect(message).toContain(`(${where}.`);
    }
  });

  it("is rejected in every encoding", () => {
    const value = (...bytes: number[]) => wireField(14, WIRE.varint, bytes);
    const path = pathTo(tensorType);
    const encodings: Record<string, Uint8Array[]> = {
      "in one of two occurrences, which readers in C++ merge": [value(1), tensor({ name: "w" })],
      "in the first of two, when the last one counts": [join(value(1), value(0))],
      "as a number of 64 bits, of which readers in C++ take 32": [value(0x81, 0x80, 0x80, 0x80, 0x10)],
      "as a negative number": [value(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
      "as an unknown location": [value(2)],
      "in more bytes than it needs": [value(0x81, 0x80, 0x00)],
      "in more bytes than a number has": [value(...Array(10).fill(0x80), 0x00)],
      "with a tag of more bytes than it needs": [Uint8Array.of(0xf0, 0x80, 0x00, 1)],
      "with a tag of more than 32 bits, which readers in C++ cut off": [Uint8Array.of(0xf0, 0x80, 0x80, 0x80, 0x10, 1)],
      "with another wire type": [wireField(14, WIRE.bytes, [1])],
      "as a message of the wrong wire type": [wireField(13, WIRE.varint, [0])],
      "as an empty entry": [wireField(13, WIRE.bytes, [])],
      "in a group": [join(wireField(13, WIRE.startGroup, []), wireField(13, WIRE.endGroup, []))],
      "after the end of a group": [join(wireField(1, WIRE.endGroup, []), value(1))],
      "after a field 0": [Uint8Array.of(0, 0, ...value(1))],
    };
    for (const [encoding, occurrences] of Object.entries(encodings)) {
      const attribute = join(...occurrences.map((content) => modelHolding(path.slice(-1), content)));
      const bytes = withSound(modelHolding(path.slice(0, -1), attribute));
      expect(refusalOf(bytes), encoding).toMatch(/external file|not a valid ONNX model: (unknown|parsing failed)/);
    }
  });
});

describe("unknown fields", () => {
  const payloads: [number, number[]][] = [
    [WIRE.varint, [1]],
    [WIRE.fixed64, Array(8).fill(0)],
    [WIRE.bytes, [1, 2, 3]],
    [WIRE.fixed32, Array(4).fill(0)],
  ];

  it("are rejected in every message; the error names the message and the newest supported ONNX version", () => {
    expect(messageTypes().length).toBeGreaterThan(25);
    for (const type of messageTypes()) {
      const path = pathTo(type);
      const place = path.length === 0 ? "the model" : shown(path);
      for (const [wire, payload] of payloads) {
        for (const id of [27, 999, 2 ** 29 - 1]) {
          const message = refusalOf(withSound(modelHolding(path, wireField(id, wire, payload))));
          expect(message).toContain(`not a valid ONNX model: unknown field ${id} of ${type.name} in ${place};`);
          expect(message).toMatch(/if a newer ONNX made the model, export it for ONNX 1\.\d+\.\d+ \(IR version \d+\)/);
        }
      }
    }
  });

  it("are also rejected as values of an enum", () => {
    const path = pathTo(messageType("AttributeProto"));
    expect(refusalOf(withSound(modelHolding(path, wireField(20, WIRE.varint, [99]))))).toContain(
      "unknown value 99 of AttributeType in graph.node[0].attribute[0].type;",
    );
  });
});

describe("the encoding", () => {
  it("may have every field of the schema, with packed or unpacked numbers, and is decoded as protobuf does", () => {
    for (const packed of [true, false]) {
      for (const type of messageTypes()) {
        const taken = new Set<protobuf.OneOf>();
        const fields = type.fieldsArray.filter(({ partOf }) => {
          if (partOf === null) return true;
          const first = !taken.has(partOf);
          taken.add(partOf);
          return first;
        });
        const bytes = modelHolding(pathTo(type), join(...fields.map((field) => sample(field, packed))));
        walkModel(bytes, {});
        expect(plain(modelType.fromObject(decodeModel(bytes)))).toEqual(plain(modelType.decode(bytes)));
      }
    }
  });

  it("is decoded as protobuf does, whatever the numbers are", () => {
    const numbers = fc.record({
      dims: fc.array(fc.oneof(fc.maxSafeInteger(), fc.integer())),
      int32Data: fc.array(fc.integer()),
      floatData: fc.array(fc.float({ noNaN: true })),
      doubleData: fc.array(fc.double({ noNaN: true })),
      uint64Data: fc.array(fc.maxSafeNat()),
      rawData: fc.uint8Array(),
      stringData: fc.array(fc.uint8Array()),
      name: fc.string({ unit: "binary" }),
    });
    fc.assert(
      fc.property(numbers, (content) => {
        const bytes = encodeModel({ graph: { initializer: [content] } });
        walkModel(bytes, {});
        expect(plain(modelType.fromObject(decodeModel(bytes)))).toEqual(plain(modelType.decode(bytes)));
      }),
      { numRuns: 20 },
    );
  });

  it("may have its fields in any order, but has each once", () => {
    const version = wireField(1, WIRE.varint, [9]);
    const graph = wireField(7, WIRE.bytes, wireField(2, WIRE.bytes, new TextEncoder().encode("main")));
    inspectModel(join(graph, version));
    expect(refusalOf(join(graph, version, graph))).toBe("not a valid ONNX model: graph occurs more than once");
    expect(refusalOf(join(version, graph, version))).toBe("not a valid ONNX model: ir_version occurs more than once");
    const type = messageType("TypeProto");
    const both = modelHolding(pathTo(type), type.encode(type.fromObject({ tensorType: {}, mapType: {} })).finish());
    expect(refusalOf(both)).toMatch(/map_type occurs more than once/);
  });

  /** A field with its least value: 0, the empty string, the empty message. */
  function sample(field: protobuf.Field, packed: boolean): Uint8Array {
    const wire =
      field.resolvedType instanceof protobuf.Enum
        ? WIRE.varint
        : field.resolvedType === null
          ? protobuf.types.basic[field.type as keyof typeof protobuf.types.basic]
          : WIRE.bytes;
    if (wire === WIRE.bytes) return wireField(field.id, wire, []);
    const number = Array(wire === WIRE.varint ? 1 : wire === WIRE.fixed64 ? 8 : 4).fill(0);
    if (field.repeated && packed) return wireField(field.id, WIRE.bytes, [...number, ...number]);
    return join(
      wireField(field.id, wire, number),
      field.repeated ? wireField(field.id, wire, number) : new Uint8Array(),
    );
  }
});

describe("bytes that are not a model", () => {
  it("are rejected", () => {
    expect(refusalOf(new Uint8Array())).toBe("not a valid ONNX model: it contains no graph");
    expect(refusalOf(new TextEncoder().encode("not a model"))).toMatch(
      /^not a valid ONNX model: parsing failed at byte 1/,
    );
    expect(refusalOf(sound.subarray(0, -1))).toMatch(
      /^not a valid ONNX model: parsing failed at byte \d+: .*truncated/,
    );
    expect(refusalOf(wireField(1, WIRE.varint, Array(11).fill(0x80)))).toMatch(/parsing failed.* more than 10 bytes/);
  });

  it("are rejected if messages nest too deeply, at any depth", () => {
    const attribute = pathTo(messageType("AttributeProto"));
    const graph = messageType("AttributeProto").fields.g as protobuf.Field;
    const nested = (times: number) => {
      const inner = Array(times)
        .fill([graph, ...attribute.slice(1)])
        .flat() as protobuf.Field[];
      return modelHolding([...attribute, ...inner], new Uint8Array());
    };
    walkModel(nested(20), {});
    expect(refusalOf(nested(21))).toBe("not a valid ONNX model: its messages are nested more than 64 levels deep");
    expect(refusalOf(nested(200))).toMatch(/nested more than 64 levels/);
  });

  it("are rejected if they contain too many messages", () => {
    const nodes = (count: number) => wireField(7, WIRE.bytes, Buffer.alloc(2 * count, wireField(1, WIRE.bytes, [])));
    walkModel(nodes(900_000), {});
    expect(refusalOf(nodes(1_000_000))).toBe("not a valid ONNX model: it contains more than 1000000 messages");
  });

  it("never fail with anything but the typed error", () => {
    const trained = compileTraining(denseProgram({ widths: [2, 3, 1], batch: 2, optimizer: adam })).bytes;
    const outcomes = { passed: 0, rejected: 0 };
    const inspect = (bytes: Uint8Array) => {
      try {
        inspectModel(bytes);
        outcomes.passed++;
        // Bytes that pass are also a model to a different reader.
        modelType.decode(bytes);
      } catch (thrown) {
        if (!(thrown instanceof UncoupleError) || thrown.code !== "invalid-argument") throw thrown;
        outcomes.rejected++;
      }
    };
    const flips = fc.array(fc.record({ at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.constantFrom(sound, trained), flips, fc.option(fc.nat()), (model, damage, cut) => {
        const bytes = Uint8Array.from(cut === null ? model : model.subarray(0, cut % model.length));
        for (const { at, bit } of bytes.length === 0 ? [] : damage) {
          const position = at % bytes.length;
          bytes[position] = (bytes[position] as number) ^ (1 << bit);
        }
        inspect(bytes);
      }),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), inspect), { numRuns: 1000 });
    expect(outcomes.passed).toBeGreaterThan(50);
    expect(outcomes.rejected).toBeGreaterThan(1000);
  });
});
