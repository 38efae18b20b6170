(() => {
  var __defProp = Object.defineProperty;
  var __name = (target, value) => __defProp(target, "name", { value, configurable: true });

  // tendril:sdk
  var DeviceEntrypoint = class {
    static {
      __name(this, "DeviceEntrypoint");
    }
    env;
  };

  // src/limits.ts
  function tooWarm(celsius) {
    if (typeof celsius !== "number") {
      throw new TypeError("celsius must be a number");
    }
    return celsius > 30;
  }
  __name(tooWarm, "tooWarm");

  // src/thermostat.ts
  var Thermostat = class extends DeviceEntrypoint {
    static {
      __name(this, "Thermostat");
    }
    static tendril = { isolation: "event" };
    async onMessage(message) {
      if (message.type === "text") {
        throw "only text";
      }
      await this.env.DEVICE.kv.get("last");
      check(message.celsius);
    }
  };
  function check(celsius) {
    if (tooWarm(celsius)) {
      throw new RangeError("too warm", { cause: new Error("sun") });
    }
  }
  __name(check, "check");

  // tendril:entry
  __tendril_export(Thermostat);
})();
