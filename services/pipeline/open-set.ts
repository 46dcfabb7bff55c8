/** A member of a set that later versions extend: the known ones, or any other name. */
export type OpenSet<T extends string> = T | (string & {});
