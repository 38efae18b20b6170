/**
 * What a Tendril device script imports: the base class and the types of
 * everything a script sees. There is nothing to install; the server brings the
 * same module.
 *
 * @packageDocumentation
 */
import "./globals.js";

export { DeviceEntrypoint } from "./entrypoint.js";
export type { ConnectInfo, DeviceHandlers, DisconnectInfo, ScriptOptions } from "./entrypoint.js";
export type { Env, Vars } from "./env.js";
export type { DeviceEnv, RequestOptions, SendOptions } from "./device.js";
export type { KV, KVEntry, ListOptions, PutOptions } from "./kv.js";
export type { Command, CommandFields, FreeFields, Message, ReplyTo } from "./message.js";
export type * from "./protocol.gen.js";
