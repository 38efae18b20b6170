package sqlite

import "fmt"

// examine reads the schema and the first row of every table, so that a file
// whose structure is damaged near the roots is refused before it is served. The
// rest shows at its first use, or in a doctor's full check.
func examine(c *conn) error {
	var tables []string
	err := c.each(func(r row) error {
		tables = append(tables, r.text(0))
		return nil
	}, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	for _, name := range tables {
		if err != nil {
			return err
		}
		_, err = c.one(func(row) {}, fmt.Sprintf(`SELECT 1 FROM %q LIMIT 1`, name))
	}
	return err
}
