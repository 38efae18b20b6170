package torture

import (
	"fmt"
	"slices"
)

// Kind says what a message makes the script do.
type Kind string

// The kinds. Those that commit before they wait leave two effects, a and b; the
// others leave one, p.
const (
	Mute  Kind = "mute"  // an effect, no command
	Plain Kind = "plain" // an effect and its command
	Burst Kind = "burst" // an effect and more commands than the window holds in a few
	Nap   Kind = "nap"   // a timer with nothing to commit, then as plain
	Hold  Kind = "hold"  // an effect, a timer, an effect
	Ask   Kind = "ask"   // an effect, a request, an effect
	Throw Kind = "throw" // an effect that an error takes back
	Late  Kind = "late"  // an effect, a timer, an effect that an error takes back
)

// kinds are all of them, as often as they are wanted.
var kinds = slices.Concat(
	slices.Repeat([]Kind{Plain}, 10), slices.Repeat([]Kind{Mute}, 6),
	[]Kind{Burst, Nap, Nap, Hold, Hold, Ask, Ask, Throw, Late},
)

// waits says whether the kind commits before it waits: only then a lost process
// may end it as interrupted.
func (k Kind) waits() bool { return k == Hold || k == Ask || k == Late }

// fails says whether the script itself throws.
func (k Kind) fails() bool { return k == Throw || k == Late }

const (
	project     = "torture"
	scriptName  = "torture"
	scriptMain  = "torture.ts"
	plannedName = "PlannedError" // what the script throws
	blockSize   = 64             // effects in one key
	burst       = 6              // commands of a Burst
	replyWait   = 400            // milliseconds that a request waits
)

// source is the script with a version number in it. An effect is one word in the
// newest block of the device's history in KV, "<message><tag>.<nonce>": the
// nonce tells runs of the same message apart. In the same segment the state
// counts effects and commands and adds up messages, so that a segment that took
// effect in part shows.
func source(version int) string {
	return fmt.Sprintf(`import { DeviceEntrypoint, type Message } from "tendril";

const version = %d;

type Step = { type: "step"; n: number; kind: string; wait: number };
type State = { count: number; sum: number; sent: number };

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function planned(): Error {
  const error = new Error("as planned");
  error.name = "`+plannedName+`";
  return error;
}

export default class Torture extends DeviceEntrypoint {
  private begun = 0;

  override async onDeviceConnect(info: { reason: string }) {
    await this.env.DEVICE.kv.put("told", { version, reason: info.reason });
  }

  override async onMessage(message: Message<Step>) {
    this.begun = Date.now();
    const { n, kind, wait } = message;
    switch (kind) {
      case "mute":
        await this.effect(n, "p", 0);
        return;
      case "burst":
        await this.effect(n, "p", %d);
        return;
      case "nap":
        await sleep(wait);
        await this.effect(n, "p", 1);
        return;
      case "hold":
        await this.effect(n, "a", 1);
        await sleep(wait);
        await this.effect(n, "b", 1);
        return;
      case "ask": {
        const effect = await this.effect(n, "a", 0);
        await this.env.DEVICE.request({ type: "ask", n, effect, version, begun: this.begun }, { timeout: %d });
        await this.effect(n, "b", 1);
        return;
      }
      case "throw":
        await this.effect(n, "p", 1);
        throw planned();
      case "late":
        await this.effect(n, "a", 1);
        await sleep(wait);
        await this.effect(n, "b", 1);
        throw planned();
      default:
        await this.effect(n, "p", 1);
    }
  }

  private async effect(n: number, tag: string, commands: number): Promise<string> {
    const { kv } = this.env.DEVICE;
    const state = (await kv.get<State>("state")) ?? { count: 0, sum: 0, sent: 0 };
    const effect = n + tag + "." + Math.random().toString(36).slice(2, 10);
    const block = "b" + String(Math.floor(state.count / %d)).padStart(6, "0");
    await kv.put(block, ((await kv.get<string>(block)) ?? "") + effect + " ");
    state.count++;
    state.sum += n;
    for (let i = 0; i < commands; i++) {
      const seq = ++state.sent;
      await this.env.DEVICE.send({ type: "did", n, effect, block, seq, version, begun: this.begun });
    }
    await kv.put("state", state);
    return effect;
  }
}
`, version, burst, replyWait, blockSize)
}

// state is what the script keeps beside its blocks.
type state struct {
	Count int   `json:"count"`
	Sum   int64 `json:"sum"`
	Sent  int   `json:"sent"`
}
