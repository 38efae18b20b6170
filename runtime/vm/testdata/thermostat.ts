import { DeviceEntrypoint } from "tendril";
import { tooWarm } from "./limits";

interface Reading {
  readonly type: string;
  readonly celsius: number;
}

export default class Thermostat extends DeviceEntrypoint {
  static tendril = { isolation: "event" };

  async onMessage(message: Reading): Promise<void> {
    if (message.type === "text") {
      throw "only text";
    }
    await this.env.DEVICE.kv.get("last");
    check(message.celsius);
  }
}

function check(celsius: number): void {
  if (tooWarm(celsius)) {
    throw new RangeError("too warm", { cause: new Error("sun") });
  }
}
