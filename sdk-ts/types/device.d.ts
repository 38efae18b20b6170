import type { KV } from "./kv.js";
import type { CommandFields, ReplyTo } from "./message.js";
/**
 * The device that the script runs for: no other can be reached through it.
 *
 * @example
 * ```ts
 * import type { DeviceEnv } from "tendril";
 *
 * async function blink(device: DeviceEnv) {
 *   await device.send({ type: "gpio_write", pin: 25, value: 1 });
 *   const { value } = await device.request({ type: "gpio_read", pin: 14 }, { timeout: 2_000 });
 *   console.info("read", { device: device.id, value });
 * }
 * ```
 */
export interface DeviceEnv {
    /** The device's id in its project. */
    readonly id: string;
    /** The device's own key-value store. */
    readonly kv: KV;
    /**
     * Sends a command. It leaves once everything the event wrote before it is
     * durable, in call order, and waits in the device's outbox while the device is
     * offline. A full outbox rejects with a `QueueFullError`.
     */
    send<T extends string>(command: {
        readonly type: T;
    } & CommandFields<T>, options?: SendOptions): Promise<void>;
    /**
     * Sends a command and waits for the device's reply, the whole frame. What the
     * event wrote before is committed first. Rejects with a `DeviceOfflineError`
     * when the device is not connected and with a `RequestTimeoutError` when it does
     * not answer in time. The reply is not delivered to `onMessage`.
     */
    request<T extends string>(command: {
        readonly type: T;
    } & CommandFields<T>, options?: RequestOptions): Promise<ReplyTo<T>>;
}
/**
 * Options of `send`.
 *
 * @example
 * ```ts
 * import type { DeviceEnv } from "tendril";
 *
 * async function setpoint(device: DeviceEnv, celsius: number) {
 *   await device.send({ type: "setpoint", celsius }, { key: "setpoint", ttl: 3_600_000 });
 * }
 * ```
 */
export interface SendOptions {
    /** Milliseconds that the command may wait for the device: an hour by default, 7 days at most. */
    readonly ttl?: number;
    /** Replaces an older waiting command of the same key. */
    readonly key?: string;
    /** Keeps the command stored until it was written, also for a device that does not acknowledge. */
    readonly durable?: boolean;
}
/**
 * Options of `request`.
 *
 * @example
 * ```ts
 * import type { RequestOptions } from "tendril";
 *
 * const patient: RequestOptions = { timeout: 20_000 };
 * ```
 */
export interface RequestOptions {
    /** Milliseconds to wait for the reply: 5,000 by default, never longer than the event may still run. */
    readonly timeout?: number;
}
