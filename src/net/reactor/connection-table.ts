// Connections by slot number; a slot's generation tells its users apart. Owner: the shard's thread. Hot: find().

import { assert } from '../../engine/base/assert.ts';
import type { ReactorConnection } from './reactor-connection.ts';

export class ConnectionTable {
  private readonly slots: (ReactorConnection | null)[] = [];
  private readonly generations: number[] = [];
  private readonly free: number[] = [];
  private readonly maxConnections: number;

  constructor(maxConnections: number) {
    this.maxConnections = maxConnections;
  }

  /** A free slot number, or -1 when all are taken. */
  take(): number {
    const conn = this.free.pop() ?? (this.slots.length < this.maxConnections ? this.slots.length : -1);
    if (conn < 0) return -1;
    this.slots[conn] = null;
    this.generations[conn] = (this.generations[conn] ?? 0) + 1;
    return conn;
  }

  generationOf(conn: number): number {
    return this.generations[conn]!;
  }

  put(connection: ReactorConnection): void {
    this.slots[connection.conn] = connection;
  }

  remove(connection: ReactorConnection): void {
    assert(this.slots[connection.conn] === connection, 'a connection leaves its own slot', connection.conn);
    this.slots[connection.conn] = null;
    this.free.push(connection.conn);
  }

  /** Null when it is gone, also when another has its slot. */
  find(conn: number, generation: number): ReactorConnection | null {
    const connection = this.slots[conn];
    return connection != null && connection.generation === generation ? connection : null;
  }

  at(conn: number): ReactorConnection | null {
    return this.slots[conn] ?? null;
  }

  all(): ReactorConnection[] {
    return this.slots.filter((connection) => connection !== null);
  }
}
