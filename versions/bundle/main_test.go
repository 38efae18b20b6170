package bundle

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/versions"
)

func TestFolderThatIsNoneIsAFault(t *testing.T) {
	t.Parallel()
	if r := serve(Request{Script: mainScript, Folder: t.TempDir() + "/nothing"}); r.Fault == "" || r.Source != nil {
		t.Errorf("got %+v", r)
	}
}

func TestAnswerCarriesErrorsOfTheSource(t *testing.T) {
	t.Parallel()
	_, folder := onDisk(t, sources("src/main.ts", "export default {}; import './nope'"))
	root := folder.root.Name()
	var out strings.Builder
	if code := answer(&out, serve(Request{Script: mainScript, Folder: root})); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var r Response
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatal(err)
	}
	want := versions.SourceError{Script: "s", File: "src/main.ts", Line: 1, Column: 27, Message: `"./nope" does not exist`,
		Frame: "export default {}; import './nope'\n                          ^"}
	if r.Source == nil || *r.Source != want || len(r.Bundle.Code) > 0 {
		t.Errorf("got %+v", r.Source)
	}
}
