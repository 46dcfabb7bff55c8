/** What is to happen in virtual time, earliest first; what was added first among equals. Adding and taking cost log(n). */
export class Agenda<E> {
  private readonly heap: { readonly at: number; readonly sequence: number; readonly event: E }[] = [];
  private sequence = 0;

  add(at: number, event: E): void {
    const { heap } = this;
    const entry = { at, sequence: this.sequence++, event };
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.isBefore(place, parent)) break;
      this.swap(place, parent);
      place = parent;
    }
  }

  /** The earliest event that is left. */
  take(): { readonly at: number; readonly event: E } | undefined {
    const { heap } = this;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let place = 0; ; ) {
      const left = 2 * place + 1;
      const right = left + 1;
      let least = place;
      if (left < heap.length && this.isBefore(left, least)) least = left;
      if (right < heap.length && this.isBefore(right, least)) least = right;
      if (least === place) return first;
      this.swap(place, least);
      place = least;
    }
  }

  private isBefore(one: number, other: number): boolean {
    const [a, b] = [this.heap[one], this.heap[other]] as [
      { at: number; sequence: number },
      { at: number; sequence: number },
    ];
    return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
  }

  private swap(one: number, other: number): void {
    const { heap } = this;
    const kept = heap[one] as (typeof heap)[number];
    heap[one] = heap[other] as (typeof heap)[number];
    heap[other] = kept;
  }
}
