package vm

import (
	"strings"
	"testing"
)

const tinyBundle = `"use strict";
(() => {
  var DeviceEntrypoint = class {
    env;
  };
  var Entry = class extends DeviceEntrypoint {
    async onMessage(message) {
      await this.env.DEVICE.send({ type: "echo", value: message.value });
    }
  };
  __tendril_export(Entry);
})();
`

func benchmark(b *testing.B, code, payload string) {
	p := compile(b, code)
	inv := message(payload)
	b.ReportAllocs()
	for b.Loop() {
		wantSettled(b, p.New(inv).Start())
	}
}

func BenchmarkTinyEvent(b *testing.B) {
	benchmark(b, tinyBundle, `{"type":"reading","value":21.5}`)
}

func BenchmarkEmptyHandler(b *testing.B) {
	benchmark(b, class(``), `{"type":"reading","value":21.5}`)
}

func kilobyte() string {
	var b strings.Builder
	b.WriteString(`{"type":"batch","values":[`)
	for i := range 18 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"sensor":"north-wall","celsius":21.25,"at":1700000000}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

func BenchmarkMessage1KB(b *testing.B) {
	benchmark(b, class(``), kilobyte())
}

func BenchmarkCommand1KB(b *testing.B) {
	benchmark(b, class(`await env.DEVICE.send(m)`), kilobyte())
}

func BenchmarkReadModifyWrite(b *testing.B) {
	benchmark(b, class(`const kv = env.DEVICE.kv; const n = await kv.get("n") ?? 0; await kv.put("n", n + m.value); console.log("counted", { n })`), `{"type":"reading","value":1}`)
}
