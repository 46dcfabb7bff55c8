/** A growing list of bytes in the encodings of the WebAssembly binary format. */
export class Bytes {
  private buffer = new Uint8Array(256);
  private used = 0;

  get length(): number {
    return this.used;
  }

  byte(value: number): void {
    if (this.used === this.buffer.length) this.grow(1);
    this.buffer[this.used++] = value;
  }

  raw(values: Uint8Array): void {
    this.grow(values.length);
    this.buffer.set(values, this.used);
    this.used += values.length;
  }

  /** LEB128, unsigned. @param value from 0 to 2^32 - 1 */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) + 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** LEB128, signed, of 32 bits. */
  signed32(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      const done = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
      this.byte(done ? low : low + 0x80);
      if (done) return;
    }
  }

  /** LEB128, signed, of 64 bits. */
  signed64(value: bigint): void {
    let rest = value;
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const done = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40);
      this.byte(done ? low : low + 0x80);
      if (done) return;
    }
  }

  float32(value: number): void {
    this.raw(new Uint8Array(Float32Array.of(value).buffer));
  }

  float64(value: number): void {
    this.raw(new Uint8Array(Float64Array.of(value).buffer));
  }

  /** A name as the format wants it: length and UTF-8. */
  text(value: string): void {
    const encoded = new TextEncoder().encode(value);
    this.unsigned(encoded.length);
    this.raw(encoded);
  }

  /** Another list, preceded by its length. */
  sized(inner: Bytes): void {
    this.unsigned(inner.length);
    this.raw(inner.view());
  }

  view(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  private grow(by: number): void {
    if (this.used + by <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.used + by));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
  }
}
