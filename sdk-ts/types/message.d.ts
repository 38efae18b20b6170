import type { StandardCommand, StandardReplies } from "./protocol.gen.js";
/**
 * What a device said: one JSON object with a `type`. Its other fields are the
 * device's own, and nobody has checked them.
 *
 * The compiler knows nothing of them either, so they are `any` unless you say
 * what the device sends, as a type of your own or as one of the standard ones.
 *
 * @example
 * ```ts
 * import { DeviceEntrypoint, type Message } from "tendril";
 *
 * type Reading = Message<{ type: "reading"; celsius: number }>;
 *
 * export default class extends DeviceEntrypoint {
 *   override async onMessage(message: Reading) {
 *     if (message.type === "reading" && message.celsius > 30) console.warn("too warm");
 *   }
 * }
 * ```
 */
export type Message<Fields extends object = FreeFields> = {
    readonly type: string;
} & Readonly<Fields>;
/**
 * Fields that nobody described, typed as `JSON.parse` types what it reads.
 *
 * @example
 * ```ts
 * import type { FreeFields, Message } from "tendril";
 *
 * const message: Message<FreeFields> = { type: "reading", celsius: 21.5 };
 * ```
 */
export type FreeFields = {
    readonly [field: string]: any;
};
/**
 * What a script says to its device: one JSON object with a `type`. Types that
 * begin with `$` and the fields `$id` and `$re` belong to the envelope.
 *
 * @example
 * ```ts
 * import type { Command, DeviceEnv } from "tendril";
 *
 * async function beep(device: DeviceEnv, times: number) {
 *   const command: Command = { type: "beep", times };
 *   await device.send(command);
 * }
 * ```
 */
export interface Command {
    readonly type: string;
    readonly [field: string]: unknown;
}
/**
 * The fields that a command of type `T` needs: those of the standard vocabulary
 * when `T` is one of its types, any others when it is your own.
 *
 * @example
 * ```ts
 * import type { CommandFields } from "tendril";
 *
 * const led: CommandFields<"gpio_write"> = { type: "gpio_write", pin: 25, value: 1 };
 * const fan: CommandFields<"fan"> = { type: "fan", on: true };
 * ```
 */
export type CommandFields<T extends string> = T extends StandardCommand["type"] ? Extract<StandardCommand, {
    readonly type: T;
}> : FreeFields;
/**
 * The message that answers a request of type `T`.
 *
 * @example
 * ```ts
 * import type { DeviceEnv, ReplyTo } from "tendril";
 *
 * async function level(device: DeviceEnv): Promise<0 | 1> {
 *   const reply: ReplyTo<"gpio_read"> = await device.request({ type: "gpio_read", pin: 14 });
 *   return reply.value;
 * }
 * ```
 */
export type ReplyTo<T extends string> = T extends keyof StandardReplies ? StandardReplies[T] : Message;
