/**
 * LogLevel orders log lines.
 *
 * @example
 * ```ts
 * const value: LogLevel = "debug";
 * ```
 */
export type LogLevel = "debug" | "info" | "warn" | "error";
/**
 * EventKind says what woke a script.
 *
 * @example
 * ```ts
 * const value: EventKind = "connect";
 * ```
 */
export type EventKind = "connect" | "message" | "disconnect" | "deploy";
/**
 * Names of the errors that the runtime itself raises.
 *
 * @example
 * ```ts
 * const value: RuntimeErrorName = "HandlerStalledError";
 * ```
 */
export type RuntimeErrorName = "HandlerStalledError" | "TimeoutError" | "InterruptedError" | "DeviceOfflineError" | "RequestTimeoutError" | "BackpressureError" | "QueueFullError" | "QuotaError";
/**
 * AckStatus is what became of an acknowledged message.
 *
 * @example
 * ```ts
 * const value: AckStatus = "ok";
 * ```
 */
export type AckStatus = "ok" | "error" | "retry";
/**
 * PinLevel is the level of a digital pin.
 *
 * @example
 * ```ts
 * const value: PinLevel = 0;
 * ```
 */
export type PinLevel = 0 | 1;
/**
 * PinPull is the resistor that holds an input pin while nothing drives it.
 *
 * @example
 * ```ts
 * const value: PinPull = "up";
 * ```
 */
export type PinPull = "up" | "down" | "none";
/**
 * EventLimits bound one event of a script.
 *
 * @example
 * ```ts
 * function budget(limits: EventLimits): number {
 *   return limits.cpu;
 * }
 * ```
 */
export interface EventLimits {
    /** Of all turns of an event together. Default: 50 milliseconds. */
    readonly cpu: number;
    /** From the first turn, waits included. Default: 30000 milliseconds. */
    readonly wall: number;
    /** Default: 100. */
    readonly logLines: number;
    /** Default: 65536. */
    readonly logBytes: number;
    /** Default: 100. */
    readonly kvWrites: number;
    /** Default: 100. */
    readonly sends: number;
    /** Outstanding at once: timers and requests. Default: 100. */
    readonly operations: number;
    /** Bytes. Default: 512. */
    readonly kvKey: number;
    /** Bytes. Default: 65536. */
    readonly kvValue: number;
    /** Bytes of one command as JSON. Default: 65536. */
    readonly command: number;
    /** Of JSON. Default: 32. */
    readonly depth: number;
    /** Of JSON. Default: 10000. */
    readonly nodes: number;
}
/**
 * GPIOWrite makes a pin an output and sets its level.
 *
 * @example
 * ```ts
 * const frame: GPIOWrite = {"type":"gpio_write","pin":25,"value":1};
 * ```
 */
export interface GPIOWrite {
    readonly type: "gpio_write";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
    readonly value: PinLevel;
}
/**
 * GPIORead asks for the level of a pin; a GPIOValue answers.
 *
 * @example
 * ```ts
 * const frame: GPIORead = {"type":"gpio_read","pin":14};
 * ```
 */
export interface GPIORead {
    readonly type: "gpio_read";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
}
/**
 * GPIOWatch makes a pin an input and asks for a GPIOChanged at each change of its
 * level. A device forgets its watches when it restarts.
 *
 * @example
 * ```ts
 * const frame: GPIOWatch = {"type":"gpio_watch","pin":14,"pull":"up"};
 * ```
 */
export interface GPIOWatch {
    readonly type: "gpio_watch";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
    /** pull is the board's default when left out. */
    readonly pull?: PinPull;
}
/**
 * PWMSet puts a pulse-width signal on a pin.
 *
 * @example
 * ```ts
 * const frame: PWMSet = {"type":"pwm_set","pin":15,"frequency":1000,"duty":0.5};
 * ```
 */
export interface PWMSet {
    readonly type: "pwm_set";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
    /** frequency is in hertz. */
    readonly frequency: number;
    /** duty is the part of a period that the pin is high, 0 to 1. */
    readonly duty: number;
}
/**
 * ADCRead asks for the voltage at an analog pin; an ADCValue answers.
 *
 * @example
 * ```ts
 * const frame: ADCRead = {"type":"adc_read","pin":26};
 * ```
 */
