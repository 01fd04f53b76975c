//go:build race

package commitwait

func init() { raced = true }
