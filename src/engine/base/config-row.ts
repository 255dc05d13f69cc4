// One row of a config table: what a key is called, what it may hold, and what it says about itself.
// Owner: any thread; no state. Not hot.

export type ConfigType = 'int' | 'long' | 'double' | 'boolean' | 'string' | 'list' | 'password';
type ConfigImportance = 'high' | 'medium' | 'low';

/** What can change a value of a running broker: a restart, an override of one node, or also a default for all nodes. */
export type ConfigUpdate = 'read-only' | 'per-broker' | 'cluster-wide';

interface ConfigBounds {
  readonly min?: number;
  readonly max?: number;
  /** Strings: the value, lists: each member. */
  readonly oneOf?: readonly string[];
  /** Strings: what they must match, and the same in words. */
  readonly pattern?: RegExp;
  readonly accepted?: string;
}

interface RowDetails<OneOf extends string> extends ConfigBounds {
  readonly oneOf?: readonly OneOf[];
  readonly importance?: ConfigImportance;
  readonly update?: ConfigUpdate;
  readonly inert?: string;
}

/** `Fallback` is null for keys that may be left unset. */
export interface ConfigRow<
  Name extends string = string,
  Type extends ConfigType = ConfigType,
  Fallback extends string | null = string | null,
  OneOf extends string = string,
> extends ConfigBounds {
  readonly oneOf?: readonly OneOf[];
  readonly name: Name;
  readonly type: Type;
  /** The default as a user would write it. */
  readonly fallback: Fallback;
  readonly doc: string;
  readonly importance: ConfigImportance;
  readonly update: ConfigUpdate;
  /** Accepted so that settings made for Kafka work, but without effect, and why: a start with it warns. */
  readonly inert?: string;
}

interface ConfigTypes<OneOf extends string> {
  /** Longs above 2^53-1, as Kafka's "unlimited" 2^63-1, read as Number.MAX_SAFE_INTEGER. */
  readonly long: number;
  readonly int: number;
  readonly double: number;
  readonly boolean: boolean;
  readonly string: OneOf;
  readonly password: string;
  readonly list: readonly OneOf[];
}

export type ConfigValue = ConfigTypes<string>[ConfigType] | null;

type ValueOf<Row> =
  Row extends ConfigRow<string, infer Type, infer Fallback, infer OneOf>
    ? ConfigTypes<OneOf>[Type] | (null extends Fallback ? null : never)
    : never;

/** The typed record a table stands for. */
export type ConfigOf<Rows extends readonly ConfigRow[]> = {
  readonly [Row in Rows[number] as Row['name']]: ValueOf<Row>;
};

/** Kafka's 2^63-1: no limit. */
export const UNLIMITED = '9223372036854775807';
export const INT32_MAX = 2 ** 31 - 1;

function row<const Type extends ConfigType>(type: Type) {
  return <const Name extends string, const Fallback extends string | null, const OneOf extends string = string>(
    name: Name,
    fallback: Fallback,
    doc: string,
    details: RowDetails<OneOf> = {},
  ): ConfigRow<Name, Type, Fallback extends null ? null : string, OneOf> => ({
    importance: 'medium',
    update: 'read-only',
    ...details,
    name,
    type,
    fallback: fallback as Fallback extends null ? null : string,
    doc,
  });
}

export const int = row('int');
export const long = row('long');
export const double = row('double');
export const bool = row('boolean');
export const string = row('string');
export const list = row('list');
export const password = row('password');
