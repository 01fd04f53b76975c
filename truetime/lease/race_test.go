//go:build race

package lease

func init() { raced = true }
