package bundle

import (
	"strings"
	"unicode/utf16"
)

// frameWidth is how much of a line a frame shows, in characters.
const frameWidth = 160

// lineStart is the offset of a line, counted from 1, or the length of data.
func lineStart(data []byte, line int) int {
	offset := 0
	for ; line > 1 && offset < len(data); line-- {
		offset = nextLine(data, offset+endOfLine(data[offset:]))
	}
	return offset
}

// locate returns the line and column of an offset, both from 1, columns in UTF-16
// units as editors and source maps count, and a frame.
func locate(data []byte, offset int) (line, column int, frame string) {
	offset = min(max(offset, 0), len(data))
	start, end := 0, endOfLine(data)
	for line = 1; end < offset; line++ {
		start = nextLine(data, end)
		end = start + endOfLine(data[start:])
	}
	before := []rune(string(data[start:max(start, offset)]))
	column = 1
	for _, r := range before {
		column += max(1, utf16.RuneLen(r))
	}
	return line, column, drawFrame([]rune(string(data[start:end])), len(before))
}

// drawFrame shows a line, or the part of it around a place, and a marker below.
func drawFrame(line []rune, at int) string {
	from, to := 0, len(line)
	if len(line) > frameWidth {
		from = min(max(0, at-frameWidth/2), len(line)-frameWidth)
		to = from + frameWidth
	}
	shown := make([]rune, 0, frameWidth)
	marker := make([]rune, 0, frameWidth)
	for i, r := range line[from:to] {
		if r < ' ' && r != '\t' {
			r = ' '
		}
		shown = append(shown, r)
		if from+i < at {
			if r != '\t' {
				r = ' '
			}
			marker = append(marker, r)
		}
	}
	return strings.TrimRight(string(shown), " \t") + "\n" + string(marker) + "^"
}

// endOfLine is the offset of the next line break of JavaScript, or the length.
func endOfLine(data []byte) int {
	for i := range data {
		if lineBreak(data[i:]) > 0 {
			return i
		}
	}
	return len(data)
}

// nextLine is the offset after the line break at an offset.
func nextLine(data []byte, at int) int { return at + lineBreak(data[at:]) }

// lineBreak is the length of the line break that data begins with, 0 if it does
// not: LF, CR, both, or one of the two separators of Unicode.
func lineBreak(data []byte) int {
	switch {
	case len(data) == 0:
		return 0
	case data[0] == '\r' && len(data) > 1 && data[1] == '\n':
		return 2
	case data[0] == '\n', data[0] == '\r':
		return 1
	case len(data) >= 3 && data[0] == 0xe2 && data[1] == 0x80 && (data[2] == 0xa8 || data[2] == 0xa9):
		return 3
	}
	return 0
}
