//go:build race

package fencing

func init() { raced = true }