export interface ADCRead {
    readonly type: "adc_read";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
}
/**
 * I2CWrite writes bytes to a chip on an I2C bus.
 *
 * @example
 * ```ts
 * const frame: I2CWrite = {"type":"i2c_write","bus":0,"address":60,"data":[0,174]};
 * ```
 */
export interface I2CWrite {
    readonly type: "i2c_write";
    readonly bus: number;
    /** address is the chip's 7-bit address, 0 to 127. */
    readonly address: number;
    /** data are bytes, each 0 to 255. */
    readonly data: readonly number[];
}
/**
 * I2CRead reads bytes from a chip on an I2C bus; an I2CData answers.
 *
 * @example
 * ```ts
 * const frame: I2CRead = {"type":"i2c_read","bus":0,"address":118,"length":2};
 * ```
 */
export interface I2CRead {
    readonly type: "i2c_read";
    readonly bus: number;
    /** address is the chip's 7-bit address, 0 to 127. */
    readonly address: number;
    /** register is written before the read when given. */
    readonly register?: number;
    /** length is how many bytes to read. */
    readonly length: number;
}
/**
 * Reboot restarts the device, which loses its pins' settings and its watches.
 *
 * @example
 * ```ts
 * const frame: Reboot = {"type":"reboot"};
 * ```
 */
export interface Reboot {
    readonly type: "reboot";
}
/**
 * A command of the standard vocabulary.
 *
 * @example
 * ```ts
 * function kind(frame: StandardCommand): string {
 *   return frame.type;
 * }
 * ```
 */
export type StandardCommand = GPIOWrite | GPIORead | GPIOWatch | PWMSet | ADCRead | I2CWrite | I2CRead | Reboot;
/**
 * GPIOValue answers a GPIORead.
 *
 * @example
 * ```ts
 * const frame: GPIOValue = {"type":"gpio_value","pin":14,"value":0};
 * ```
 */
export interface GPIOValue {
    readonly type: "gpio_value";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
    readonly value: PinLevel;
}
/**
 * GPIOChanged tells that a watched pin changed its level.
 *
 * @example
 * ```ts
 * const frame: GPIOChanged = {"type":"gpio_changed","pin":14,"value":1};
 * ```
 */
export interface GPIOChanged {
    readonly type: "gpio_changed";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
    /** value is the level that the pin has now. */
    readonly value: PinLevel;
}
/**
 * ADCValue answers an ADCRead.
 *
 * @example
 * ```ts
 * const frame: ADCValue = {"type":"adc_value","pin":26,"value":0.42};
 * ```
 */
export interface ADCValue {
    readonly type: "adc_value";
    /** pin is the board's own number of the pin. */
    readonly pin: number;
    /** value is the part of the converter's full scale, 0 to 1. */
    readonly value: number;
}
/**
 * I2CData answers an I2CRead.
 *
 * @example
 * ```ts
 * const frame: I2CData = {"type":"i2c_data","bus":0,"address":118,"data":[88,0]};
 * ```
 */
export interface I2CData {
    readonly type: "i2c_data";
    readonly bus: number;
    /** address is the chip's 7-bit address, 0 to 127. */
    readonly address: number;
    /** data are bytes, each 0 to 255. */
    readonly data: readonly number[];
}
/**
 * A message of the standard vocabulary.
 *
 * @example
 * ```ts
 * function kind(frame: StandardMessage): string {
 *   return frame.type;
 * }
 * ```
 */
export type StandardMessage = GPIOValue | GPIOChanged | ADCValue | I2CData;
/**
 * The messages that answer the standard commands, by the command's type.
 *
 * @example
 * ```ts
 * const value: StandardReplies["gpio_read"] = { type: "gpio_value", pin: 14, value: 1 };
 * ```
 */
export interface StandardReplies {
    readonly gpio_read: GPIOValue;
    readonly adc_read: ADCValue;
    readonly i2c_read: I2CData;
}
/**
 * WelcomeLimits are what the gateway enforces on a connection.
 *
 * @example
 * ```ts
 * function show(value: WelcomeLimits): string {
 *   return JSON.stringify(value);
 * }
 * ```
 */
