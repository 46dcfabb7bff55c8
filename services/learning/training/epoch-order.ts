import { createRandom } from "../../data/random/random.ts";

/** Writes the rows at the positions from `first` on, of one epoch or of all, one after the other. */
export type FillRows = (first: number, into: Int32Array) => void;

/** How many rows are shuffled as a whole, and how more rows are divided. Part of the order. */
export interface OrderSizes {
  /** Up to this many rows are shuffled as a whole. */
  readonly whole: number;
  /** Rows that stay together in the file and are read at once. */
  readonly blockRows: number;
  /** Blocks from all over the file that are shuffled together. */
  readonly groupBlocks: number;
}

/** Groups of 131,072 rows from 256 places. */
const SIZES: OrderSizes = { whole: 2 ** 21, blockRows: 512, groupBlocks: 256 };

/**
 * Orders the rows of each epoch, as a function of (seed, stream, epoch, rows) alone. Up to two million rows are shuffled as a whole. Of more rows, blocks of 512 are shuffled, and
 * then the rows in each group of 256 consecutive blocks. This takes 512 KiB instead of 4 bytes a row, and rows in a file are
 * read in blocks instead of one by one.
 */
export function createRowOrder(seed: number, stream: string, rows: number, sizes = SIZES): FillRows {
  const random = createRandom(seed, stream);
  let known: { readonly epoch: number; readonly fill: FillRows } | undefined;

  function orderOf(epoch: number): FillRows {
    if (known?.epoch === epoch) return known.fill;
    random.seek(epoch);
    const fill =
      rows > sizes.whole ? blockOrder(seed, stream, epoch, rows, sizes) : wholeOrder(random.permutation(rows));
    known = { epoch, fill };
    return fill;
  }

  return (first, into) => {
    for (let done = 0; done < into.length; ) {
      const within = (first + done) % rows;
      const part = into.subarray(done, done + Math.min(rows - within, into.length - done));
      orderOf(Math.floor((first + done) / rows))(within, part);
      done += part.length;
    }
  };
}

function wholeOrder(order: Int32Array): FillRows {
  return (first, into) => into.set(order.subarray(first, first + into.length));
}

function blockOrder(seed: number, stream: string, epoch: number, rows: number, sizes: OrderSizes): FillRows {
  const { blockRows, groupBlocks } = sizes;
  const blocks = createRandom(seed, `${stream}/blocks`, epoch).permutation(Math.ceil(rows / blockRows));
  const groups = Math.ceil(blocks.length / groupBlocks);
  const within = createRandom(seed, `${stream}/group`);
  const groupRows = blockRows * groupBlocks;
  /** The last block of the file may be shorter; what is after it in the order comes so much earlier. */
  const shortBlock = blocks.indexOf(blocks.length - 1);
  const missing = blocks.length * blockRows - rows;
  const startOf = (group: number) => group * groupRows - (group * groupBlocks > shortBlock ? missing : 0);
  let known = -1;
  let order: Int32Array = new Int32Array(0);

  function orderOf(group: number): Int32Array {
    if (group === known) return order;
    const inFile = new Int32Array((group + 1 < groups ? startOf(group + 1) : rows) - startOf(group));
    let at = 0;
    for (const block of blocks.subarray(group * groupBlocks, (group + 1) * groupBlocks)) {
      const end = Math.min(rows, (block + 1) * blockRows);
      for (let row = block * blockRows; row < end; row++) inFile[at++] = row;
    }
    within.seek(epoch * groups + group);
    within.shuffle(inFile);
    known = group;
    order = inFile;
    return order;
  }

  return (first, into) => {
    // Groups begin at most one block before their number says.
    let group = Math.min(groups - 1, Math.floor((first + missing) / groupRows));
    if (startOf(group) > first) group--;
    for (let done = 0; done < into.length; group++) {
      const inGroup = orderOf(group);
      const from = first + done - startOf(group);
      const part = inGroup.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  };
}
