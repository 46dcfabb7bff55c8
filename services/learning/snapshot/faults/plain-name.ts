const PLAIN = /^[\w.:/+-]{1,80}$/;

/** A name from a model as messages show it. A model chooses its names freely, and a message stays one line of text. */
export function plainName(name: string): string {
  return PLAIN.test(name) ? name : "(not a plain name)";
}
