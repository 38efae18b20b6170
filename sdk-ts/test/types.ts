// Assertions about types: this file passes the compiler, and each expected error
// is one.
import {
  DeviceEntrypoint,
  type AckStatus,
  type Command,
  type ConnectInfo,
  type DeviceEnv,
  type DeviceHandlers,
  type Env,
  type GPIOValue,
  type I2CData,
  type KVEntry,
  type LogLevel,
  type Message,
  type StandardCommand,
  type StandardMessage,
} from "tendril";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

// Messages: open by default, closed when described.
export function fields(open: Message, closed: Message<{ type: "reading"; celsius: number }>) {
  holds<Equal<typeof open.type, string>>();
  if (open.celsius > 30) console.warn("too warm", { celsius: open.celsius });
  holds<Equal<typeof closed.celsius, number>>();
  holds<Equal<typeof closed.type, "reading">>();
  // @ts-expect-error a described message has no other fields
  closed.fahrenheit;
  // @ts-expect-error a message is not the script's to change
  closed.celsius = 1;
  // @ts-expect-error nor is its type
  open.type = "other";
}

// Standard messages narrow by their type.
export function narrow(message: StandardMessage) {
  if (message.type === "gpio_changed") holds<Equal<typeof message.value, 0 | 1>>();
  if (message.type === "i2c_data") holds<Equal<typeof message.data, readonly number[]>>();
  // @ts-expect-error no standard message has this type
  if (message.type === "fan") return;
}

// Commands: the standard ones are checked, others are free.
export async function commands(device: DeviceEnv, dynamic: Command) {
  holds<Equal<Awaited<ReturnType<typeof device.send>>, void>>();
  await device.send({ type: "gpio_write", pin: 25, value: 1 });
  await device.send({ type: "reboot" });
  await device.send({ type: "fan", on: true }, { ttl: 1_000, key: "fan", durable: true });
  await device.send(dynamic);
  const typed: StandardCommand = { type: "pwm_set", pin: 1, frequency: 50, duty: 0.1 };
  await device.send(typed);
  interface Fan {
    type: "fan";
    on: boolean;
  }
  const fan: Fan = { type: "fan", on: true };
  await device.send(fan);
  // @ts-expect-error a pin is a number
  await device.send({ type: "gpio_write", pin: "25", value: 1 });
  // @ts-expect-error a level is 0 or 1
  await device.send({ type: "gpio_write", pin: 25, value: 2 });
  // @ts-expect-error the value is missing
  await device.send({ type: "gpio_write", pin: 25 });
  // @ts-expect-error a command has a type
  await device.send({ on: true });
  // @ts-expect-error whose value is a string
  await device.send({ type: 7 });
  // @ts-expect-error a time-out is an option of request
  await device.send({ type: "fan" }, { timeout: 5 });
}

// Replies follow from the command.
export async function replies(device: DeviceEnv) {
  const level = await device.request({ type: "gpio_read", pin: 14 });
  holds<Equal<typeof level, GPIOValue>>();
  const bytes = await device.request({ type: "i2c_read", bus: 0, address: 118, length: 2 }, { timeout: 100 });
  holds<Equal<typeof bytes, I2CData>>();
  const own = await device.request({ type: "status" });
  holds<Equal<typeof own, Message>>();
  // @ts-expect-error a key is an option of send
  await device.request({ type: "status" }, { key: "k" });
}

// The store: what was read may be missing, and is unknown unless said.
export async function store({ DEVICE: { kv }, VARS }: Env) {
  const unknown = await kv.get("k");
  holds<Equal<typeof unknown, unknown>>();
  const count = await kv.get<number>("k");
  holds<Equal<typeof count, number | undefined>>();
  // @ts-expect-error the key may be missing
  count + 1;
  holds<Equal<Awaited<ReturnType<typeof kv.put>>, boolean>>();
  await kv.put("k", null);
  await kv.put("k", { a: [1, "2", false] }, { ttl: 5, ifEquals: undefined });
  // @ts-expect-error undefined cannot be stored
  await kv.put("k", undefined);
  // @ts-expect-error nor what may be undefined
  await kv.put("k", count);
  // @ts-expect-error a lifetime is in milliseconds
  await kv.put("k", 1, { ttl: "1h" });
  holds<Equal<Awaited<ReturnType<typeof kv.delete>>, boolean>>();
  const page = await kv.list<number>({ prefix: "a", limit: 10, after: "b" });
  holds<Equal<typeof page, KVEntry<number>[]>>();
  const name = await VARS.get("NAME");
  holds<Equal<typeof name, string | undefined>>();
}

// Entrypoints: classes and objects.
export class Whole extends DeviceEntrypoint {
  static tendril = { connectOnDeploy: false };
  override async onDeviceConnect(info: ConnectInfo) {
    holds<Equal<typeof info.reason, "connect" | "deploy" | "rollback">>();
    holds<Equal<typeof this.env.DEVICE.id, string>>();
    // @ts-expect-error the env is given
    this.env = undefined;
  }
  override onMessage(message: StandardMessage, env: Env) {
    return env.DEVICE.send({ type: "echo", of: message.type });
  }
}
// @ts-expect-error a base class, not an entrypoint
export const base = (env: Env) => new DeviceEntrypoint(env);
export class Wrong extends DeviceEntrypoint {
  // @ts-expect-error a handler is a function
  override onMessage = 3;
}

export const object = {
  tendril: { connectOnDeploy: true },
  async onMessage(message, env) {
    holds<Equal<typeof message, Message>>();
    holds<Equal<typeof env, Env>>();
  },
} satisfies DeviceHandlers;
export const misspelt = {
  // @ts-expect-error no event calls this
  async onMesage() {},
} satisfies DeviceHandlers;
export const unknownOption = {
  // @ts-expect-error refused at the deploy, too
  tendril: { isolated: true },
} satisfies DeviceHandlers;

// Closed sets come from the server's own nouns.
holds<Equal<LogLevel, "debug" | "info" | "warn" | "error">>();
holds<Equal<AckStatus, "ok" | "error" | "retry">>();

// The globals are there, the DOM's and Node's are not.
const timer = setTimeout((n: number) => console.debug(n), 5, 1);
holds<Equal<typeof timer, number>>();
clearTimeout(timer);
clearInterval(setInterval(() => console.trace("tick")));
queueMicrotask(() => console.error("end"));
// @ts-expect-error no process
process.exit();
// @ts-expect-error no document
document.title;
