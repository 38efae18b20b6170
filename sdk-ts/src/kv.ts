/**
 * The device's own key-value store. It is strongly consistent, survives
 * restarts, deploys and rollbacks, and is read and written by this device's
 * events only, one event at a time. Writes become durable together when the
 * handler ends or first waits for something outside; if it throws they are gone.
 *
 * Keys are up to 512 bytes, values up to 64 KiB as JSON; a device holds 1,000
 * keys and 1 MiB.
 *
 * @example
 * ```ts
 * import type { KV } from "tendril";
 *
 * async function count(kv: KV): Promise<number> {
 *   const presses = ((await kv.get<number>("presses")) ?? 0) + 1;
 *   await kv.put("presses", presses);
 *   return presses;
 * }
 * ```
 */
export interface KV {
  /**
   * The value of a key, or undefined. The type is what you say it is: nobody
   * checks what an older version stored.
   */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /**
   * Stores a JSON value. Resolves to false, and changes nothing, only when
   * `ifEquals` is given and does not hold. What JSON cannot say (undefined, NaN,
   * Infinity) is a TypeError.
   */
  put(key: string, value: {} | null, options?: PutOptions): Promise<boolean>;
  /** Removes a key. Resolves to whether it was there. */
  delete(key: string): Promise<boolean>;
  /** The entries in byte order of their keys. */
  list<T = unknown>(options?: ListOptions): Promise<KVEntry<T>[]>;
}

/**
 * Options of `kv.put`.
 *
 * @example
 * ```ts
 * import type { DeviceEnv } from "tendril";
 *
 * async function claim(device: DeviceEnv): Promise<boolean> {
 *   return device.kv.put("owner", "me", { ifEquals: undefined, ttl: 60_000 });
 * }
 * ```
 */
export interface PutOptions {
  /** Milliseconds until the key is gone. Without it the key stays. */
  readonly ttl?: number;
  /**
   * Store only if the key has this value now, compared as JSON; `undefined` means
   * that it is absent.
   */
  readonly ifEquals?: unknown;
}

/**
 * Options of `kv.list`.
 *
 * @example
 * ```ts
 * import type { KV, KVEntry } from "tendril";
 *
 * async function all(kv: KV): Promise<KVEntry[]> {
 *   const found: KVEntry[] = [];
 *   for (;;) {
 *     const page = await kv.list({ prefix: "day/", after: found.at(-1)?.key ?? "" });
 *     if (page.length === 0) return found;
 *     found.push(...page);
 *   }
 * }
 * ```
 */
export interface ListOptions {
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** At most this many: 100 by default, 1,000 at most. */
  readonly limit?: number;
  /** Only keys behind this one, for the next page. */
  readonly after?: string;
}

/**
 * One entry of `kv.list`.
 *
 * @example
 * ```ts
 * import type { KVEntry } from "tendril";
 *
 * const entry: KVEntry<number> = { key: "presses", value: 3 };
 * ```
 */
export interface KVEntry<T = unknown> {
  readonly key: string;
  readonly value: T;
}
