import { DeviceEntrypoint, type ConnectInfo, type Message } from "tendril";

type Reading = Message<{ type: "reading"; celsius: number }>;

const onAbove = 30;
const offBelow = 27;

export default class Thermostat extends DeviceEntrypoint {
  // A device that comes back may have lost its fan's state: say it again.
  override async onDeviceConnect(info: ConnectInfo) {
    const fan = await this.env.DEVICE.kv.get<boolean>("fan");
    if (fan !== undefined) await this.env.DEVICE.send({ type: "fan", on: fan }, { key: "fan" });
    console.info("connected", { reason: info.reason });
  }

  override async onMessage(message: Reading) {
    if (message.type !== "reading" || typeof message.celsius !== "number") {
      console.warn("not a reading", { type: message.type });
      return;
    }
    const { kv } = this.env.DEVICE;
    const last = await kv.get<number>("last");
    await kv.put("last", message.celsius);

    const fan = (await kv.get<boolean>("fan")) ?? false;
    if (!fan && message.celsius > onAbove) {
      console.warn("too warm", { celsius: message.celsius, last: last ?? null });
      await this.turn(true);
    } else if (fan && message.celsius < offBelow) {
      await this.turn(false);
    }
  }

  private async turn(on: boolean) {
    await this.env.DEVICE.kv.put("fan", on);
    await this.env.DEVICE.send({ type: "fan", on }, { key: "fan" });
  }
}
