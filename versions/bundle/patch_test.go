package bundle

import (
	"strings"
	"testing"
)

func TestNamesAreKept(t *testing.T) {
	t.Parallel()
	got := says(t, sources("src/main.ts", `
import { Other } from "./other";
class TooHot extends Error { static make() { return new TooHot("x") } static all() { return { TooHot } } }
class Cold { static self = Cold; kind(Cold) { return Cold } deep() { return [Cold, { a: Cold.self }, this._Cold] } }
export default class Fan { static default = new Fan() }
function outer() { class Local { static n = Local.name } return Local.n + (() => {}).name + (function inner() {}).name }
const arrow = () => {};
throw new Error([TooHot.make().constructor.name, TooHot.all().TooHot === TooHot, Cold.name, new Cold().kind(7), new Cold().deep()[0] === Cold,
	Fan.name, outer(), arrow.name, Other.name, outer.name].join())`,
		"src/other.ts", `export class Other { static make() { return new Other() } }`))
	if want := "TooHot,true,Cold,7,true,Fan,Localinner,arrow,Other,outer"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDoubtfulNamesAreLeftAlone(t *testing.T) {
	t.Parallel()
	got := says(t, sources("src/main.ts", `
const _A = "own";
class A { static make() { return [_A, new A() instanceof A] } }
class B { static make() { return { _B: 1, b: new B() instanceof B } } }
class C { static text() { return "=class _C{" + (new C() instanceof C) } }
throw new Error(JSON.stringify([A.make(), B.make(), C.text()])); export default {}`))
	if want := `[["own",true],{"_B":1,"b":true},"=class _C{true"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEqualNamesOfTwoFilesStayApart(t *testing.T) {
	t.Parallel()
	got := says(t, sources("src/main.ts", `
import { Node as Base } from "./a";
class Node extends Base { static both() { return [Base.id, Node.id, new Node() instanceof Base].join() } static id = "main" }
throw new Error(Node.both()); export default {}`, "src/a.ts", `export class Node { static id = "a"; static make() { return new Node() } }`))
	if got != "a,main,true" {
		t.Errorf("got %s", got)
	}
}

func TestPackageRegExpThrowsWhenUsed(t *testing.T) {
	t.Parallel()
	files := sources("src/main.ts", `
import { letters, plain, sets, made } from "p";
const tries = [() => letters.test("x"), () => "x".replace(letters, ""), () => "x".split(sets), () => new RegExp(letters)];
const names = tries.map(f => { try { f(); return "ran" } catch (e) { return e.name } });
try { letters.test("x") } catch (e) { names.push(e.message) }
throw new Error([...names, letters instanceof RegExp, plain.test("x"), made.source].join("|")); export default {}`,
		"node_modules/p/index.js", "export const raw = String.raw`🙂ü`;\nexport const letters = /^\\p{L}+$/u, plain = /x/u;\nexport const sets = /[a--b]/v, made = new RegExp('a');")
	got := says(t, files)
	want := `SyntaxError|SyntaxError|SyntaxError|SyntaxError|the engine cannot run the regular expression /^\p{L}+$/u|true|true|a`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	code := string(compile(t, files).Bundle.Code)
	if lines := strings.Split(code, "\n"); !strings.HasPrefix(lines[0], `"use strict";(()=>{`) || !strings.HasPrefix(lines[1], "(()=>{") {
		t.Errorf("the code does not begin as it should: %s", code)
	}
}

func TestPatchMovesNoColumn(t *testing.T) {
	t.Parallel()
	_, err := load(t, compile(t, sources("src/main.ts", `import { r } from "p"; class A { static make() { return new A() } static fail() { r.test("") } }
A.make(); A.fail(); export default {}`, "node_modules/p/index.js", `export const r = /\p{L}/u`)))
	if err == nil || err.File != "src/main.ts" || err.Line != 1 || err.Column != 83 {
		t.Errorf("got %+v", err)
	}
}
