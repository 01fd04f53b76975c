// Package durable is what the durable clocks of hlc and lamport share: a [Directory]
// whose files survive a crash, and a bound that is kept on the disk ahead of the numbers
// that are handed out ([Ahead]). What a record of the bound looks like, and what a start
// makes of the records that it finds, is for each clock to say.
package durable
