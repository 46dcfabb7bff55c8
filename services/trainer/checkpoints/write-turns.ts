/** Performs the writes of one thing one after another, in call order; those of different things at the same time. */
export type WriteTurns = (thing: string, write: () => Promise<void>) => Promise<void>;

export function createWriteTurns(): WriteTurns {
  const writing = new Map<string, Promise<void>>();
  return (thing, work) => {
    const write = (writing.get(thing) ?? Promise.resolve()).catch(() => {}).then(work);
    writing.set(thing, write);
    const clear = () => {
      if (writing.get(thing) === write) writing.delete(thing);
    };
    write.then(clear, clear);
    return write;
  };
}
