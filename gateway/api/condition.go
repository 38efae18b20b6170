package api

import (
	"net/http"
	"strings"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// InCondition is what a write of a key expects to be there (RFC 9110 §13.1).
type InCondition struct {
	IfMatch     string `header:"If-Match" doc:"entity tags that the key's value must have one of, or *"`
	IfNoneMatch string `header:"If-None-Match" doc:"only *: the key must not be there"`
}

func (in InCondition) condition() (dispatch.Condition, error) {
	switch {
	case in.IfMatch != "" && in.IfNoneMatch != "":
		return dispatch.Condition{}, problem(http.StatusBadRequest, "invalid_request", "If-Match and If-None-Match exclude each other")
	case in.IfNoneMatch == "*":
		return dispatch.Condition{Absent: true}, nil
	case in.IfNoneMatch != "":
		return dispatch.Condition{}, problem(http.StatusBadRequest, "invalid_request", "If-None-Match: only * is known here")
	case in.IfMatch == "":
		return dispatch.Condition{}, nil
	case in.IfMatch == "*":
		return dispatch.Condition{Present: true}, nil
	}
	var tags []string
	for _, part := range strings.Split(in.IfMatch, ",") {
		tag := strings.TrimSpace(part)
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			return dispatch.Condition{}, problem(http.StatusBadRequest, "invalid_request", "If-Match: entity tags stand in quotes")
		}
		tags = append(tags, tag[1:len(tag)-1])
	}
	return dispatch.Condition{Tags: tags}, nil
}
