// ReusedList: a list that keeps its memory when it becomes empty. Owner: its owner's thread. Hot: pools and work lists.
//
// V8 gives an array's memory back when its length becomes 0 (the last pop, `length = 0`) and takes 17 fresh slots at the
// next push: 150 bytes each time round, for a list that is empty between any two requests.

export class ReusedList<T> {
  private readonly items: (T | null)[] = [];
  length = 0;

  push(item: T): void {
    this.items[this.length++] = item;
  }

  /** The item pushed last; undefined when there is none. */
  pop(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[--this.length]!;
    this.items[this.length] = null;
    return item;
  }

  /** `index` is below the length. */
  at(index: number): T {
    return this.items[index]!;
  }

  /** `index` is below the length. */
  set(index: number, item: T): void {
    this.items[index] = item;
  }

  /** Only the first `length` stay. */
  truncate(length: number): void {
    for (let i = length; i < this.length; i++) this.items[i] = null;
    this.length = length;
  }

  clear(): void {
    this.truncate(0);
  }
}
