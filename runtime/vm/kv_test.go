package vm

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func snapshot(complete bool, pairs ...string) runtime.Snapshot {
	s := runtime.Snapshot{Complete: complete}
	for i := 0; i < len(pairs); i += 2 {
		s.Pairs = append(s.Pairs, runtime.KVPair{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return s
}

// kvRun runs the body of a handler over a state, answering its reads from
// owner.
func kvRun(t testing.TB, body string, kv runtime.Snapshot, owner map[string]string) (s *runtime.Segment, reads []runtime.Read) {
	t.Helper()
	inv := message(`{}`)
	inv.KV = kv
	r := compile(t, class("const { kv } = env.DEVICE;"+body)).New(inv)
	turn := r.Start()
	for turn.Reads != nil {
		var answers []runtime.ReadResult
		for _, read := range turn.Reads {
			reads = append(reads, read)
			answers = append(answers, answer(read, owner))
		}
		turn = r.Answer(answers)
	}
	return wantSettled(t, turn), reads
}

func answer(read runtime.Read, owner map[string]string) runtime.ReadResult {
	res := runtime.ReadResult{ID: read.ID}
	if !read.List {
		if v, ok := owner[read.Key]; ok {
			res.Pairs = []runtime.KVPair{{Key: read.Key, Value: []byte(v)}}
		}
		return res
	}
	var keys []string
	for key := range owner {
		if strings.HasPrefix(key, read.Key) && key > read.After {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys[:min(len(keys), read.Limit)] {
		res.Pairs = append(res.Pairs, runtime.KVPair{Key: key, Value: []byte(owner[key])})
	}
	return res
}

func wantValue(t testing.TB, s *runtime.Segment, want string) {
	t.Helper()
	if got := string(s.Outcome.Value); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func writes(s *runtime.Segment) string {
	var parts []string
	for _, w := range s.KV {
		if w.Delete {
			parts = append(parts, "-"+w.Key)
		} else {
			parts = append(parts, w.Key+"="+string(w.Value))
		}
	}
	return strings.Join(parts, " ")
}

func TestKVReadsTheSnapshotAndItsOwnWrites(t *testing.T) {
	t.Parallel()
	s, reads := kvRun(t, `
		const out = [await kv.get("a"), await kv.get("missing") === undefined];
		out.push(await kv.put("a", { n: 2 }), await kv.get("a"));
		out.push(await kv.delete("a"), await kv.get("a") === undefined, await kv.delete("a"));
		kv.put("later", [1]);
		out.push(await kv.get("later"));
		return out`, snapshot(true, "a", `{"n":1}`), nil)
	wantValue(t, s, `[{"n":1},true,true,{"n":2},true,true,false,[1]]`)
	if got, want := writes(s), `a={"n":2} -a later=[1]`; got != want || len(reads) != 0 {
		t.Errorf("writes %s, reads %v", got, reads)
	}
}

func TestKVValuesAreCopies(t *testing.T) {
	t.Parallel()
	s, _ := kvRun(t, `
		const v = { n: 1 }; await kv.put("a", v); v.n = 2;
		const w = await kv.get("a"); w.n = 3;
		return await kv.get("a")`, snapshot(true), nil)
	wantValue(t, s, `{"n":1}`)
}

func TestKVMissesAreReadTogether(t *testing.T) {
	t.Parallel()
	s, reads := kvRun(t, `
		const first = await Promise.all([kv.get("a"), kv.get("b"), kv.get("a"), kv.get("here")]);
		return [first, await kv.get("a"), await kv.get("b") === undefined]`,
		snapshot(false, "here", `0`), map[string]string{"a": `1`})
	wantValue(t, s, `[[1,null,1,0],1,true]`)
	if len(reads) != 2 || reads[0].Key != "a" || reads[1].Key != "b" || reads[0].ID == reads[1].ID {
		t.Errorf("reads %+v", reads)
	}
}

func TestKVCallsHappenInCallOrderOverAMiss(t *testing.T) {
	t.Parallel()
	s, _ := kvRun(t, `
		const swap = kv.put("a", "swapped", { ifEquals: 1 });
		const plain = kv.put("a", "plain");
		const read = kv.get("a");
		return [await swap, await plain, await read]`, snapshot(false), map[string]string{"a": `1`})
	wantValue(t, s, `[true,true,"plain"]`)
	if got, want := writes(s), `a="swapped" a="plain"`; got != want {
		t.Errorf("writes %s", got)
	}
}

func TestKVWritesWithoutAwaitCountOverAMiss(t *testing.T) {
	t.Parallel()
	s, reads := kvRun(t, `kv.put("a", 2, { ifEquals: 1 }); kv.delete("b")`, snapshot(false), map[string]string{"a": `1`, "b": `2`})
	if got, want := writes(s), `a=2 -b`; got != want || len(reads) != 2 {
		t.Errorf("writes %s, reads %v", got, reads)
	}
}

func TestKVPlainPutNeedsNoRead(t *testing.T) {
	t.Parallel()
	_, reads := kvRun(t, `await kv.put("a", 1); return await kv.get("a")`, snapshot(false), nil)
	if len(reads) != 0 {
		t.Errorf("reads %+v", reads)
	}
}

func TestKVCompareAndSet(t *testing.T) {
	t.Parallel()
	s, _ := kvRun(t, `
		const out = [];
		out.push(await kv.put("a", 1, { ifEquals: undefined }));
		out.push(await kv.put("new", 1, { ifEquals: undefined }));
		out.push(await kv.put("a", 2, { ifEquals: { y: [2, 3.0], x: 1 } }));
		out.push(await kv.put("a", 3, { ifEquals: 1 }), await kv.put("a", 3, { ifEquals: 2 }));
		out.push(await kv.put("none", 3, { ifEquals: null }), await kv.put("null", 3, { ifEquals: null }));
		out.push(await kv.put("a", 4, {}));
		return [out, await kv.get("a")]`, snapshot(true, "a", `{"x":1,"y":[2,3]}`, "null", `null`), nil)
	wantValue(t, s, `[[false,true,true,false,true,false,true,true],4]`)
	if got, want := writes(s), `new=1 a=2 a=3 null=3 a=4`; got != want {
		t.Errorf("writes %s", got)
	}
}

func TestKVRefusesWhatJSONCannotSay(t *testing.T) {
	t.Parallel()
	for _, v := range []string{`undefined`, `NaN`, `Infinity`, `-Infinity`, `() => {}`, `Symbol("s")`, `10n`, `new Number(NaN).valueOf()`} {
		s, _ := kvRun(t, `return await kv.put("a", `+v+`).catch(e => [e instanceof TypeError, e.name])`, snapshot(true), nil)
		wantValue(t, s, `[true,"TypeError"]`)
	}
	s, _ := kvRun(t, `await kv.put("a", { u: undefined, l: [NaN], f() {} }); return await kv.get("a")`, snapshot(true), nil)
	wantValue(t, s, `{"l":[null]}`)
}

func TestKVKeysAreJudged(t *testing.T) {
	t.Parallel()
	for _, key := range []string{`""`, `"a\0b"`, `"k".repeat(513)`, `"é".repeat(257)`, `"\ud800"`, `5`, `undefined`, `{}`} {
		for _, call := range []string{"kv.get(" + key + ")", "kv.put(" + key + ", 1)", "kv.delete(" + key + ")"} {
			s, _ := kvRun(t, `return await `+call+`.then(() => "taken", e => e.name)`, snapshot(true), nil)
			wantValue(t, s, `"TypeError"`)
		}
	}
	s, _ := kvRun(t, `for (const k of ["k".repeat(512), "é".repeat(256), "a/b c", "\ufffd", "😀", "__proto__"]) await kv.put(k, k.length); return (await kv.list()).length`, snapshot(true), nil)
	wantValue(t, s, `6`)
}

func TestKVQuotas(t *testing.T) {
	t.Parallel()
	run := func(body string, change func(*runtime.Invocation), want string) {
		t.Helper()
		inv := message(`{}`)
		inv.KV = snapshot(true, "old", `"12345"`)
		if change != nil {
			change(inv)
		}
		wantValue(t, wantSettled(t, compile(t, class("const { kv } = env.DEVICE;"+body)).New(inv).Start()), want)
	}
	attempt := func(calls string) string {
		return `const out = []; for (const call of [` + calls + `]) out.push(await call().catch(e => e.name)); return out`
	}
	run(attempt(`() => kv.put("a", "x".repeat(65534)), () => kv.put("a", "x".repeat(65535)), () => kv.put("a", "x".repeat(70000))`), nil, `[true,"TypeError","TypeError"]`)
	run(attempt(`() => kv.put("a", 1), () => kv.put("b", 1), () => kv.put("old", 2), () => kv.put("a", 2), () => kv.delete("old"), () => kv.put("b", 1)`),
		func(inv *runtime.Invocation) { inv.Quota.KVKeys = 1 }, `[true,"QuotaError",true,true,true,true]`)
	run(attempt(`() => kv.put("a", "12345678"), () => kv.put("b", "1"), () => kv.put("old", "1234567"), () => kv.put("old", 1), () => kv.put("b", 1)`),
		func(inv *runtime.Invocation) { inv.Quota.KVBytes = 11 }, `[true,"QuotaError","QuotaError",true,true]`)
	run(`let n = 0; try { for (;;) { await kv.put("k" + n % 5, n); n++ } } catch (e) { return [n, e.name, await kv.get("k0")] }`, nil, `[100,"QuotaError",95]`)
}

func TestKVOverQuotaAsksWhetherAnUnknownKeyExists(t *testing.T) {
	t.Parallel()
	inv := message(`{}`)
	inv.KV, inv.Quota.KVKeys = snapshot(false), 0
	r := compile(t, class(`return [await env.DEVICE.kv.put("there", 2), await env.DEVICE.kv.put("new", 2).catch(e => e.name)]`)).New(inv)
	turn := r.Start()
	for turn.Reads != nil {
		turn = r.Answer([]runtime.ReadResult{answer(turn.Reads[0], map[string]string{"there": `1`})})
	}
	wantValue(t, wantSettled(t, turn), `[true,"QuotaError"]`)
}

func TestKVTTL(t *testing.T) {
	t.Parallel()
	s, _ := kvRun(t, `await kv.put("a", 1, { ttl: 60000 }); await kv.put("b", 1, { ttl: 0.001 }); let n = Date.now(); while (Date.now() - n < 2); return [await kv.get("a"), await kv.get("b") === undefined]`, snapshot(true), nil)
	wantValue(t, s, `[1,true]`)
	if s.KV[0].TTL != time.Minute || s.KV[1].TTL <= 0 {
		t.Errorf("%+v", s.KV)
	}
	for _, ttl := range []string{`0`, `-5`, `"5"`, `NaN`, `Infinity`, `null`} {
		s, _ := kvRun(t, `return await kv.put("a", 1, { ttl: `+ttl+` }).catch(e => e.name)`, snapshot(true), nil)
		wantValue(t, s, `"TypeError"`)
	}
}

func TestKVList(t *testing.T) {
	t.Parallel()
	state := []string{"a", `0`, "p/1", `1`, "p/2", `2`, "p/3", `3`, "p/\u00e9", `4`, "q", `5`}
	owner := map[string]string{}
	for i := 0; i < len(state); i += 2 {
		owner[state[i]] = state[i+1]
	}
	for _, c := range []struct{ body, want string }{
		{`return await kv.list()`, `[{"key":"a","value":0},{"key":"p/1","value":1},{"key":"p/2","value":2},{"key":"p/3","value":3},{"key":"p/é","value":4},{"key":"q","value":5}]`},
		{`return (await kv.list({ prefix: "p/", limit: 2 })).map(e => e.key)`, `["p/1","p/2"]`},
		{`return (await kv.list({ prefix: "p/", after: "p/2" })).map(e => e.key)`, `["p/3","p/é"]`},
		{`return (await kv.list({ after: "p/2", limit: 1 })).map(e => e.key)`, `["p/3"]`},
		{`return (await kv.list({ prefix: "p/", after: "a" })).map(e => e.key)`, `["p/1","p/2","p/3","p/é"]`},
		{`return (await kv.list({ prefix: "p/", after: "z" })).length`, `0`},
		{`return (await kv.list({ prefix: "", after: "", limit: undefined })).length`, `6`},
		{`await kv.delete("p/2"); await kv.put("p/1", "own"); await kv.put("p/25", 25); await kv.put("z", 1);
			return (await kv.list({ prefix: "p/", limit: 3 })).map(e => [e.key, e.value])`, `[["p/1","own"],["p/25",25],["p/3",3]]`},
		{`const first = await kv.list({ limit: 4 }); const rest = await kv.list({ after: first.at(-1).key }); return first.concat(rest).length`, `6`},
		{`for (const k of ["a", "p/1", "p/2", "p/3"]) await kv.delete(k); return (await kv.list({ limit: 1 })).map(e => e.key)`, `["p/é"]`},
		{`const early = kv.list({ limit: 1 }); for (const k of ["a", "p/1"]) kv.delete(k); const late = kv.list({ limit: 1 }); return [(await early)[0].key, (await late)[0].key]`, `["a","p/2"]`},
	} {
		s, _ := kvRun(t, c.body, snapshot(true, state...), nil)
		wantValue(t, s, c.want)
		s, reads := kvRun(t, c.body, snapshot(false), owner)
		wantValue(t, s, c.want)
		if len(reads) == 0 {
			t.Error("nothing was read")
		}
	}
	for _, options := range []string{`{ limit: 0 }`, `{ limit: 1001 }`, `{ limit: 1.5 }`, `{ limit: "5" }`, `{ prefix: 5 }`, `{ after: {} }`, `5`} {
		s, _ := kvRun(t, `return await kv.list(`+options+`).catch(e => e.name)`, snapshot(true), nil)
		wantValue(t, s, `"TypeError"`)
	}
}

func TestKVListPagesThroughALargeStore(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	var pairs []string
	for i := range 1500 {
		key := "k" + strconv.Itoa(10000+i)
		owner[key] = strconv.Itoa(i)
		pairs = append(pairs, key, owner[key])
	}
	body := `for (let i = 0; i < 50; i++) await kv.delete("k" + (10000 + i));
		const all = await kv.list({ limit: 1000 }); return [all.length, all[0].key, all.at(-1).key, (await kv.list()).length]`
	want := `[1000,"k10050","k11049",100]`
	s, _ := kvRun(t, body, snapshot(true, pairs...), nil)
	wantValue(t, s, want)
	s, reads := kvRun(t, body, snapshot(false), owner)
	wantValue(t, s, want)
	for _, read := range reads {
		if read.List && read.Limit > listMost {
			t.Errorf("read of %d pairs", read.Limit)
		}
	}
}

func TestKVSeesOperatorWritesAfterAWait(t *testing.T) {
	t.Parallel()
	inv := message(`{}`)
	inv.KV = snapshot(true, "a", `1`)
	r := compile(t, class(`
		const { kv } = env.DEVICE;
		await kv.put("own", 1);
		const before = await kv.get("a");
		await new Promise(f => setTimeout(f, 1));
		const kept = [await kv.get("a"), await kv.get("own")];
		await new Promise(f => setTimeout(f, 1));
		return [before, kept, await kv.get("a"), await kv.get("own")]`)).New(inv)
	s := wait(t, r.Start())
	s = wait(t, r.Resume(resume(s.Begin[0].ID, "")))
	res := resume(s.Begin[0].ID, "")
	changed := snapshot(true, "a", `"operator"`, "own", `"changed"`)
	res.KV = &changed
	wantValue(t, wantSettled(t, r.Resume(res)), `[1,[1,1],"operator","changed"]`)
}
