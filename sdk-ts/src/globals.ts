// The globals that a script has beside the language itself. They end with the
// event. Declared so that they stand beside the DOM's or Node's own, where a
// project has those too.

declare global {
  /**
   * Writes structured log lines, kept with the device. A last argument that is a
   * plain object becomes the line's fields; the others are its message.
   */
  interface Console {
    /** A line of level debug. */
    debug(...data: unknown[]): void;
    /** A line of level info. */
    log(...data: unknown[]): void;
    /** A line of level info. */
    info(...data: unknown[]): void;
    /** A line of level warn. */
    warn(...data: unknown[]): void;
    /** A line of level error. It does not make the event fail. */
    error(...data: unknown[]): void;
    /** A line of level debug. */
    trace(...data: unknown[]): void;
    /** A line of level error when the condition does not hold. */
    assert(condition?: boolean, ...data: unknown[]): void;
    /** A line of level info. */
    dir(item?: unknown): void;
    /** A line of level info. */
    table(data?: unknown): void;
    /** A line of level info; lines behind it are not indented. */
    group(...data: unknown[]): void;
    /** A line of level info; lines behind it are not indented. */
    groupCollapsed(...data: unknown[]): void;
    /** Does nothing. */
    groupEnd(): void;
    /** A line of level info that says how often this label was counted in this event. */
    count(label?: string): void;
    /** Counts from zero again. */
    countReset(label?: string): void;
    /** Starts to measure. */
    time(label?: string): void;
    /** A line of level info that says the time since the label's start. */
    timeLog(label?: string): void;
    /** As timeLog, and ends the label. */
    timeEnd(label?: string): void;
  }

  /** Writes structured log lines, kept with the device. */
  var console: Console;

  /** Calls back after so many milliseconds, if the event lasts that long. */
  function setTimeout<A extends unknown[]>(callback: (...args: A) => void, delay?: number, ...args: A): number;
  /** Ends a timeout; an id that is unknown is ignored. */
  function clearTimeout(id: number | undefined): void;
  /** Calls back every so many milliseconds, while the event lasts. */
  function setInterval<A extends unknown[]>(callback: (...args: A) => void, delay?: number, ...args: A): number;
  /** Ends an interval; an id that is unknown is ignored. */
  function clearInterval(id: number | undefined): void;
  /** Calls back at the end of the current turn. */
  function queueMicrotask(callback: () => void): void;
}

export {};
