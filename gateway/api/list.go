package api

// result is an answer with a body.
type result[T any] struct{ Body T }

// InProject is the path of what belongs to a project.
type InProject struct {
	Project string `path:"p" doc:"slug of the project"`
}

// InDevice is the path of what belongs to a device.
type InDevice struct {
	InProject
	Device string `path:"d" doc:"device id"`
}

// Paged asks for a page.
type Paged struct {
	Page    int `query:"page" minimum:"1" maximum:"1000000" default:"1"`
	PerPage int `query:"per_page" minimum:"1" maximum:"100" default:"50"`
}

func (p Paged) offset() int { return (p.Page - 1) * p.PerPage }

// limit is one more than the page takes, to see whether there is another.
func (p Paged) limit() int { return p.PerPage + 1 }

// page makes a page of up to limit rows.
func page[Row, Item any](p Paged, rows []Row, show func(Row) Item) *result[Page[Item]] {
	more := len(rows) > p.PerPage
	if more {
		rows = rows[:p.PerPage]
	}
	return &result[Page[Item]]{Page[Item]{Items: each(rows, show), Page: p.Page, PerPage: p.PerPage, HasMore: more}}
}

// each is never nil, so that an empty list is shown as [].
func each[Row, Item any](rows []Row, show func(Row) Item) []Item {
	items := make([]Item, 0, len(rows))
	for _, row := range rows {
		items = append(items, show(row))
	}
	return items
}
