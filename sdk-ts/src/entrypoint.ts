import type { Env } from "./env.js";
import type { Message } from "./message.js";

/**
 * The handlers of a script, for those who write an object instead of a class.
 * Each is optional; only those that are there are called. A handler may be async:
 * the event lasts until it settles, and nothing of the event outlives it.
 *
 * @example
 * ```ts
 * import type { DeviceHandlers } from "tendril";
 *
 * export default {
 *   async onMessage(message, env) {
 *     await env.DEVICE.send({ type: "echo", of: message.type });
 *   },
 * } satisfies DeviceHandlers;
 * ```
 */
export interface DeviceHandlers<E extends Env = Env> {
  /** Options of the script. */
  readonly tendril?: ScriptOptions;
  /** The device connected, or runs another version of the script from now on. */
  onDeviceConnect?(info: ConnectInfo, env: E): unknown;
  /** The device said something. */
  onMessage?(message: Message, env: E): unknown;
  /** The device's connection ended. Commands sent now wait until it is back. */
  onDeviceDisconnect?(info: DisconnectInfo, env: E): unknown;
}

/**
 * The base class of an entrypoint: it has the `env`, and subclasses add the
 * handlers they need. Each event gets an instance of its own in a fresh realm, so
 * what shall be remembered belongs into `this.env.DEVICE.kv`.
 *
 * @example
 * ```ts
 * import { DeviceEntrypoint, type ConnectInfo, type Message } from "tendril";
 *
 * export default class Echo extends DeviceEntrypoint {
 *   override async onDeviceConnect(info: ConnectInfo) {
 *     console.info("hello", { reason: info.reason });
 *   }
 *
 *   override async onMessage(message: Message) {
 *     await this.env.DEVICE.send({ type: "echo", of: message.type });
 *   }
 * }
 * ```
 */
export abstract class DeviceEntrypoint<E extends Env = Env> {
  /** What the event may use. */
  readonly env: E;

  constructor(env: E) {
    this.env = env;
  }

  /** The device connected, or runs another version of the script from now on. */
  onDeviceConnect?(info: ConnectInfo, env: E): unknown;
  /** The device said something. */
  onMessage?(message: Message, env: E): unknown;
  /** The device's connection ended. Commands sent now wait until it is back. */
  onDeviceDisconnect?(info: DisconnectInfo, env: E): unknown;
}

/**
 * Why `onDeviceConnect` is called: the device connected, or it stayed connected
 * while a deploy or a rollback changed the version it runs.
 *
 * @example
 * ```ts
 * import type { ConnectInfo, DeviceEnv } from "tendril";
 *
 * async function setUp(info: ConnectInfo, device: DeviceEnv) {
 *   if (info.reason === "connect") await device.send({ type: "gpio_watch", pin: 14 });
 * }
 * ```
 */
export interface ConnectInfo {
  readonly reason: "connect" | "deploy" | "rollback";
}

/**
 * Why `onDeviceDisconnect` is called.
 *
 * @example
 * ```ts
 * import type { DisconnectInfo } from "tendril";
 *
 * function note(info: DisconnectInfo) {
 *   console.info("gone", { reason: info.reason });
 * }
 * ```
 */
export interface DisconnectInfo {
  readonly reason: string;
}

/**
 * Options of a script: `static tendril = {…}` in a class, the property `tendril`
 * of an object. They are read when the script is deployed; an unknown one is
 * refused then.
 *
 * @example
 * ```ts
 * import { DeviceEntrypoint, type ScriptOptions } from "tendril";
 *
 * export default class extends DeviceEntrypoint {
 *   static tendril: ScriptOptions = { connectOnDeploy: false };
 * }
 * ```
 */
export interface ScriptOptions {
  /** Whether `onDeviceConnect` is called when a deploy or a rollback changes the version: true by default. */
  readonly connectOnDeploy?: boolean;
}
