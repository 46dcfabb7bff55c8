/** A host that runs out of memory, and can still say so, exits with this code. */
export const OUT_OF_MEMORY = 70;
