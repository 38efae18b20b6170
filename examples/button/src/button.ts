import type { DeviceHandlers, StandardMessage } from "tendril";

const button = 14;
const led = 25;

export default {
  // A board forgets its watches when it restarts.
  async onDeviceConnect(info, env) {
    if (info.reason === "connect") await env.DEVICE.send({ type: "gpio_watch", pin: button, pull: "down" }, { key: "watch" });
  },

  async onMessage(message: StandardMessage, env) {
    if (message.type !== "gpio_changed" || message.pin !== button || message.value !== 1) return;
    const presses = ((await env.DEVICE.kv.get<number>("presses")) ?? 0) + 1;
    await env.DEVICE.kv.put("presses", presses);
    await env.DEVICE.send({ type: "gpio_write", pin: led, value: presses % 2 === 1 ? 1 : 0 });
    console.info("pressed", { presses });
  },
} satisfies DeviceHandlers;