export interface WelcomeLimits {
    /** frame is the largest frame, in bytes. */
    readonly frame: number;
    /** depth is the deepest nesting of JSON. */
    readonly depth: number;
    /** nodes is how many values a frame may hold. */
    readonly nodes: number;
    /** window is how many commands may wait for their acknowledgement. */
    readonly window: number;
    /** ping_ms is the time between pings, in milliseconds. */
    readonly ping_ms: number;
    /** idle_ms is the silence that ends a connection, in milliseconds. */
    readonly idle_ms: number;
    /** hello_ms is how long the gateway waits for a HelloFrame, in milliseconds. */
    readonly hello_ms: number;
}
/**
 * WelcomeFrame is the first frame of a connection: who the gateway takes the
 * device for, and what it enforces.
 *
 * @example
 * ```ts
 * const frame: WelcomeFrame = {"type":"$welcome","device":"thermostat-1","session":"s1","time":1767225600000,"limits":{"frame":65536,"depth":32,"nodes":10000,"window":16,"ping_ms":25000,"idle_ms":60000,"hello_ms":10000}};
 * ```
 */
export interface WelcomeFrame {
    readonly type: "$welcome";
    readonly device: string;
    readonly session: string;
    /** time is the gateway's clock in epoch milliseconds. */
    readonly time: number;
    readonly limits: WelcomeLimits;
}
/**
 * HelloFrame is the first frame of a device that offered a subprotocol.
 *
 * @example
 * ```ts
 * const frame: HelloFrame = {"type":"$hello","acks":true,"metadata":{"firmware":"1.2.0"}};
 * ```
 */
export interface HelloFrame {
    readonly type: "$hello";
    /** acks turns on the acknowledgement of commands. */
    readonly acks?: boolean;
    /** metadata is shown with the device: name, label, firmware and the like. */
    readonly metadata?: {
        readonly [field: string]: unknown;
    };
}
/**
 * AckedError is how the script failed.
 *
 * @example
 * ```ts
 * function show(value: AckedError): string {
 *   return JSON.stringify(value);
 * }
 * ```
 */
export interface AckedError {
    readonly name: string;
    readonly message: string;
}
/**
 * AckedFrame acknowledges a device's message after what it did is durable.
 *
 * @example
 * ```ts
 * const frame: AckedFrame = {"type":"$ack","$id":"m-1","status":"ok"};
 * ```
 */
export interface AckedFrame {
    readonly type: "$ack";
    /** $id is the id that the device gave its message. */
    readonly $id: string;
    readonly status: AckStatus;
    /** error says why the status is error. */
    readonly error?: AckedError;
}
/**
 * TakenFrame says that the device took a command.
 *
 * @example
 * ```ts
 * const frame: TakenFrame = {"type":"$ack","$id":"c-7"};
 * ```
 */
export interface TakenFrame {
    readonly type: "$ack";
    /** $id is the id that the command came with. */
    readonly $id: string;
}
/**
 * ErrorFrame refuses a frame of the device. The connection stays open.
 *
 * @example
 * ```ts
 * const frame: ErrorFrame = {"type":"$error","code":"bad_json","message":"unexpected end of input"};
 * ```
 */
export interface ErrorFrame {
    readonly type: "$error";
    /**
     * code is one of bad_json, missing_type, bad_type, bad_id, duplicate_key,
     * bad_number, too_deep, too_many_nodes, hello_first and bad_hello.
     */
    readonly code: string;
    readonly message: string;
    /** $id is the refused frame's own id where it could be read. */
    readonly $id?: string;
}
/**
 * A frame of the envelope that the gateway says.
 *
 * @example
 * ```ts
 * function understood(frame: GatewayFrame): boolean {
 *   return frame.type === "$welcome";
 * }
 * ```
 */
export type GatewayFrame = WelcomeFrame | AckedFrame | ErrorFrame;
/**
 * A frame of the envelope that a device says.
 *
 * @example
 * ```ts
 * function understood(frame: DeviceFrame): boolean {
 *   return frame.type === "$hello";
 * }
 * ```
 */
export type DeviceFrame = HelloFrame | TakenFrame;
