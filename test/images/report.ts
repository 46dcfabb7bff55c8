export const seconds = (since: number) => (performance.now() - since) / 1000;

export const report = (what: string, value: string) => console.log(`${what.padEnd(34)} ${value}`);
