package versions

import "fmt"

// SourceError is an error with a place in the author's sources. Line and Column
// count from 1; 0 is unknown. Frame is the source line with a marker below it,
// or "".
type SourceError struct {
	Script  string
	File    string
	Line    int
	Column  int
	Message string
	Frame   string
	More    int // further errors of the same compile
}

func (e *SourceError) Error() string {
	switch {
	case e.File == "":
		return e.Message
	case e.Line == 0:
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}
