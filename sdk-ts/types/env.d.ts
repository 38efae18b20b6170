import type { DeviceEnv } from "./device.js";
/**
 * What one event may use. It is handed to each handler, and an entrypoint class
 * has it as `this.env`.
 *
 * @example
 * ```ts
 * import type { Env, Message } from "tendril";
 *
 * export default {
 *   async onMessage(message: Message, env: Env) {
 *     await env.DEVICE.kv.put("last", message);
 *   },
 * };
 * ```
 */
export interface Env {
    /** The device whose event this is. */
    readonly DEVICE: DeviceEnv;
    /** The project's variables. */
    readonly VARS: Vars;
}
/**
 * The project's variables: settings and secrets that are no part of the code.
 * They are read as they are now, not as they were at the deploy.
 *
 * @example
 * ```ts
 * import type { Env } from "tendril";
 *
 * async function limit(env: Env): Promise<number> {
 *   return Number((await env.VARS.get("LIMIT")) ?? "30");
 * }
 * ```
 */
export interface Vars {
    /** The value of a variable, or undefined. */
    get(name: string): Promise<string | undefined>;
    /** All variables by name. */
    getAll(): Promise<{
        readonly [name: string]: string;
    }>;
}
