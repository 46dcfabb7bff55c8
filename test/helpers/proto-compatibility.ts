import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Enum, type FieldBase, MapField, Root, Service, Type } from "protobufjs";

/** Loads every .proto file below a folder, which is also the folder that imports are relative to. */
export function loadProtoFolder(folder: string): Root {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".proto"));
  const root = new Root();
  root.resolvePath = (_origin, target) => (target.startsWith("google/protobuf/") ? target : join(folder, target));
  root.loadSync(files.sort(), { keepCase: true }).resolveAll();
  return root;
}

type Definition = Type | Enum | Service;

/** All messages, enums and services of our packages, by their full name. */
function definitionsOf(root: Root): ReadonlyMap<string, Definition> {
  const found = new Map<string, Definition>();
  const visit = (namespace: Root["nestedArray"]) => {
    for (const object of namespace) {
      if (object instanceof Type || object instanceof Enum || object instanceof Service) {
        found.set(object.fullName.slice(1), object);
      }
      if ("nestedArray" in object) visit(object.nestedArray as Root["nestedArray"]);
    }
  };
  const ours = root.get("uncouple");
  if (ours !== null && "nestedArray" in ours) visit(ours.nestedArray as Root["nestedArray"]);
  return found;
}

/**
 * Finds what a client or server of released protos would misread or miss. Additions are no breaking change: messages,
 * fields with new numbers, members of an enum or a oneof, services, methods.
 * @returns one sentence for each breaking change
 */
export function breakingChanges(released: Root, current: Root): string[] {
  const now = definitionsOf(current);
  return [...definitionsOf(released)].flatMap(([name, before]) => {
    const after = now.get(name);
    if (before instanceof Type && after instanceof Type) return changesOfMessage(before, after);
    if (before instanceof Enum && after instanceof Enum) return changesOfEnum(before, after);
    if (before instanceof Service && after instanceof Service) return changesOfService(before, after);
    return [`${name} was removed`];
  });
}

function changesOfMessage(before: Type, after: Type): string[] {
  const changes: string[] = [];
  const name = before.fullName.slice(1);
  for (const field of before.fieldsArray) {
    const { id } = field;
    const same = after.fieldsArray.find((other) => other.id === id);
    const renumbered = after.fields[field.name];
    if (same === undefined) {
      changes.push(
        renumbered === undefined
          ? `${name}.${field.name} = ${id} was removed`
          : `${name}.${field.name} = ${id} was renumbered to ${renumbered.id}`,
      );
    } else if (same.name !== field.name) {
      changes.push(`${name}.${field.name} = ${id} was renamed to ${same.name}`);
    } else if (describe(same) !== describe(field)) {
      changes.push(`${name}.${field.name} = ${id} was ${describe(field)} and is ${describe(same)}`);
    }
  }
  return changes;
}

/** Type and label of a field: `repeated string`, `map<string, uint32>`, `oneof part string`. */
function describe(field: FieldBase): string {
  const type = field.resolvedType?.fullName.slice(1) ?? field.type;
  if (field instanceof MapField) return `map<${field.keyType}, ${type}>`;
  if (field.repeated) return `repeated ${type}`;
  const oneof = field.partOf;
  if (oneof === null || oneof === undefined) return type;
  return oneof.isProto3Optional ? `optional ${type}` : `oneof ${oneof.name} ${type}`;
}

function changesOfEnum(before: Enum, after: Enum): string[] {
  return Object.entries(before.values).flatMap(([value, number]) => {
    const now = after.values[value];
    const name = `${before.fullName.slice(1)}.${value} = ${number}`;
    if (now === undefined) return [`${name} was removed`];
    return now === number ? [] : [`${name} was renumbered to ${now}`];
  });
}

function changesOfService(before: Service, after: Service): string[] {
  const signature = (service: Service, method: string) => {
    const { resolvedRequestType, resolvedResponseType, requestStream, responseStream } = service.methods[method] ?? {};
    const part = (type: Type | null | undefined, isStream: boolean | undefined) =>
      `${isStream ? "stream " : ""}${type?.fullName.slice(1)}`;
    return `(${part(resolvedRequestType, requestStream)}) returns (${part(resolvedResponseType, responseStream)})`;
  };
  return Object.keys(before.methods).flatMap((method) => {
    const name = `${before.fullName.slice(1)}.${method}`;
    if (after.methods[method] === undefined) return [`${name} was removed`];
    const [was, is] = [signature(before, method), signature(after, method)];
    return was === is ? [] : [`${name} was ${was} and is ${is}`];
  });
}
